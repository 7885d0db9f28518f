"""The clusters of this checkout, and their removal; those of others are left alone."""

from __future__ import annotations

import contextlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from kindlabs.clusters import profiles, state, tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kind import LabCluster
from kindlabs.clusters.lease import held, holder
from kindlabs.errors import InfraError
from kindlabs.machine import containers, engine
from kindlabs.patience import ENGINE_SECONDS
from kindlabs.progress import Steps, duration


@dataclass(frozen=True)
class Row:
    """One cluster. ``health``: ``healthy`` or a sentence; ``age``: seconds, ``memory``: bytes; None if unknown."""

    name: str
    profile: str
    version: str
    addons: tuple[str, ...]
    health: str
    ports: profiles.Ports
    age: float | None
    memory: int | None
    held_by: str | None

    def __str__(self) -> str:
        facts = [self.version, *self.addons, *(f"{name} {port}" for name, port in self.ports.items())]
        facts += [f"made {_ago(self.age)} ago"] if self.age is not None else []
        facts += [f"{self.memory / 2**20:.0f} MiB"] if self.memory else []
        lines = [f"{self.name}  {self.health}", f"    {', '.join(fact for fact in facts if fact)}"]
        return "\n".join(lines + ([f"    {self.held_by}"] if self.held_by else []))


def list_clusters(course_root: Path) -> list[Row]:
    """What this checkout has made, in name order, looked at now."""
    client = engine.find(timeout=ENGINE_SECONDS)
    clusters = [_cluster(course_root, name) for name in _names(course_root, client)]
    with ThreadPoolExecutor(max_workers=max(1, len(clusters))) as pool:
        return list(pool.map(lambda cluster: _look(cluster, client), clusters))


def remove(course_root: Path, steps: Steps) -> list[str]:
    """Remove the clusters that this checkout has made, half-made ones and those whose state was lost included.

    Returns: their names.

    Raises: InfraError when the engine refuses, or none answers; what is gone by then is gone.
    """
    client = engine.find(timeout=ENGINE_SECONDS)
    names = _names(course_root, client)
    if client is None and names:
        message = f"No Docker engine answers, so nothing of {', '.join(names)} is removed."
        raise InfraError(message, "Start the engine, or unset DOCKER_HOST and DOCKER_CONTEXT; then make clean.")
    program = tools.kind(steps) if names else None
    for name in names:
        cluster = _cluster(course_root, name)
        with held(cluster, steps), steps.step(f"Remove cluster {name}"):
            LabCluster(name, cluster.kubeconfig_path, kind_path=program, state=cluster.state).delete()
            _forget(cluster.state)
    return names


def _names(course_root: Path, client: docker.DockerClient | None) -> list[str]:
    """The clusters of a checkout, those included whose state was lost, as far as the engine knows them."""
    remembered = {file.parent.name for file in state.of_checkout(course_root).glob("*/cluster.json")}
    known = _kind_clusters(client) if client else set()
    return sorted(remembered | {name for name in known if _is_ours(course_root, name)})


def _cluster(course_root: Path, name: str) -> Cluster:
    return Cluster(state.of_checkout(course_root) / name, profile="")


def _is_ours(course_root: Path, name: str) -> bool:
    return name.startswith("labs-") and name.endswith(f"-{profiles.checkout_mark(course_root)}")


def _kind_clusters(client: docker.DockerClient) -> set[str]:
    label = containers.NAME_LABEL
    return {node.labels[label] for node in client.containers.list(all=True, filters={"label": label})}


def _look(cluster: Cluster, client: docker.DockerClient | None) -> Row:
    held_by = holder(cluster)
    unfinished = "being made" if held_by else "half made: the next command makes it anew"
    fault = (cluster.facts.fault or cluster.fault()) if cluster.is_made else unfinished
    return Row(
        cluster.name,
        cluster.profile,
        cluster.version,
        tuple(cluster.addons),
        fault or "healthy",
        cluster.ports,
        time.time() - cluster.facts.created if cluster.facts.created else None,
        _memory(cluster.name, client) if client else None,
        held_by,
    )


def _memory(name: str, client: docker.DockerClient) -> int | None:
    """Bytes that the node containers use, file caches left out, as ``docker stats`` counts; None when unknown."""
    used = 0
    with contextlib.suppress(DockerException, OSError, KeyError):  # a busy engine takes longer than one waits here
        for node in (node for node in containers.nodes(name, client) if node.status == "running"):
            memory = client.api.stats(str(node.id), stream=False, one_shot=True)["memory_stats"]
            detail = memory["stats"]  # cgroup v1 names it with total_, v2 without
            used += memory["usage"] - detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return used or None


def _forget(folder: Path) -> None:
    """Remove all but the locks: a command that waits for one must get the same file."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.suffix != ".lock":
            entry.unlink()


def _ago(seconds: float) -> str:
    return duration(seconds) if seconds < 3600 else f"{seconds / 3600:.0f} h"
