"""A run that gives up: what it found and what it advises reach the record and the board."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from rich.console import Console

from kindlabs import run, submission
from kindlabs.board import Board
from kindlabs.clusters.cluster import Cluster
from kindlabs.course import Course
from kindlabs.errors import InfraError, LabError
from kindlabs.record import Verdict


@pytest.mark.parametrize(
    ("error", "check", "verdict"),
    [
        (InfraError("the policy has no effect", "make clean"), "cluster", Verdict.INFRA_ERROR),
        (LabError("the policy has no effect", "make clean"), "lab", Verdict.LAB_ERROR),
    ],
)
def test_advice_is_shown(
    course: Course, monkeypatch: pytest.MonkeyPatch, error: Exception, check: str, verdict: Verdict
) -> None:
    """Whatever ends a run without a verdict says what to do: in the record, and on the board."""

    def give_up(*_: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(run, "clear_others", give_up)
    facts = {"name": "labs-single", "profile": "single", "version": "v1.36.3", "addons": [], "kubeconfig_path": ""}
    api = SimpleNamespace(resources=lambda **_: [])
    more = {
        "facts": SimpleNamespace(broken={}),
        "fault": lambda _promises: None,
        "distrust": lambda _evidence: None,
    }
    cluster = SimpleNamespace(**facts, **more, api=api)
    lab, shown = course.lab("7"), io.StringIO()
    board = Board(Console(file=shown, width=200), again="")
    handed_in = submission.resolve(course, lab, "solution")
    record = run.Run(lab, handed_in, cast("Cluster", cluster), [], listener=board.check).judge()
    first, other = record.checks
    assert (first.id, first.verdict, first.observed, first.next_step) == (
        *(check, verdict),
        *("the policy has no effect", "make clean"),
    )
    assert (other.id, other.verdict) == ("endpoints-match", verdict)
    assert "next      make clean\n" in shown.getvalue()


def test_a_cluster_that_cannot_do_it(course: Course) -> None:
    """A lab whose cluster lacks what it requires says so before anything is judged, and is not doubted for it."""
    lab = replace(course.lab("7"), requires=("network-policy", "crictl"))
    facts = SimpleNamespace(capabilities=["crictl"])
    more = {"version": "v1.36.3", "addons": [], "profile": "single", "facts": facts}  # no word of what else it is
    cluster = SimpleNamespace(name="labs-single", **more)
    record = run.Run(lab, submission.resolve(course, lab, "solution"), cast("Cluster", cluster), []).judge()
    first, *others = record.checks
    assert (first.verdict, first.observed) == (
        Verdict.INFRA_ERROR,
        "lab 07 requires network-policy, which cluster labs-single cannot do",
    )
    assert "images.lock.yaml" in first.next_step
    assert {check.verdict for check in others} == {Verdict.INFRA_ERROR}
