"""The decorator that makes a test of a validator a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., None])
SPEC = "__kindlabs_check__"


@dataclass(frozen=True)
class CheckSpec:
    """What the decorator said: points, and the ids of the checks that must pass first."""

    id: str
    title: str
    points: int
    needs: tuple[str, ...]


def check(points: int, needs: Sequence[Callable[..., None]] = ()) -> Callable[[Test], Test]:
    """Make a test function a check of its lab. Its docstring is the title: the task's own sentence.

    Args:
        points: what it is worth when it passes.
        needs: checks that must pass first; without them this one is ``blocked``, not ``failed``.

    Raises: ValueError when the function is no test, has no docstring, or needs something that is no check.
    """

    def decorate(function: Test) -> Test:
        title = (function.__doc__ or "").strip().partition("\n")[0]
        if not function.__name__.startswith("test_") or not title:
            raise ValueError(f"{function.__name__}: a check is a function test_… with a docstring")
        missing = [f.__name__ for f in needs if not hasattr(f, SPEC)]
        if missing:
            raise ValueError(f"{function.__name__} needs {', '.join(missing)}, which is no check")
        wanted = tuple(getattr(f, SPEC).id for f in needs)
        setattr(function, SPEC, CheckSpec(check_id(function.__name__), title, points, wanted))
        return function

    return decorate


def check_id(function_name: str) -> str:
    """``test_pods_ready`` is check ``pods-ready``."""
    return function_name.removeprefix("test_").replace("_", "-")
