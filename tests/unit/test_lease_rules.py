"""Who holds a cluster, and what a run asks of it beyond what it has."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from kindlabs.clusters import lease
from kindlabs.clusters.cluster import Cluster, Facts, Wanted
from kindlabs.clusters.recipe import recipe
from kindlabs.errors import NO_REGISTRY, OWN_FAULT, InfraError, KindLabsError
from kindlabs.images.lock import Lock
from kindlabs.kube import namespaces, probing
from kindlabs.progress import Steps

ROOT = Path(__file__).parents[2]
LOCK = Lock.load(ROOT)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests asks for nothing of clusters."""
    for name in ("IMAGES", "EGRESS", "KUBERNETES", "DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def unmade(tmp_path: Path) -> Cluster:
    """A cluster of the default version that is not made yet."""
    cluster = Cluster.of(tmp_path, "single")
    cluster.facts.kubernetes = LOCK.default
    return cluster


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with this checkout's clusters folder."""
    shutil.copytree(ROOT / "clusters", tmp_path / "clusters")
    return tmp_path


def in_nodes(name: str) -> dict[str, str]:
    """An image of the lock file as the facts of a cluster that has it."""
    return {name: LOCK.image(name).reference}


def quiet() -> Steps:
    """Steps that nobody reads."""
    return Steps(Console(file=io.StringIO()))


def test_facts_survive(unmade: Cluster) -> None:
    """What was remembered is what the next command knows."""
    unmade.facts = Facts("single", "made", "v1.36.3", addons=["probe"], ports={"http": 8080, "https": 8443})
    unmade.remember()
    again = Cluster(unmade.state, "single")
    assert again.facts == unmade.facts
    assert (again.profile, again.version, again.addons) == ("single", "v1.36.3", ["probe"])


def test_torn_facts_are_no_facts(unmade: Cluster) -> None:
    """A file that cannot be read means a cluster that is not made, not an error."""
    unmade.state.mkdir(parents=True)
    (unmade.state / "cluster.json").write_text('{"profile": "single", "pha')
    unmade.recall()
    assert unmade.facts == Facts("single")
    assert not unmade.is_made


@pytest.mark.parametrize("text", ['{"profile": "single", "phase": "made", "ports": []}', '{"profile": 3}', "[]", ""])
def test_facts_of_other_types_are_no_facts(text: str, unmade: Cluster) -> None:
    """Nor does a file that holds something else."""
    unmade.state.mkdir(parents=True)
    (unmade.state / "cluster.json").write_text(text)
    unmade.recall()
    assert unmade.facts == Facts("single")


@pytest.mark.parametrize("text", ["", "a: [", "[]", "\x00", "apiVersion: v1\nclusters: []\n"])
def test_torn_kubeconfig_is_none(text: str, unmade: Cluster) -> None:
    """A cluster that cannot be asked is made anew."""
    unmade.facts.phase = "made"
    unmade.remember()
    unmade.kubeconfig_path.write_text(text)
    assert not unmade.is_made


def test_facts_of_another_release_are_no_facts(unmade: Cluster) -> None:
    """Facts with fields that this release does not know mean that the cluster is made anew."""
    unmade.state.mkdir(parents=True)
    (unmade.state / "cluster.json").write_text(json.dumps({"profile": "single", "phase": "made", "colour": "blue"}))
    unmade.recall()
    assert not unmade.is_made


def test_interrupted_cluster_is_not_made(unmade: Cluster) -> None:
    """A cluster in phase making is not used, even if it has a kubeconfig."""
    unmade.remember()
    unmade.kubeconfig_path.touch()
    assert not unmade.is_made
    assert unmade.fault() == f"cluster {unmade.name} does not exist"


def test_holder_is_known_while_it_holds(unmade: Cluster) -> None:
    """Nobody has a free cluster; whoever holds it is named with process and time."""
    assert lease.holder(unmade) is None
    with lease.held(unmade, quiet()):
        assert "has it since" in (lease.holder(unmade) or "")
    assert lease.holder(unmade) is None


def test_lock_is_free_after_a_failure(unmade: Cluster) -> None:
    """A command that fails while it has the cluster leaves it free."""

    def fail() -> None:
        with lease.held(unmade, quiet()):
            raise InfraError("broken")

    with pytest.raises(InfraError):
        fail()
    assert lease.holder(unmade) is None


def test_only_what_is_missing_is_added() -> None:
    """Add-ons and images that the cluster has are not asked for again; nothing missing is nothing to do."""
    facts = Facts("single", addons=["probe", "ingress"], images=in_nodes("agnhost"))
    wanted = Wanted(("probe", "cert-manager"), ("agnhost", "traefik"))
    assert wanted.beyond(facts, LOCK) == Wanted(("cert-manager",), ("traefik",))
    assert not Wanted(("probe",), ("agnhost",)).beyond(facts, LOCK)


def test_an_image_of_another_version_is_missing() -> None:
    """An image that the lock file names otherwise by now is loaded into the cluster that has the old one."""
    facts = Facts("single", images={"agnhost": "registry.k8s.io/e2e-test-images/agnhost:1"})
    assert Wanted((), ("agnhost",)).beyond(facts, LOCK) == Wanted((), ("agnhost",))


def test_a_new_cluster_keeps_what_the_old_one_had() -> None:
    """A cluster that is made anew gets its earlier add-ons and images back, but what nobody provides any more."""
    facts = Facts("single", addons=["ingress"], images=in_nodes("agnhost") | {"gone": "docker.io/gone:1"})
    both = Wanted(("probe",), ("traefik",)).together_with(facts, LOCK)
    assert (set(both.addons), set(both.images)) == ({"probe", "ingress"}, {"traefik", "agnhost"})


@pytest.mark.parametrize(("word", "makes_anew"), [("open", False), ("", False), ("none", True)])
def test_other_egress_than_asked_is_a_reason(
    word: str, makes_anew: bool, unmade: Cluster, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EGRESS as it was made is fine, another one means a new cluster, none given means as it is."""
    unmade.facts.recipe = recipe(course, unmade.facts)
    monkeypatch.setenv("EGRESS", word)
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    assert bool(lease._why_anew(unmade, Lock.load(course), [], quiet())) == makes_anew


@pytest.mark.parametrize(
    ("runs", "word", "makes_anew"),
    [("1.36", "", False), ("1.36", "1.36", False), ("1.36", "1.37", True), ("1.37", "1.37", False), ("1.37", "", True)],
)
def test_another_kubernetes_than_asked_is_a_reason(
    runs: str, word: str, makes_anew: bool, unmade: Cluster, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster runs the version that KUBERNETES asks for, and without it the course's own: never what came before."""
    unmade.facts = replace(unmade.facts, kubernetes=runs, version=f"v{runs}.9")
    unmade.facts.recipe = recipe(course, unmade.facts)
    monkeypatch.setenv("KUBERNETES", word)
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    reason = lease._why_anew(unmade, Lock.load(course), [], quiet())
    wanted = f"Kubernetes {word or '1.36'} is asked for, and cluster {unmade.name} runs v{runs}.9"
    assert reason == (wanted if makes_anew else None)


def test_what_a_run_found_broken_is_a_reason(unmade: Cluster, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run has noted makes the next command make the cluster anew, though a look at it shows nothing."""
    unmade.facts.recipe = recipe(course, unmade.facts)
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    assert lease._why_anew(unmade, Lock.load(course), [], quiet()) is None
    unmade.distrust("nobody schedules")
    unmade.recall()
    assert lease._why_anew(unmade, Lock.load(course), [], quiet()) == "nobody schedules"


@pytest.mark.parametrize(
    ("changed", "is_built", "makes_anew"),
    [
        ("profiles/single.yaml", False, True),
        ("profiles/three-nodes.yaml", False, False),
        ("kubeadm.yaml", False, True),
        ("addons/probe/manifests.yaml", False, True),
        ("addons/ingress/manifests.yaml", False, False),
        ("images/node/files/kind/manifests/default-cni.yaml", True, True),
        ("images/node/files/kind/manifests/default-cni.yaml", False, False),
        ("images/podnetwork/policies.go", True, True),
        ("images/kube-proxy.Dockerfile", True, True),
        ("images/go.mod", True, True),
        ("images/go.mod", False, False),
        ("images/busybox.Dockerfile", True, False),
        ("images/certmanager/main.go", True, False),
        ("images/kubernetes-1.37/go.mod", True, False),
    ],
)
def test_what_a_cluster_is_made_from_is_a_reason(
    changed: str, is_built: bool, makes_anew: bool, unmade: Cluster, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster is made anew when a file that it is made from has changed, and not for what others use."""
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    unmade.facts = replace(unmade.facts, kubernetes="1.36", is_built=is_built, addons=["probe"])
    unmade.facts.recipe = recipe(course, unmade.facts)
    assert lease._why_anew(unmade, Lock.load(course), [], quiet()) is None
    with (course / "clusters" / changed).open("a") as file:
        file.write("\n# another\n")
    assert ("has changed" in (lease._why_anew(unmade, Lock.load(course), [], quiet()) or "")) == makes_anew


@pytest.mark.parametrize("changed", ["go.mod", "go.sum", "kubernetes-1.37/go.mod", "kubernetes-1.37/go.sum"])
def test_a_version_of_its_own_module_is_made_of_both(changed: str, unmade: Cluster, course: Path) -> None:
    """A cluster of another version is made from the module of that version, and from the one for all."""
    facts = replace(unmade.facts, kubernetes="1.37", is_built=True)
    made_from = recipe(course, facts)
    with (course / "clusters" / "images" / changed).open("a") as file:
        file.write("\n// another\n")
    assert recipe(course, facts) != made_from


@pytest.mark.parametrize(
    ("before", "after", "is_built", "makes_anew"),
    [
        ("image: docker.io/kindest/node:v1.36.4", "image: docker.io/kindest/node:v1.36.9", False, True),
        ("image: docker.io/kindest/node:v1.36.4", "image: docker.io/kindest/node:v1.36.9", True, False),
        ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/pause:3.10.3", True, True),
        ("registry.k8s.io/pause:3.10.2", "registry.k8s.io/pause:3.10.3", False, False),
        ("systemd-sysv dbus", "systemd-sysv dbus gdb", True, True),
        ("busybox-static python3", "busybox-static python3 gdb", True, False),
        ("agnhost:2.63.0", "agnhost:2.64.0", True, False),
        ("  agnhost:\n", "  new: {image: docker.io/new:1}\n  agnhost:\n", True, False),
    ],
)
def test_only_the_locks_lines_that_it_uses_count(
    before: str, after: str, is_built: bool, makes_anew: bool, unmade: Cluster, course: Path
) -> None:
    """A cluster is made anew for its own node image, and not for an image that is new, or of a lab."""
    facts = replace(unmade.facts, kubernetes="1.36", is_built=is_built)
    made_from = recipe(course, facts)
    file = course / "clusters" / "images.lock.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))
    assert (recipe(course, facts) != made_from) == makes_anew


@pytest.mark.parametrize(
    ("variable", "word", "says"),
    [
        ("IMAGES", "puul", "Expected IMAGES=pull, build or auto, found IMAGES=puul."),
        ("EGRESS", "nome", "Expected EGRESS=none or EGRESS=open, found EGRESS=nome."),
        ("KUBERNETES", "1.12", "Expected KUBERNETES=1.36 or KUBERNETES=1.37, found KUBERNETES=1.12."),
        ("KUBERNETES", "v1.37.2", "Expected KUBERNETES=1.36 or KUBERNETES=1.37, found KUBERNETES=v1.37.2."),
        ("DOCKER_HOST", "tcp://127.0.0.1:9", "Expected a Docker engine at tcp://127.0.0.1:9, which DOCKER_HOST names"),
        ("DOCKER_HOST", "nonsense", "Expected a Docker engine at nonsense, which DOCKER_HOST names"),
        ("DOCKER_CONTEXT", "nowhere", "Expected a Docker engine at nowhere, which DOCKER_CONTEXT names"),
    ],
)
def test_a_wrong_variable_is_told_before_a_warm_cluster_is_used(
    variable: str, word: str, says: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a variable asks for is looked at in every run, not when the next cluster is made."""
    monkeypatch.setenv(variable, word)
    monkeypatch.setattr(lease, "_make_ready", lambda *_: None)  # as warm as can be
    with pytest.raises(KindLabsError) as caught, lease.lease(course, "single", (), quiet()):
        pass
    assert caught.value.message.startswith(says)
    assert caught.value.next_step


def test_variables_that_fit_cost_no_docker_client(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no variable names an engine, none is asked."""
    monkeypatch.setenv("IMAGES", "build")
    monkeypatch.setenv("KUBERNETES", "1.37")
    monkeypatch.setattr("kindlabs.machine.engine.find", lambda **_: pytest.fail("asked"))
    monkeypatch.setattr(lease, "_make_ready", lambda *_: None)
    with lease.lease(course, "single", (), quiet()):
        pass


@pytest.mark.parametrize("fault", [f"{OWN_FAULT}: KeyError", f"{NO_REGISTRY} a:1 now: EOF."])
def test_what_is_no_fault_of_the_clusters_is_none(fault: str, unmade: Cluster) -> None:
    """Neither a bug of ours nor a silent registry makes a cluster anew: it would mend nothing."""
    unmade.distrust(fault)
    assert unmade.facts.fault == ""


def test_what_a_submission_left_is_cleared_before_a_cluster_is_doubted(
    unmade: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that goes with the Pods of the last submission makes no cluster anew."""
    left = ["lab-02"]
    monkeypatch.setattr(Cluster, "fault", lambda *_: "the probe cannot reach its own Service" if left else None)
    monkeypatch.setattr(Cluster, "api", None)
    monkeypatch.setattr(lease, "_is_final", lambda _: False)
    monkeypatch.setattr(namespaces, "clear_others", lambda _api, _lab: left.clear())
    monkeypatch.setattr(probing, "renew_ears", lambda _api: None)
    assert lease._lasting_fault(unmade, [], quiet()) is None
