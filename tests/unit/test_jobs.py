"""Work that ends: what was done, how many worked at once, and why it was otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import thing

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.work import most_at_once
from kindlabs.waiting import Unmet
from labs import lab_with

INDEXED = {"name": "app", "command": ["sh", "-c", "echo $JOB_COMPLETION_INDEX > /dev/termination-log"]}
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}


def job(status: Any = COMPLETE, **spec: Any) -> Any:
    """Job ``squares``."""
    return thing("Job", "squares", spec={"template": {"spec": {"containers": [INDEXED]}}, **spec}, status=status)


def pod(number: int, said: str = "", *, start: int = 0, end: int = 1, code: int = 0, **more: Any) -> Any:
    """A Pod of it that was made and ended at seconds of one minute."""
    made = thing("Pod", f"squares-{number}", owner=("Job", "squares"), spec={"containers": [INDEXED]}, **more)
    made["metadata"]["ownerReferences"][0]["uid"] = "squares"
    made["metadata"]["creationTimestamp"] = f"2026-11-29T10:00:{start:02}Z"
    ended = {"exitCode": code, "message": said, "finishedAt": f"2026-11-29T10:00:{end:02}Z"}
    ended["startedAt"] = made["metadata"]["creationTimestamp"]
    made["status"] = {
        "phase": "Failed" if code else "Succeeded",
        "containerStatuses": [{"name": "app", "state": {"terminated": ended}}],
    }
    return made


def cause_of(unmet: Unmet) -> Cause:
    """The cause that there has to be."""
    assert unmet.cause is not None
    return unmet.cause


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0, 2), (1, 3), (1, 4)], 3),
        ([(0, 2), (2, 4), (4, 5)], 1),  # one that begins when another ends is no second
        ([(0, 0), (0, 0)], 0),  # nobody can tell
        ([(0, 9), (1, 2), (3, 4)], 2),
    ],
)
def test_how_many_were_there_at_once(spans: list[tuple[int, int]], most: int) -> None:
    """Whole seconds make it too few, never too many."""
    assert most_at_once([pod(at, start=start, end=end) for at, (start, end) in enumerate(spans)]) == most


def test_work_that_was_done_once() -> None:
    """Each line of each Pod that succeeded counts; one that failed said nothing that counts."""
    lab = lab_with(job(), pod(0, "a\nb"), pod(1, "c\n"), pod(2, "a", code=1))
    lab.job("squares").did(["c", "b", "a"], by=2)
    assert lab.asserted == 1


@pytest.mark.parametrize(
    ("spec", "said", "reason"),
    [
        ({"completionMode": "NonIndexed"}, ["0", "0"], "NotIndexed"),
        ({"completionMode": "Indexed"}, ["0", "0"], "DoneTwice"),
        ({"completionMode": "Indexed"}, ["0"], "WorkLeft"),
        ({"completionMode": "Indexed"}, ["0", "1", "2"], "OtherWork"),
        ({"completionMode": "Indexed"}, ["", ""], "NothingDone"),
        ({"completionMode": "Indexed"}, ["0\n1"], "TooFewWorkers"),
    ],
)
def test_why_work_was_not_done(spec: Any, said: list[str], reason: str) -> None:
    """A Job that is Complete and did something else says what."""
    lab = lab_with(job(**spec), *(pod(at, text) for at, text in enumerate(said)))
    with pytest.raises(Unmet) as caught:
        lab.job("squares").did(["0", "1"], by=2)
    assert cause_of(caught.value).reason == reason


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({}, "CodeNotRuled"),
        ({"podFailurePolicy": {"rules": [{"action": "FailJob"}]}}, "CodeNotRuled"),
    ],
)
def test_a_code_that_is_tried_again(spec: Any, reason: str) -> None:
    """A Job that tries again what its policy should end is told at the first failure."""
    lab = lab_with(job({}, **spec), pod(0, code=42))
    with pytest.raises(Unmet) as caught:
        lab.job("squares").fails("PodFailurePolicy", pods=1)
    cause = cause_of(caught.value)
    assert (cause.reason, cause.final) == (reason, True)
    assert cause.message.endswith("6 times.")


def test_a_failure_for_its_reason() -> None:
    """One Pod and the reason are what is asked for; two Pods are not."""
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "PodFailurePolicy"}]}
    lab_with(job(failed), pod(0, code=42)).job("squares").fails("PodFailurePolicy", pods=1)
    with pytest.raises(Unmet):
        lab_with(job(failed), pod(0, code=42), pod(1, code=42)).job("squares").fails("PodFailurePolicy", pods=1)


@pytest.mark.parametrize(
    ("spec", "ends", "reason"),
    [
        ({"parallelism": 1}, [(0, 1), (2, 3)], "NotParallel"),
        ({"parallelism": 9}, [(0, 3)] * 5, "TooParallel"),
        ({"parallelism": 4}, [(0, 1), (1, 2)], "NotParallel"),
    ],
)
def test_why_not_so_many_at_once(spec: Any, ends: list[tuple[int, int]], reason: str) -> None:
    """Too few at once, and too many, are told by the field that says so."""
    pods = [pod(at, start=start, end=end) for at, (start, end) in enumerate(ends)]
    with pytest.raises(Unmet) as caught:
        lab_with(job(**spec), *pods).job("squares").ran_in_parallel(least=3, most=4)
    assert cause_of(caught.value).reason == reason


def test_a_job_that_stays() -> None:
    """A Job that is over and has no TTL is not removed, however long anybody waits."""
    with pytest.raises(Unmet) as caught:
        lab_with(job()).job("squares").is_cleaned_up()
    assert cause_of(caught.value).reason == "NoTtl"


def test_a_crash_is_a_chance_once() -> None:
    """One Pod that failed may be followed by one that does not; two are told at once."""
    for pods, final in ([pod(0, code=3)], False), ([pod(0, code=3), pod(1, code=3)], True):
        with pytest.raises(Unmet) as caught:
            lab_with(job({}), *pods).job("squares").completes()
        cause = cause_of(caught.value)
        assert (cause.reason, cause.final, cause.kind) == ("CrashLoop", final, "Job")
