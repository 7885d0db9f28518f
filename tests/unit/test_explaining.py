"""What a learner reads of a cause, in terms of her files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from worlds import ObjectsWorld

from kindlabs.diagnosis.cause import Cause
from kindlabs.explaining import Explainer
from kindlabs.kube.world import World
from kindlabs.lint import Finding, Source
from kindlabs.record import CheckResult, Verdict
from kindlabs.submission import Submission
from kindlabs.waiting import Unmet

FOUND = Finding("Pod hello: spec.x: 64m is 0.064 bytes.", Source("work/01/pod.yaml", 7), "Pod hello")
NAMELESS = Finding("Pod has no metadata.name.", Source("work/01/pod.yaml", 1))


def explained(cause: Cause, *findings: Finding) -> CheckResult:
    """A check that *cause* made fail, as it is told to somebody in whose files *findings* were found."""
    source = lambda *_: None  # noqa: E731
    submission = cast("Submission", SimpleNamespace(findings=findings, source=source))
    world = ObjectsWorld()
    world.last = world.get  # type: ignore[attr-defined]
    result = CheckResult.without_points("x", "X.", Verdict.FAILED)
    Explainer(submission, cast("World", world), "kubectl", "lab-01").explain(result, Unmet("a Pod", "none", cause))
    return result


@pytest.mark.parametrize(
    "cause",
    [
        Cause("NotFound", "Pod", "hello", "lab-01", "There is no Pod hello in lab-01."),
        Cause("NotFound", "Pod", "other", "lab-01", "There is no Pod hello in lab-01; there is other."),
        Cause("NothingIssues", "Pod", "", "lab-01", "Nothing issues web-tls."),
    ],
    ids=["missing", "another", "any"],
)
def test_an_object_that_was_left_out_is_not_just_missing(cause: Cause) -> None:
    """What was found wrong with it before it could be applied is the cause of its absence, at its line."""
    told = explained(cause, NAMELESS, FOUND).cause
    assert told is not None
    assert told.message == "Pod hello is not applied: spec.x: 64m is 0.064 bytes."
    assert told.source == {"file": "work/01/pod.yaml", "line": 7}


@pytest.mark.parametrize(
    "cause",
    [
        Cause("NotFound", "Pod", "web", "lab-01", "There is no Pod web in lab-01."),
        Cause("Crashes", "Pod", "hello", "lab-01", "Pod hello crashes."),
    ],
)
def test_other_causes_stay_as_they_are(cause: Cause) -> None:
    """A finding about one object explains nothing about another, nor what is there all the same."""
    told = explained(cause, NAMELESS, FOUND).cause
    assert told is not None
    assert (told.message, told.source) == (cause.message, None)


def test_what_is_ours_is_its_own_evidence() -> None:
    """A cause that lies with lab or machine is no failure, and what was observed is the cause."""
    cause = Cause("LabImageMissing", "Pod", "hello", "lab-01", "The node has not agnhost.", ours=True)
    result = explained(cause)
    assert (result.verdict, result.observed) == (Verdict.INFRA_ERROR, "The node has not agnhost.")


def test_where_no_cause_is_known_events_are_shown(tmp_path: Path) -> None:
    """Without a cause the next step shows what happened."""
    result = CheckResult.without_points("x", "X.", Verdict.FAILED)
    nobody = cast("Submission", SimpleNamespace(findings=[], folder=tmp_path))
    Explainer(nobody, cast("World", ObjectsWorld()), "kubectl", "lab-01").explain(result, Unmet("a", "b", None))
    assert (result.verdict, result.next_step) == (Verdict.FAILED, "kubectl -n lab-01 events")
