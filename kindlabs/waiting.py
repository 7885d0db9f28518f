"""One deadline a run, and the wait that ends early: on success, or as soon as no waiting can help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.world import World

CONFIRM = 0.3
"""Seconds that a hopeless cause must hold: watches of different kinds arrive in no particular order."""
UNPROMPTED = 0.5
"""Seconds after which objects are looked at again though none has changed: they grow older, and ports open."""


class Look(NamedTuple):
    """One look at an outcome: whether it is as expected, and what was seen, in words."""

    met: bool
    observed: str


class Unmet(AssertionError):
    """An expectation that was not met: what was expected, what was observed last, and the first broken link."""

    def __init__(self, expected: str, observed: str, cause: Cause | None) -> None:
        super().__init__(f"expected {expected}; observed {observed}")
        self.expected, self.observed, self.cause = expected, observed, cause


class Deadline:
    """The moment until which all waits of a run may last.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self._end - time.monotonic()

    def grant(self, seconds: float) -> None:
        """See that at least *seconds* are left: a check that changes something on purpose may wait for what follows."""
        self._end = max(self._end, time.monotonic() + seconds)

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """For the block, so many seconds from now, which the others keep; None leaves it as it is."""
        begun, kept = time.monotonic(), self._end
        self._end = kept if seconds is None else begun + seconds
        try:
            yield
        finally:
            self._end = self._end if seconds is None else kept + time.monotonic() - begun


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
        every: seconds between looks at what no watch tells; None looks when an object has changed.

    Raises: Unmet when a cause that waiting cannot mend has held for CONFIRM seconds, or the deadline has passed;
        ApiUnreachable when the API server is gone, or does not say whether what was seen is still so.
    """
    hopeless_since: float | None = None
    while True:
        revision = world.revision
        seen = look()
        if seen.met and world.is_current():
            return seen
        if seen.met and deadline.remaining() <= 0:
            world.confirm()  # as expected, as far as was seen: nobody is blamed for what was not seen
            continue
        cause = None if seen.met else why()
        now = time.monotonic()
        hopeless_since = (hopeless_since or now) if cause and cause.final else None
        confirmed = hopeless_since is not None and now - hopeless_since >= CONFIRM
        if confirmed or deadline.remaining() <= 0:
            raise Unmet(expected, seen.observed, cause)
        if every is None:
            _pause(world, revision, CONFIRM / 3 if hopeless_since else UNPROMPTED, deadline)
        else:  # what changed while requests were under way does not send the next ones at once
            _pause(world, world.revision, every, deadline)


def _pause(world: World, revision: int, seconds: float, deadline: Deadline) -> None:
    """Until an object has changed since *revision*, *seconds* are over, or the deadline has come."""
    world.wait(revision, min(seconds, max(deadline.remaining(), 0.0)))
