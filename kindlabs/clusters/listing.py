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

from kindlabs.clusters import containers, engine, profiles, state, tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kind import LabCluster
from kindlabs.clusters.lease import held, holder
from kindlabs.progress import Steps, duration

ANSWER_SECONDS = 5.0


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
    clusters = _remembered(course_root)
    client = engine.find(timeout=ANSWER_SECONDS)
    with ThreadPoolExecutor(max_workers=max(1, len(clusters))) as pool:
        return list(pool.map(lambda cluster: _look(cluster, client), clusters))


def remove(course_root: Path, steps: Steps) -> list[str]:
    """Remove the clusters that this checkout has made, half-made ones and those whose state was lost included.

    Returns: their names.

    Raises: InfraError when the engine refuses; what is gone by then is gone.
    """
    client = engine.find(timeout=ANSWER_SECONDS)
    names = {cluster.name for cluster in _remembered(course_root)}
    if client is not None:
        names |= {name for name in _kind_clusters(client) if _is_ours(course_root, name)}
    program = tools.kind(steps) if client is not None and names else None
    if client is None and names:
        steps.line("  No Docker engine answers, so its containers stay: run the same command again when it does.")
    for name in sorted(names):
        cluster = Cluster(state.of_checkout(course_root) / name, profile="")
        with held(cluster, steps), steps.step(f"Remove cluster {name}"):
            if program:  # with no engine no node runs, and kind has nobody to ask
                LabCluster(name, cluster.kubeconfig_path, kind_path=program, state=cluster.state).delete()
            _forget(cluster.state)
    return sorted(names)


def _remembered(course_root: Path) -> list[Cluster]:
    files = sorted(state.of_checkout(course_root).glob("*/cluster.json"))
    return [Cluster(file.parent, profile="") for file in files]


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
