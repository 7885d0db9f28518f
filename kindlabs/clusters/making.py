"""Making a cluster ready, and removing it: engine, images, kind, add-ons, in this order."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import docker
import yaml

from kindlabs.clusters import addons, egress, engine, images, profiles, readiness
from kindlabs.clusters.cluster import Cluster, Facts
from kindlabs.clusters.kind import LabCluster
from kindlabs.errors import UsageError
from kindlabs.progress import Steps

Ask = Callable[[str], bool]

VERSION = "1.36"
"""The version of Kubernetes that clusters have."""


def make(cluster: Cluster, course_root: Path, wanted: list[str], steps: Steps, ask: Ask) -> None:
    """Make *cluster* anew with the add-ons *wanted*; what is left of an earlier one goes first.

    Raises: InfraError when engine, images or cluster cannot be had; LabError for an unknown profile or add-on.
    """
    client = engine.ensure(steps, ask)
    profile = profiles.load(course_root, cluster.profile)
    image = images.node_image(VERSION, client, steps)
    kind = LabCluster(cluster.name, cluster.kubeconfig_path, image=image, state=cluster.state)
    kind.ensure_kind()
    images.provide(addons.images_of(course_root, wanted), client, steps)
    with steps.step(f"Create cluster {cluster.name}"):
        kind.delete()
        ports = profiles.free_ports(cluster.ports)
        cluster.facts = Facts(profile.name, node_image=image, ports=ports, created=time.time(), egress=egress_wanted())
        cluster.remember()
        _create(kind, profile, ports, client)
        cluster.recall()  # its API server has a new address
        cluster.facts.version = cluster.api.request("GET", "/version")["gitVersion"]
        cluster.facts.phase = "made"
        cluster.remember()
    if cluster.facts.egress == "none":
        egress.block(node_names(cluster.name, client), client)
    add(cluster, course_root, wanted, steps, ask)


def add(cluster: Cluster, course_root: Path, wanted: list[str], steps: Steps, ask: Ask) -> None:
    """Install add-ons in a cluster that runs, and wait until each has answered."""
    client = engine.ensure(steps, ask)
    chosen = [addons.load(course_root, name) for name in wanted]
    references = images.provide(addons.images_of(course_root, wanted), client, steps)
    with steps.step(f"Load {len(references)} images into the cluster"):
        images.load(list(references.values()), node_names(cluster.name, client), client)
    with steps.step(f"Install {', '.join(wanted)}"):
        addons.install(cluster.api, chosen)
        readiness.wait(readiness.Seen(cluster.api, cluster.ports), wanted)
    cluster.facts.addons = sorted({*cluster.addons, *wanted})
    cluster.remember()


def egress_wanted() -> str:
    """``none`` or ``open``: as the variable EGRESS says; by default nothing leaves a machine that reaches no registry.

    Raises: UsageError for another word.
    """
    said = os.environ.get("EGRESS") or ("none" if images.source() == "build" else "open")
    if said not in ("none", "open"):
        raise UsageError(f"Expected EGRESS=none or EGRESS=open, found EGRESS={said}.")
    return said


def node_names(name: str, client: docker.DockerClient) -> list[str]:
    """The node containers of a kind cluster."""
    nodes = client.containers.list(all=True, filters={"label": f"io.x-k8s.kind.cluster={name}"})
    return sorted(str(node.name) for node in nodes)


def _create(kind: LabCluster, profile: profiles.Profile, ports: profiles.Ports, client: docker.DockerClient) -> None:
    config = profile.kind_config(ports, cgroup_v1=str(client.info().get("CgroupVersion")) == "1")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
        file.flush()
        kind.create(file.name)
