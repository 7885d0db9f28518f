"""Profiles, names and host ports of clusters."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kindlabs.clusters import profiles
from kindlabs.errors import InfraError, LabError

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that somebody listens on."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize(("name", "nodes"), [("single", 1), ("three-nodes", 3)])
def test_ports_are_filled_in(name: str, nodes: int) -> None:
    """Every profile maps the Ingress ports of its control plane to 127.0.0.1, and stays as it was itself."""
    profile = profiles.load(REPOSITORY, name)
    config = profile.kind_config({"http": 8090, "https": 8453})
    assert len(config["nodes"]) == profile.nodes == nodes
    mapped = [(m["containerPort"], m["hostPort"], m["listenAddress"]) for m in config["nodes"][0]["extraPortMappings"]]
    assert mapped == [(80, 8090, "127.0.0.1"), (443, 8453, "127.0.0.1")]
    assert profile.config["nodes"][0]["extraPortMappings"][0]["hostPort"] == 0


def test_workers_are_told_apart() -> None:
    """The workers of three-nodes are in two zones, the first with a fast disk."""
    _, first, second = profiles.load(REPOSITORY, "three-nodes").config["nodes"]
    assert first["labels"] == {"topology.kubernetes.io/zone": "zone-a", "disk": "ssd"}
    assert second["labels"] == {"topology.kubernetes.io/zone": "zone-b"}


def test_a_profiles_own_patches_and_ports_count(tmp_path: Path) -> None:
    """A profile's kubeadm patches come after those of every profile; ports of its own lead where it says."""
    folder = tmp_path / "clusters" / "profiles"
    folder.mkdir(parents=True)
    (tmp_path / profiles.KUBEADM).write_text("kind: KubeProxyConfiguration\nmode: iptables\n")
    (folder / "own.yaml").write_text(
        "nodes:\n- role: control-plane\n  extraPortMappings:\n  - {containerPort: 80, hostPort: 0}\n"
        "  - {containerPort: 30080, hostPort: 30081}\n  - {containerPort: 31000}\n"
        "kubeadmConfigPatches:\n- |\n  kind: KubeProxyConfiguration\n  mode: nftables\n"
    )
    config = profiles.load(tmp_path, "own").kind_config({"http": 8090, "https": 8453})
    modes = [yaml.safe_load(patch)["mode"] for patch in config["kubeadmConfigPatches"]]
    assert modes == ["iptables", "nftables"]
    mapped = {m["containerPort"]: m.get("hostPort") for m in config["nodes"][0]["extraPortMappings"]}
    assert mapped == {80: 8090, 30080: 30081, 31000: None}


def test_unknown_profile_names_the_known() -> None:
    """A profile that the course has not is the lab's mistake, and the message lists what there is."""
    with pytest.raises(LabError, match="found 'huge'") as caught:
        profiles.load(REPOSITORY, "huge")
    assert "single, three-nodes" in caught.value.next_step


def test_checkouts_have_clusters_of_their_own(tmp_path: Path) -> None:
    """The same profile has another name in another checkout, and the same one through a link."""
    one, other, link = tmp_path / "one", tmp_path / "other", tmp_path / "link"
    one.mkdir()
    other.mkdir()
    link.symlink_to(one)
    assert profiles.cluster_name(one, "single") != profiles.cluster_name(other, "single")
    assert profiles.cluster_name(one, "single") == profiles.cluster_name(link, "single")
    assert profiles.cluster_name(one, "single") == f"labs-single-{profiles.checkout_mark(one)}"


def test_remembered_ports_come_first() -> None:
    """A cluster that is made again keeps its ports while they are free."""
    remembered = {"http": _free(), "https": _free()}
    assert profiles.free_ports(remembered) == remembered


def test_taken_port_moves_both(taken: int) -> None:
    """When one of the remembered ports is taken, both move: they stay a pair."""
    chosen = profiles.free_ports({"http": taken, "https": _free()})
    assert chosen["https"] - chosen["http"] == profiles.FIRST_PORTS["https"] - profiles.FIRST_PORTS["http"]
    assert taken not in chosen.values()


def test_no_free_ports_say_so(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """When every pair is taken, the error says where it looked."""
    monkeypatch.setattr(profiles, "FIRST_PORTS", {"http": taken, "https": taken})
    monkeypatch.setattr(profiles, "PORTS_TRIED", 1)
    with pytest.raises(InfraError, match=str(taken)):
        profiles.free_ports()


def _free() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
