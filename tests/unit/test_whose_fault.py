"""Whose fault a cause is, and with which kubectl it is looked at."""

from __future__ import annotations

from typing import Any, cast

import pytest
from worlds import ObjectsWorld, thing

from kindlabs.course import Course
from kindlabs.diagnosis.cause import Cause
from kindlabs.explaining import Explainer
from kindlabs.kube.world import World
from kindlabs.record import CheckResult, Verdict
from kindlabs.submission import resolve
from kindlabs.waiting import Unmet


@pytest.fixture
def explained(course: Course) -> Any:
    """A check that is not met for a cause, in a lab that gives Deployment ``given`` with its Pod."""
    world = ObjectsWorld(
        thing("Deployment", "given"),
        thing("ReplicaSet", "given-1", owner=("Deployment", "given")),
        thing("Pod", "given-1-x", owner=("ReplicaSet", "given-1")),
    )
    namespace = thing("Pod", "x")["metadata"]["namespace"]

    def explain(kind: str, name: str, step: str = "") -> CheckResult:
        submission = resolve(course, course.lab("7"), "solution")
        given = frozenset({("Deployment", namespace, "given")})
        explainer = Explainer(submission, cast("World", world), "kubectl", [namespace], given)
        result = CheckResult.without_points("a", "It works.", Verdict.FAILED)
        cause = Cause("Broken", kind, name, namespace, "It is broken.", next_step=step)
        explainer.explain(result, Unmet("it works", "it does not", cause))
        return result

    return explain, namespace


@pytest.mark.parametrize(
    ("kind", "name", "verdict"),
    [
        ("Deployment", "given", Verdict.LAB_ERROR),
        ("Pod", "given-1-x", Verdict.LAB_ERROR),
        ("Deployment", "mine", Verdict.FAILED),
    ],
)
def test_what_is_given_is_nobodys_fault(explained: Any, kind: str, name: str, verdict: Verdict) -> None:
    """A cause in an object that the lab gives, or in what was made of it, costs the learner nothing."""
    explain, _ = explained
    assert explain(kind, name).verdict is verdict


def test_the_administrators_kubectl(explained: Any) -> None:
    """A next step that looks into a namespace of the cluster's own says that it needs the administrator."""
    explain, namespace = explained
    assert explain("Pod", "a", f"-n {namespace} logs a").next_step == f"kubectl -n {namespace} logs a"
    assert explain("Pod", "a", "get nodes").next_step == "kubectl get nodes"
    assert explain("Pod", "a", "-n cert-manager logs x").next_step == "kubectl-admin -n cert-manager logs x"
