"""A cluster that does not do its part is found out before a learner is blamed; one that does is not suspected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import docker
import pytest
from kindlabs.control import Control

from kindlabs import control, course, submission
from kindlabs.clusters.cluster import Cluster
from kindlabs.expectations import barrier
from kindlabs.record import Verdict
from kindlabs.run import Run

Lease = Callable[..., AbstractContextManager[Cluster]]

COURSE = course.find(Path(__file__))
KUBECTL = "kubectl --kubeconfig=/etc/kubernetes/admin.conf"
STOP_SCHEDULER = ("kill -STOP $(pidof kube-scheduler)", "kill -CONT $(pidof kube-scheduler)")
CORDON = (f"{KUBECTL} cordon $(hostname)", f"{KUBECTL} uncordon $(hostname)")
STOP_PROXY = ("kill -STOP $(pidof kube-proxy)", "kill -CONT $(pidof kube-proxy)")
NO_CLASS = (
    f"{KUBECTL} get ingressclass traefik -o yaml > /run/class.yaml && {KUBECTL} delete ingressclass traefik",
    f"{KUBECTL} apply -f /run/class.yaml",
)


@pytest.fixture(scope="module")
def spare(own: Path, lease_of: Lease) -> Iterator[Cluster]:
    """The cluster of a copy of the course, with Ingress controller and cert-manager."""
    with lease_of(own, ["ingress", "cert-manager"]) as cluster:
        yield cluster


@pytest.fixture
def broken(spare: Cluster, client: docker.DockerClient, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """It, broken by one command in its node and mended by another."""
    node = client.containers.get(f"{spare.name}-control-plane")
    breaks, mends = request.param
    assert node.exec_run(["sh", "-c", breaks]).exit_code == 0
    yield spare
    assert node.exec_run(["sh", "-c", mends]).exit_code == 0
    spare.facts.fault = ""
    spare.remember()


def test_a_sound_cluster_is_not_suspected(spare: Cluster) -> None:
    """A Pod, a Service, an Ingress and a certificate of ours come about, and nothing of them is left."""
    experiment = Control(spare, [])
    assert experiment.fault() is None
    experiment.close()
    assert spare.api.list("Pod", "kl-probe", "app=control") == []
    assert spare.api.list("CertificateRequest.cert-manager.io", "kl-probe", "app=control") == []


@pytest.mark.parametrize(
    ("broken", "said", "is_noted"),
    [(STOP_SCHEDULER, "gets no node", True), (CORDON, "cordoned", False), (NO_CLASS, "traefik", False)],
    indirect=["broken"],
)
def test_nobody_is_blamed_on_a_broken_cluster(
    broken: Cluster, said: str, is_noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant on a cluster that is broken gets no verdict, and what no look shows is noted for the next command."""
    monkeypatch.setattr(control, "PATIENCE", 4.0)
    lab = COURSE.lab("03")
    handed_in = submission.resolve(COURSE, lab, "wrong-class")
    record = Run(lab, handed_in, broken, lab.setup(handed_in.nonce)).judge()
    assert record.verdict == Verdict.INFRA_ERROR
    assert Verdict.FAILED not in {check.verdict for check in record.checks}
    assert any(said in check.observed for check in record.checks)
    assert record.max_score == 10
    assert bool(Cluster(broken.state, "single").facts.fault) == is_noted


@pytest.mark.parametrize("broken", [STOP_PROXY], indirect=True)
def test_no_old_answer_is_judged(broken: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound submission whose Services the data plane never takes in gets no verdict, whatever answers meanwhile."""
    monkeypatch.setattr(barrier, "GIVE_UP", 4.0)
    lab = COURSE.lab("02")
    handed_in = submission.resolve(COURSE, lab, "solution")
    record = Run(lab, handed_in, broken, lab.setup(handed_in.nonce), fresh=True).judge()
    assert record.verdict == Verdict.INFRA_ERROR
    assert any("a change of Service barrier" in check.observed for check in record.checks)
