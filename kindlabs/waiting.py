"""One deadline a run, and the wait that ends early: on success, or as soon as no waiting can help."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.world import World

LOOK_AGAIN = 0.05
"""Seconds between two looks at what no watch tells: an HTTP answer."""
CONFIRM = 0.3
"""Seconds that a hopeless cause must hold: watches of different kinds arrive in no particular order."""
READY_SECONDS = 30.0
"""What Pods may take to become Ready, however late in a run they are asked."""
ACTION_SECONDS = 60.0
"""What a check that disturbs something on purpose may wait for the recovery."""


class Look(NamedTuple):
    """One look at an outcome: whether it is as expected, and what was seen, in words."""

    met: bool
    observed: str


class Unmet(AssertionError):
    """An expectation that was not met: what was expected, what was observed last, and the first broken link."""

    def __init__(self, expected: str, observed: str, cause: Cause | None, *, in_time: bool = True) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected, self.observed, self.cause, self.in_time = expected, observed, cause, in_time


class Deadline:
    """The moment until which all waits of a run may last.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self._end - time.monotonic()

    def grant(self, seconds: float) -> None:
        """See that at least *seconds* are left: a check that changes something on purpose may wait for what follows."""
        self._end = max(self._end, time.monotonic() + seconds)


def wait_until(
    expected: str,
    look: Callable[[], Look],
    why: Callable[[], Cause | None],
    *,
    world: World,
    deadline: Deadline,
    every: float | None = None,
) -> Look:
    """Look until the outcome is as expected; return that look.

    Args:
        expected: the outcome in words.
        look: one look at it; quick, no side effects.
        why: the first broken link, as far as objects tell; None when there is none, or nobody knows yet.
        every: seconds between looks at what no watch tells; None looks only when an object has changed.

    Raises: Unmet when a cause that waiting cannot mend has held for CONFIRM seconds, or the deadline has passed;
        ApiUnreachable when the API server is gone.
    """
    hopeless_since: float | None = None
    while True:
        revision = world.revision
        seen = look()
        if seen.met and world.is_current():
            return seen
        cause = why()
        now = time.monotonic()
        hopeless_since = (hopeless_since or now) if cause and cause.final else None
        if hopeless_since and now - hopeless_since >= CONFIRM:
            raise Unmet(expected, seen.observed, cause)
        if deadline.remaining() <= 0:
            raise Unmet(expected, seen.observed, cause, in_time=False)
        pause = every or (CONFIRM / 3 if hopeless_since else 0.5)
        world.wait(revision if every is None else world.revision, min(pause, max(deadline.remaining(), 0.01)))
