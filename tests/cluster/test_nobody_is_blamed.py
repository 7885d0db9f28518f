"""A cluster that does not do its part is found out before a learner is blamed; one that does is not suspected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import docker
import pytest

from kindlabs import course, submission
from kindlabs.addons.addon import promises_of_module
from kindlabs.clusters.cluster import Cluster
from kindlabs.promises import barrier, control
from kindlabs.promises.catalog import OF_EVERY_CLUSTER, of_cluster
from kindlabs.promises.proving import prove
from kindlabs.promises.trial import MARK, Trial
from kindlabs.record import Record, Verdict
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


PROVISIONER = "-n local-path-storage scale deployment local-path-provisioner --replicas"
NO_PROVISIONER = (f"{KUBECTL} {PROVISIONER}=0", f"{KUBECTL} {PROVISIONER}=1")
WELL_SECONDS = 150.0
"""What a sound promise may take on a machine with far too much work; a few seconds on a quiet one."""
MANIFEST, KEPT = "/etc/kubernetes/manifests/kube-controller-manager.yaml", "/run/kube-controller-manager.yaml"


def without(*controllers: str) -> tuple[str, str]:
    """The commands that take *controllers* out of the kube-controller-manager, and that bring them back."""
    more = "".join(f",-{name}" for name in controllers)
    change = (
        f"cp {MANIFEST} {KEPT} && sed 's/--controllers=.*/&{more}/' {KEPT} > /run/changed && cp /run/changed {MANIFEST}"
    )
    runs = "pid=$(pidof kube-controller-manager)"
    told = f"tr '\\0' ' ' < /proc/$pid/cmdline | grep -q -- {more}"
    return (
        f"{change} && until {runs} && {told}; do sleep 0.2; done",
        f"cp {KEPT} {MANIFEST} && until {runs} && ! {told}; do sleep 0.2; done",
    )


def trial(cluster: Cluster) -> Trial:
    """A place for proofs."""
    return Trial(cluster.api, cluster.ports, "test")


def test_a_sound_cluster_keeps_every_promise(spare: Cluster) -> None:
    """All that it promises comes about with objects of ours, within seconds, and nothing of them is left."""
    of_addons = [promise for name in spare.addons for promise in promises_of_module(name)]
    promises = [*of_cluster(spare.facts.capabilities), *of_addons]
    attempt = trial(spare)
    assert prove(promises, attempt, WELL_SECONDS) == {}
    attempt.clean_up()
    made = ("Job.batch", "CronJob", "NetworkPolicy", "Ingress", "CertificateRequest", "Service", "Deployment")
    for kind in made:
        assert spare.api.list(kind, "kl-probe", MARK) == []


@pytest.mark.parametrize(
    ("broken", "promises"),
    [
        (without("cronjob-controller", "daemonset-controller"), {"cronjobs-fire", "daemonsets-follow"}),
        (without("job-controller", "statefulset-controller"), {"jobs-end", "statefulsets-follow"}),
        (without("replicaset-controller"), {"deployments-follow"}),
        (without("endpointslice-controller"), {"services-answer", "names-resolve"}),
        (NO_PROVISIONER, {"claims-bind"}),
    ],
    indirect=["broken"],
    ids=["cronjob, daemonset", "job, statefulset", "replicaset", "endpointslice", "provisioner"],
)
def test_a_dead_controller_breaks_its_own_promise(broken: Cluster, promises: set[str]) -> None:
    """Who does not act any more is found out by the promise that it kept, and nobody else is suspected."""
    dead = [promise for promise in OF_EVERY_CLUSTER if promise.name in promises]
    others = [promise for promise in OF_EVERY_CLUSTER if promise.name not in promises]
    attempt = trial(broken)
    assert prove(others, attempt, WELL_SECONDS) == {}
    assert set(prove(dead, attempt, 10)) == promises
    attempt.clean_up()


@pytest.mark.parametrize(
    ("broken", "said", "is_noted"),
    [(STOP_SCHEDULER, "gets no node", True), (CORDON, "cordoned", False), (NO_CLASS, "traefik", False)],
    indirect=["broken"],
)
def test_nobody_is_blamed_on_a_broken_cluster(
    broken: Cluster, said: str, is_noted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mutant on a cluster that is broken gets no verdict, and what no look shows is noted for the next command."""
    monkeypatch.setattr(control, "COMES_SECONDS", 6.0)
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
    monkeypatch.setattr(barrier, "COMES_SECONDS", 4.0)
    lab = COURSE.lab("02")
    handed_in = submission.resolve(COURSE, lab, "solution")
    record = Run(lab, handed_in, broken, lab.setup(handed_in.nonce), fresh=True).judge()
    assert record.verdict == Verdict.INFRA_ERROR
    assert any("has not come through within 4 s: Service barrier-" in check.observed for check in record.checks)


CLOCK = """
from kindlabs import check
from kindlabs.waiting import Look

@check(points=1)
def test_fires(lab):
    \"\"\"The CronJob makes a Job.\"\"\"
    lab.expect("a Job", lambda: Look(bool(lab.world.list("Job.batch", lab.namespaces[0])), "no Job"))
"""
SUSPENDED = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: clock}
spec:
  schedule: "* * * * *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: clock, image: agnhost}]}}}}
"""
CLOSING = """
from kindlabs import check

@check(points=1)
def test_closed(lab):
    \"\"\"A Pod starts on a node that this lab closed.\"\"\"
    node = lab.api.list("Node")[0]["metadata"]["name"]
    spec = {"taints": [{"key": "lab", "value": "21", "effect": "NoSchedule"}]}
    lab.api.patch("Node", node, None, {"metadata": {"labels": {"disk": "slow"}}, "spec": spec})
    lab.pod("hello").is_ready()
"""


def add_lab(root: Path, name: str, validator: str, manifest: str, more: str) -> None:
    """A lab for this course, with its solution."""
    for folder in (root / "labs" / name / "start", root / "fixtures" / name / "solution"):
        folder.mkdir(parents=True)
        (folder / "all.yaml").write_text(manifest)
    labfile = f"version: kind-labs/lab/v2\ntitle: A lab\nminutes: 1\n{more}"
    (root / "labs" / name / "lab.yaml").write_text(labfile)
    (root / "validators" / f"test_{name.replace('-', '_')}.py").write_text(validator)


def judged(root: Path, number: str, cluster: Cluster, name: str = "solution") -> Record:
    """The record of a lab of the course in *root*, of a run that is as patient as a busy machine needs."""
    found = course.Course(root)
    lab = found.lab(number)
    handed_in = submission.resolve(found, lab, name)
    return Run(lab, handed_in, cluster, lab.setup(handed_in.nonce)).judge()


def told(record: Record) -> tuple[Verdict, list[str]]:
    """The verdict of a run, and what stands behind it."""
    return record.verdict, [check.observed for check in record.checks]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments get the time that a machine with far too much work takes."""
    monkeypatch.setattr(control, "COMES_SECONDS", WELL_SECONDS)
    monkeypatch.setattr(barrier, "COMES_SECONDS", WELL_SECONDS)


@pytest.fixture(scope="module")
def clock(own: Path) -> Path:
    """The course with a lab about a CronJob that never fires, by the learner's fault."""
    add_lab(own, "90-clock", CLOCK, SUSPENDED, "deadline: 12\n")
    return own


@pytest.mark.usefixtures("patient")
def test_who_is_to_blame_is_blamed(clock: Path, spare: Cluster) -> None:
    """A CronJob that its own manifest suspends fails the check: the cluster fires ours."""
    assert told(judged(clock, "90", spare)) == (Verdict.FAILED, ["", "no Job"])


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("broken", [without("cronjob-controller")], indirect=True)
def test_a_dead_controller_is_nobodys_fault(clock: Path, broken: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same submission gets no verdict where no CronJob fires; a lab without one is judged all the same."""
    assert judged(clock, "01", broken, "misspelt-label").verdict == Verdict.FAILED
    monkeypatch.setattr(control, "COMES_SECONDS", WELL_SECONDS / 3)
    verdict, observed = told(judged(clock, "90", broken))
    assert verdict == Verdict.INFRA_ERROR
    assert any("CronJob control-" in text for text in observed), observed


@pytest.mark.usefixtures("patient")
def test_a_lab_may_close_nodes(own: Path, spare: Cluster) -> None:
    """What a lab breaks on purpose makes nobody suspect, and is mended before another lab's run."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: hello}\nspec: {containers: [{name: a, image: agnhost}]}\n"
    add_lab(own, "91-closed", CLOSING, pod.replace("hello", "other"), "deadline: 8\nbreaks: [nodes-take-pods]\n")
    created = spare.facts.created
    assert told(judged(own, "91", spare))[0] == Verdict.FAILED
    (node,) = spare.api.list("Node")
    assert (node["spec"]["taints"][0]["key"], node["metadata"]["labels"]["disk"]) == ("lab", "slow")
    assert spare.fault() is None
    assert judged(own, "01", spare).verdict == Verdict.PASSED
    (node,) = spare.api.list("Node")
    assert (node["spec"].get("taints"), "disk" in node["metadata"]["labels"]) == (None, False)
    assert (spare.facts.created, spare.facts.broken) == (created, {})
