"""When an expectation suspects the cluster: when somebody is about to be blamed, and not before."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kindlabs.diagnosis.cause import Cause
from kindlabs.expectations import Lab, lab
from kindlabs.waiting import Deadline, Look, Unmet

HOPELESS = Cause("SelectsNoPod", "Service", "web", "lab-03", "Service web selects nothing.")
PASSING = replace(HOPELESS, final=False)
WRITTEN = replace(HOPELESS, written=True)


def doubts(cause: Cause | None, seconds: float) -> list[float]:
    """Seconds after its begin at which a wait for *seconds*, which always finds *cause*, doubts the cluster."""
    world: Any = SimpleNamespace(revision=0, is_current=lambda: True, wait=lambda _, timeout: time.sleep(timeout))
    nothing = cast("Any", None)
    begun, times = time.monotonic(), list[float]()
    subject = Lab(nothing, world, nothing, nothing, nothing, ("lab-03",), Deadline(seconds))
    subject.doubt = lambda: times.append(time.monotonic() - begun)
    with pytest.raises(Unmet):
        subject.expect("it", lambda: Look(False, "no"), lambda: cause, every=0.02)
    return times


@pytest.mark.parametrize("cause", [None, PASSING])
def test_a_long_wait_doubts_nobody_before_its_end(cause: Cause | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as waiting may help nothing is tried; shortly before it runs out, the experiment begins."""
    monkeypatch.setattr(lab, "LEAD_SECONDS", 0.2)
    first, *_ = doubts(cause, 0.8)
    assert first > 0.5


def test_a_short_wait_doubts_nobody_at_its_begin() -> None:
    """What may take half a second only is given half of that before the cluster is suspected."""
    first, *_ = doubts(None, 0.5)
    assert first > 0.2


def test_what_no_waiting_mends_is_doubted_at_once() -> None:
    """The experiment goes on beside the time for which a final cause has to hold."""
    first, *_ = doubts(HOPELESS, 5)
    assert first < 0.2


def test_what_is_written_needs_no_experiment() -> None:
    """No cluster can be to blame for what the manifest itself says, however little time is left."""
    assert doubts(WRITTEN, 0.1) == []
