"""A wait ends on success, on a hopeless cause, or at the deadline, and never passes by running out."""

from __future__ import annotations

import time
from typing import cast

import pytest

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.api import ApiUnreachable
from kindlabs.kube.world import World
from kindlabs.waiting import CONFIRM, Deadline, Look, Unmet, wait_until
from labs import lab_with


class StillWorld:
    """A world in which nothing changes; it may be unreachable."""

    revision = 0

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def is_current(self) -> bool:
        """What is seen of it is what there is."""
        return True

    def confirm(self) -> None:
        """It cannot be told."""
        raise ApiUnreachable("out of date")

    def wait(self, _since: int, timeout: float) -> None:
        """Let *timeout* seconds pass."""
        if self.error:
            raise self.error
        time.sleep(timeout)


STILL = cast("World", StillWorld())
HOPELESS = Cause("SelectsNoPod", "Service", "web", "lab-03", "Service web selects nothing.")
PASSING = Cause("NotYet", "Pod", "web", "lab-03", "It is on its way.", final=False)


def wait(look: list[Look], cause: Cause | None, seconds: float) -> Look:
    """Wait through *look*, the last one again and again."""
    left = list(look)
    deadline = Deadline(seconds)
    see = lambda: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
    return wait_until("it", see, lambda: cause, world=STILL, deadline=deadline, every=0.01)


def test_success_ends_a_wait() -> None:
    """The look that met the expectation is returned, however many did not before."""
    assert wait([Look(False, "no"), Look(False, "no"), Look(True, "yes")], None, 5).observed == "yes"


def test_what_is_out_of_date_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen before a watch was lost does not count until it has been seen again, and blames nobody either.

    Not even where a walk, which looks for what is wrong, always finds something.
    """
    monkeypatch.setattr(STILL, "is_current", lambda: False)
    with pytest.raises(ApiUnreachable):
        wait([Look(True, "yes")], HOPELESS, CONFIRM * 2)


def test_what_is_seen_again_in_time_is_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that passes while a watch is being renewed is given that moment."""
    known: list[bool] = []
    monkeypatch.setattr(STILL, "is_current", lambda: bool(known))
    monkeypatch.setattr(STILL, "confirm", lambda: known.append(True))
    assert wait([Look(True, "yes")], HOPELESS, -1).met


def test_success_counts_even_after_the_deadline() -> None:
    """What is settled needs no time: one look is always taken."""
    assert wait([Look(True, "yes")], None, -1).met


def test_running_out_is_unmet_with_the_last_look() -> None:
    """A wait that runs out reports what was seen last."""
    started = time.monotonic()
    with pytest.raises(Unmet) as caught:
        wait([Look(False, "one"), Look(False, "two")], PASSING, 0.1)
    assert (caught.value.observed, caught.value.cause) == ("two", PASSING)
    assert time.monotonic() - started >= 0.1


def test_a_hopeless_cause_ends_a_wait_early() -> None:
    """A cause that no waiting mends ends the wait once it has been confirmed, long before the deadline."""
    started = time.monotonic()
    with pytest.raises(Unmet) as caught:
        wait([Look(False, "none")], HOPELESS, 30)
    assert caught.value.cause is HOPELESS
    assert CONFIRM <= time.monotonic() - started < 5


def test_a_cause_that_goes_away_does_not_end_a_wait() -> None:
    """Watches of different kinds arrive in no order: a hopeless cause that is gone at the next look is forgotten."""
    causes: list[Cause | None] = [HOPELESS, None]
    looks = [Look(False, "no")] * 60 + [Look(True, "yes")]
    find = lambda: causes.pop(0) if len(causes) > 1 else causes[0]  # noqa: E731
    assert wait_until("it", lambda: looks.pop(0), find, world=STILL, deadline=Deadline(9), every=0.01).met


def test_an_unreachable_cluster_is_not_unmet() -> None:
    """A silent API server ends the wait as what it is."""
    gone = cast("World", StillWorld(ApiUnreachable("gone")))
    with pytest.raises(ApiUnreachable):
        wait_until("it", lambda: Look(False, "no"), lambda: None, world=gone, deadline=Deadline(5))


def test_a_grant_never_shortens() -> None:
    """A check that disturbs something gets the time that it needs, and takes none from others."""
    deadline = Deadline(50)
    deadline.grant(10)
    assert deadline.remaining() > 45
    deadline.grant(100)
    assert deadline.remaining() > 95


def test_time_of_its_own_costs_no_other() -> None:
    """Inside, so many seconds are left and no more; afterwards the others have what they had."""
    deadline = Deadline(0.4)
    with deadline.within(20):
        assert 19 < deadline.remaining() <= 20
        time.sleep(0.5)
    assert 0.2 < deadline.remaining() <= 0.4
    with deadline.within(0.1):
        assert deadline.remaining() <= 0.1
    with deadline.within(None):
        assert deadline.remaining() <= 0.4


def test_late_requests_are_sent_all_the_same() -> None:
    """A check whose turn comes when the run's time is over is asked in full: what was not asked has not failed."""
    lab = lab_with()
    lab.deadline = Deadline(-1)
    left: list[float] = []

    def look() -> Look:
        left.append(lab.deadline.remaining())
        return Look(True, "answered")

    lab.expect_traffic("an answer", look, lambda: None)
    assert left[0] > 2
