"""Submissions that forge, starve or mislead the judge score what they earned, and leave the cluster sound."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kindlabs import course, submission
from kindlabs.checks import SUBMISSION
from kindlabs.clusters import lease
from kindlabs.clusters.cluster import Cluster
from kindlabs.expectations import pods, workloads
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, Identity, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.progress import Steps
from kindlabs.promises.catalog import OF_EVERY_CLUSTER
from kindlabs.record import Record, Verdict
from kindlabs.run import Run

COURSE = course.find(Path(__file__))
FORGED = Path(__file__).parent / "forged"
Judge = Callable[..., Record]

POD = {"pod-running", "found-by-label"}
UNANSWERED = {"pods-ready", "certificate-issued", "tls-served", "reissued", "other-host-refused"}
"""What passes of lab 03 where nobody gets an answer from Deployment web."""
OWN = ("probe", "mouth")

BROKEN = {
    "01-external-ip": (POD, r"spec\.externalIPs: 10\.244\.0\.2"),
    "01-redirects": (POD, ""),
    "02-another-name": ({"replicas-ready", "scales", "endpoints-match"}, ""),
    "02-endpoints-by-hand": ({"replicas-ready"}, "cannot"),
    "02-external-name": ({"replicas-ready"}, ""),
    "03-asks-for-patience": (UNANSWERED, ""),
    "03-cut-short": (UNANSWERED, ""),
    "03-endless-body": (UNANSWERED, ""),
    "03-endless-headers": (UNANSWERED, ""),
    "03-silence": (UNANSWERED, ""),
    "03-trickling-body": (UNANSWERED, ""),
}
"""By folder: the checks that may pass, and what is said of what Kubernetes refuses."""
SOUND = {
    "01-ends-the-probe": ({"nonce-noted"}, ""),
    "02-pushes": (set(), "(is for what the cluster itself runs|hostPort)"),
    "02-shadows": (set(), ""),
    "03-steals-hosts": (set(), r"router\.priority"),
    # the wildcard takes the submission's own host, too
    "03-steals-quietly": ({"ingress-routes", "tls-served", "other-host-refused", "reissued"}, ""),
}
"""By folder, where a sound submission has something beside it: the checks that do not pass, and what is said."""


@pytest.fixture
def judge(cluster: Cluster) -> Judge:
    """Judges a folder on a lab."""

    def judge_one(number: str, word: str, deadline: float = 60) -> Record:
        lab = dataclasses.replace(COURSE.lab(number), deadline=deadline)
        handed_in = submission.resolve(COURSE, lab, word)
        record = Run(lab, handed_in, cluster, lab.setup(handed_in.nonce)).judge()
        doubts = [check.observed for check in record.checks if check.verdict == Verdict.INFRA_ERROR]
        assert doubts == [], doubts
        return record

    return judge_one


@pytest.fixture
def unharmed(cluster: Cluster) -> Iterator[None]:
    """Whatever was handed in, no Pod of ours has ended, and no new one has come."""
    before = _lives(cluster.api)
    yield
    assert _lives(cluster.api) == before


def _lives(api: Api) -> dict[str, int]:
    """How often each Pod in kl-probe was started again."""
    found = [pod for name in OWN for pod in api.list("Pod", probing.NAMESPACE, f"app={name}")]
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in found}


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("folder", BROKEN)
def test_nothing_is_scored_that_was_not_earned(folder: str, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is earned may pass, nothing else does, what is refused is told with its line; nobody doubts the cluster."""
    for module in (pods, workloads):
        monkeypatch.setattr(module, "READY_SECONDS", 10.0)  # it is added to the deadline, and all of that is waited for
    earned, refused = BROKEN[folder]
    record = judge(folder[:2], str(FORGED / folder), deadline=10)
    assert _passed(record) <= earned
    _assert_findings(record, refused)


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("folder", SOUND)
def test_what_is_sound_passes_beside_it(folder: str, judge: Judge) -> None:
    """A sound submission gets its points, whatever its author put beside it."""
    missing, refused = SOUND[folder]
    record = judge(folder[:2], str(FORGED / folder))
    failed = {check.id: check.observed for check in record.checks if check.verdict != Verdict.PASSED}
    assert failed.keys() - {SUBMISSION} == missing, failed
    _assert_findings(record, refused)


def test_who_holds_the_judge_busy_is_told(judge: Judge, cluster: Cluster) -> None:
    """A flood of the judge's own Pods ends none, and costs its author the checks that need them.

    The next command is spared: it gives the ears new lives where old connections still hold them.
    """
    before = _lives(cluster.api)
    record = judge("02", str(FORGED / "02-floods"))
    assert _lives(cluster.api) == before
    failed = [check for check in record.checks if check.verdict == Verdict.FAILED]
    assert all(check.cause and check.cause.reason == "FloodsTheJudge" for check in failed[:1]), failed
    assert all(check.cause.source for check in failed[:1] if check.cause)
    assert lease._lasting_fault(cluster, OF_EVERY_CLUSTER, Steps()) is None


def _passed(record: Record) -> set[str]:
    return {check.id for check in record.checks if check.verdict == Verdict.PASSED and check.id != SUBMISSION}


def _assert_findings(record: Record, refused: str) -> None:
    """What Kubernetes refused is a finding with its line, and nothing else is."""
    findings = record.submission["findings"]
    assert bool(findings) == bool(refused), findings
    assert all(re.search(refused, finding["message"]) and finding["line"] > 1 for finding in findings), findings


def test_a_sound_submission_passes_after_all_that(judge: Judge) -> None:
    """What earlier submissions did is not in the next verdict."""
    record = judge("03", "solution")
    assert record.verdict == Verdict.PASSED, [f"{check.id} {check.observed}" for check in record.checks]


def test_a_learner_has_no_rights_where_we_are(cluster: Cluster) -> None:
    """Neither in our namespaces, nor over what Kubernetes derives from her objects."""
    learner = cluster.api.acting_as(LEARNER)
    lab = COURSE.lab("01").namespaces[0]
    for namespace in (probing.NAMESPACE, "kube-system"):
        for group, resource in (("", "pods"), ("", "pods/exec"), ("", "services"), ("networking.k8s.io", "ingresses")):
            assert not learner.may_create(group, resource, namespace), f"{resource} in {namespace}"
    for group, resource in (("", "endpoints"), ("discovery.k8s.io", "endpointslices"), ("", "services/status")):
        assert not learner.may_create(group, resource, lab), resource


def test_a_pod_with_a_learners_rights_gets_no_address(cluster: Cluster, judge: Judge) -> None:
    """What is refused to a learner is refused to accounts that she gives her rights to; what a lab grants is not."""
    judge("01", "start")
    namespace = COURSE.lab("01").namespaces[0]
    account = cluster.api.acting_as(
        Identity(f"system:serviceaccount:{namespace}:default", ("system:serviceaccounts", "system:authenticated"))
    )
    cluster.api.apply(_binding(namespace), manager="kind-labs-learner")
    service = _service(namespace)
    with pytest.raises(ApiError, match=r"spec\.externalIPs: 10\.96\.0\.1 would be taken"):
        account.apply(service, manager="somebody")
    grant = {"metadata": {"labels": {"kind-labs/grants-external-ips": "true"}}}
    cluster.api.patch("Namespace", namespace, None, grant)
    try:
        account.apply(service, manager="somebody", dry_run=True)
    finally:
        cluster.api.patch(
            "Namespace", namespace, None, {"metadata": {"labels": {"kind-labs/grants-external-ips": None}}}
        )


def _binding(namespace: str) -> Object:
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"}
    meta = {"name": "all-of-mine", "namespace": namespace}
    version = "rbac.authorization.k8s.io/v1"
    return {"apiVersion": version, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [subject]}


def _service(namespace: str) -> Object:
    meta = {"name": "evil", "namespace": namespace}
    spec = {"externalIPs": ["10.96.0.1"], "ports": [{"port": 443}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
