"""A lab whose objects a test holds in its hand, and in which nothing is waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from worlds import ObjectsWorld

from kindlabs.diagnosis.cause import Scene
from kindlabs.expectations import Lab
from kindlabs.waiting import Deadline


class QuietWorld(ObjectsWorld):
    """A world that is current, and in which nothing changes."""

    revision = 0

    def is_current(self) -> bool:
        """What is seen of it is what there is."""
        return True

    def wait(self, _since: int, _timeout: float) -> None:
        """Nothing comes."""


def lab_with(*objects: Any, **scene: Any) -> Lab:
    """A lab of namespace lab-02 that shows *objects*; its deadline has passed, so that each outcome is looked at once.

    What is granted is not given.
    """
    world: Any = QuietWorld(*objects)
    deadline = Deadline(-1)
    deadline.grant = lambda _seconds: None  # type: ignore[method-assign]
    barrier: Any = SimpleNamespace(passed=True)
    return Lab(cast("Any", None), world, Scene(world, **scene), cast("Any", None), barrier, ("lab-02",), deadline)
