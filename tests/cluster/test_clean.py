"""Removal: what this checkout made goes, whatever state it is in; everything else stays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from rich.console import Console

from kindlabs.clusters import listing
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import held
from kindlabs.clusters.profiles import cluster_name
from kindlabs.machine.containers import NAME_LABEL
from kindlabs.progress import Steps


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another checkout, whose clusters are named otherwise."""
    (tmp_path / ".labs" / "clusters").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def foreign(client: docker.DockerClient, cluster: Cluster) -> Iterator[Container]:
    """A node container of somebody else's kind cluster."""
    node = _node(client, "somebody-elses", cluster.facts.node_image)
    yield node
    node.remove(force=True)


def _node(client: docker.DockerClient, name: str, image: str) -> Container:
    """A container that kind takes for a node of cluster *name*; nothing of Kubernetes runs in it."""
    labels = {NAME_LABEL: name, "io.x-k8s.kind.role": "control-plane"}
    full = f"{name}-control-plane"
    return client.containers.run(image, ["infinity"], entrypoint="sleep", name=full, labels=labels, detach=True)


def _remove(checkout: Path) -> list[str]:
    with Steps(Console(file=io.StringIO())) as steps:
        return listing.remove(checkout, steps)


def test_only_ours_is_removed(
    client: docker.DockerClient, checkout: Path, foreign: Container, cluster: Cluster
) -> None:
    """A cluster of ours whose state was lost goes; somebody else's, and another checkout's, stay and stay healthy."""
    ours = cluster_name(checkout, "single")
    _node(client, ours, cluster.facts.node_image)
    assert _remove(checkout) == [ours]
    assert not client.containers.list(all=True, filters={"label": f"{NAME_LABEL}={ours}"})
    foreign.reload()
    assert foreign.status == "running"
    assert cluster.fault() is None


def test_half_made_cluster_is_removed(client: docker.DockerClient, checkout: Path, cluster: Cluster) -> None:
    """A cluster that was interrupted while it was made is listed as half made, and removed with its state."""
    half = Cluster.of(checkout, "single")
    half.remember()
    _node(client, half.name, cluster.facts.node_image)
    (row,) = listing.list_clusters(checkout)
    assert (row.name, row.health.split(":")[0]) == (half.name, "half made")
    with Steps(Console(file=io.StringIO())) as steps, held(half, steps):
        (row,) = listing.list_clusters(checkout)
    assert row.health == "being made"
    assert _remove(checkout) == [half.name]
    assert listing.list_clusters(checkout) == []
    assert _remove(checkout) == []


def test_warm_cluster_is_listed(cluster: Cluster, root: Path) -> None:
    """The list says profile, version, add-ons, health, ports, memory, and who has the cluster."""
    row = next(row for row in listing.list_clusters(root) if row.name == cluster.name)
    assert (row.profile, row.version, row.health, row.ports) == ("single", cluster.version, "healthy", cluster.ports)
    assert set(row.addons) >= {"probe", "ingress", "cert-manager"}
    assert row.memory is not None
    assert 200 < row.memory / 2**20 < 4000
    assert "has it since" in (row.held_by or "")
