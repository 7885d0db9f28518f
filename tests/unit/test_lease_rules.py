"""Who holds a cluster, and what a run asks of it beyond what it has."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from kindlabs.clusters import lease
from kindlabs.clusters.cluster import Cluster, Facts, Wanted
from kindlabs.clusters.profiles import recipe
from kindlabs.errors import NO_REGISTRY, OWN_FAULT, InfraError, KindLabsError
from kindlabs.kube import namespaces
from kindlabs.progress import Steps


@pytest.fixture
def unmade(tmp_path: Path) -> Cluster:
    """A cluster that is not made yet."""
    return Cluster.of(tmp_path, "single")


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
    facts = Facts("single", addons=["probe", "ingress"], images=["agnhost"])
    assert Wanted(("probe", "cert-manager"), ("agnhost", "nginx")).beyond(facts) == Wanted(
        ("cert-manager",), ("nginx",)
    )
    assert not Wanted(("probe",), ("agnhost",)).beyond(facts)


def test_a_new_cluster_keeps_what_the_old_one_had() -> None:
    """A cluster that is made anew gets its earlier add-ons and images back."""
    both = Wanted(("probe",), ("nginx",)).together_with(Facts("single", addons=["ingress"], images=["agnhost"]))
    assert (set(both.addons), set(both.images)) == ({"probe", "ingress"}, {"nginx", "agnhost"})


@pytest.mark.parametrize(("word", "makes_anew"), [("open", False), ("", False), ("none", True)])
def test_other_egress_than_asked_is_a_reason(
    word: str, makes_anew: bool, unmade: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EGRESS as it was made is fine, another one means a new cluster, none given means as it is."""
    unmade.facts.recipe = recipe(tmp_path, "single")
    monkeypatch.setenv("EGRESS", word)
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    assert bool(lease._why_anew(unmade, tmp_path, [], quiet())) == makes_anew


def test_what_a_run_found_broken_is_a_reason(unmade: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run has noted makes the next command make the cluster anew, though a look at it shows nothing."""
    unmade.facts.recipe = recipe(tmp_path, "single")
    monkeypatch.delenv("EGRESS", raising=False)
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    assert lease._why_anew(unmade, tmp_path, [], quiet()) is None
    unmade.distrust("nobody schedules")
    unmade.recall()
    assert lease._why_anew(unmade, tmp_path, [], quiet()) == "nobody schedules"


@pytest.mark.parametrize(
    ("variable", "word", "says"),
    [
        ("IMAGES", "puul", "Expected IMAGES=pull, build or auto, found IMAGES=puul."),
        ("EGRESS", "nome", "Expected EGRESS=none or EGRESS=open, found EGRESS=nome."),
        ("DOCKER_HOST", "tcp://127.0.0.1:9", "Expected a Docker engine at tcp://127.0.0.1:9, which DOCKER_HOST names"),
        ("DOCKER_HOST", "nonsense", "Expected a Docker engine at nonsense, which DOCKER_HOST names"),
        ("DOCKER_CONTEXT", "nowhere", "Expected a Docker engine at nowhere, which DOCKER_CONTEXT names"),
    ],
)
def test_a_wrong_variable_is_told_before_a_warm_cluster_is_used(
    variable: str, word: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a variable asks for is looked at in every run, not when the next cluster is made."""
    for name in ("IMAGES", "EGRESS", "DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, word)
    monkeypatch.setattr(lease, "_make_ready", lambda *_: None)  # as warm as can be
    with pytest.raises(KindLabsError) as caught, lease.lease(tmp_path, "single", (), quiet()):
        pass
    assert caught.value.message.startswith(says)
    assert caught.value.next_step


def test_variables_that_fit_cost_no_docker_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no variable names an engine, none is asked."""
    monkeypatch.setenv("IMAGES", "build")
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("kindlabs.clusters.engine.find", lambda **_: pytest.fail("asked"))
    monkeypatch.setattr(lease, "_make_ready", lambda *_: None)
    with lease.lease(tmp_path, "single", (), quiet()):
        pass


@pytest.mark.parametrize("fault", [f"{OWN_FAULT}: KeyError", f"{NO_REGISTRY} a:1 now: EOF."])
def test_what_is_no_fault_of_the_clusters_is_none(fault: str, unmade: Cluster) -> None:
    """Neither a bug of ours nor a silent registry makes a cluster anew: it would mend nothing."""
    unmade.distrust(fault)
    assert unmade.facts.fault == ""


@pytest.mark.parametrize(
    "changed", ["profiles/single.yaml", "kubeadm.yaml", "addons/probe/manifests.yaml", "images.lock.yaml"]
)
def test_changed_data_is_a_reason(
    changed: str, unmade: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster is made anew when what it is made from has changed; another profile's file is not part of that."""
    monkeypatch.setattr(Cluster, "fault", lambda *_: None)
    for name in (changed, "profiles/three-nodes.yaml"):
        (tmp_path / "clusters" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clusters" / name).write_text("before\n")
    unmade.facts.recipe = recipe(tmp_path, "single")
    (tmp_path / "clusters" / "profiles/three-nodes.yaml").write_text("after\n")
    assert lease._why_anew(unmade, tmp_path, [], quiet()) is None
    (tmp_path / "clusters" / changed).write_text("after\n")
    assert "has changed" in (lease._why_anew(unmade, tmp_path, [], quiet()) or "")


def test_what_a_submission_left_is_cleared_before_a_cluster_is_doubted(
    unmade: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that goes with the Pods of the last submission makes no cluster anew."""
    left = ["lab-02"]
    monkeypatch.setattr(Cluster, "fault", lambda *_: "the probe cannot reach its own Service" if left else None)
    monkeypatch.setattr(Cluster, "api", None)
    monkeypatch.setattr(lease, "_is_final", lambda _: False)
    monkeypatch.setattr(namespaces, "clear_others", lambda _api, _lab: left.clear())
    assert lease._lasting_fault(unmade, [], quiet()) is None
