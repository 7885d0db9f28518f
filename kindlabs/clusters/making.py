"""Making a cluster ready, and removing it: engine, images, kind, add-ons, in this order."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import DockerException
from tenacity import Retrying, retry_if_exception, stop_after_attempt
from urllib3.exceptions import HTTPError

from kindlabs.addons.addon import load
from kindlabs.addons.install import install
from kindlabs.asking import Ask
from kindlabs.clusters import profiles, tools
from kindlabs.clusters.cluster import Cluster, Facts, Wanted
from kindlabs.clusters.commands import CommandFailed
from kindlabs.clusters.kind import PORT_TAKEN, LabCluster, egress_wanted, node_names
from kindlabs.clusters.recipe import recipe
from kindlabs.errors import InfraError
from kindlabs.images import imagebuild, supply
from kindlabs.images.lock import Lock
from kindlabs.machine import engine, settings
from kindlabs.progress import Steps
from kindlabs.promises import nodes, readiness
from kindlabs.promises.catalog import of_cluster
from kindlabs.promises.trial import Trial

KIND_STEPS = 6
"""What kind ticks off for a cluster of one node; with workers their joining comes to it."""
PORT_ATTEMPTS = 5


def make(cluster: Cluster, course_root: Path, wanted: Wanted, steps: Steps, ask: Ask) -> None:
    """Make *cluster* anew with what is *wanted* in it; what is left of an earlier one goes first.

    Raises: InfraError when engine, images or cluster cannot be had; LabError for an unknown profile or add-on.
    """
    profile = profiles.load(course_root, cluster.profile)
    names = image_names(course_root, wanted)
    lock = Lock.load(course_root)
    settings.egress()  # a word that it cannot be is told before anything is built
    version = lock.asked_for()
    client = engine.ensure(steps, ask)
    image, references = supply.provide_all(version, names, client, steps, lock, ask)
    program = tools.kind(steps)
    kind = LabCluster(cluster.name, cluster.kubeconfig_path, image=image, kind_path=program, state=cluster.state)
    with steps.step(f"Create cluster {cluster.name}", total=KIND_STEPS + (profile.nodes > 1)) as step:
        kind.tell = lambda line: step.advance(note=_plain(line)) if "✓" in line else None
        kind.delete()
        facts = Facts(profile.name, node_image=image, ports=cluster.ports, created=time.time())
        facts.egress = egress_wanted(image, client)
        facts.kubernetes, facts.is_built = version, bool(imagebuild.built_key(image, client))
        node = lock.node(facts.kubernetes)
        facts.capabilities = sorted(node.built if facts.is_built else node.published)
        facts.recipe = recipe(course_root, facts)
        cluster.facts = facts
        with _loading_early(cluster.name, profile.nodes, list(references.values()), client):
            _create_on_free_ports(kind, profile, cluster)
        supply.load(list(references.values()), node_names(cluster.name, client), client)
        cluster.recall()  # its API server has a new address
        cluster.facts.version = cluster.api.request("GET", "/version")["gitVersion"]
        nodes.remember(cluster.api)
        cluster.facts.images, cluster.facts.phase = references, "made"
        cluster.remember()
    _install(cluster, course_root, wanted, steps)


def add(cluster: Cluster, course_root: Path, wanted: Wanted, steps: Steps, ask: Ask) -> None:
    """Bring images and add-ons into a cluster that runs, and wait until each add-on has answered.

    Raises: as :func:`make`.
    """
    lock, present = Lock.load(course_root), cluster.facts.images
    names = image_names(course_root, wanted)
    client = engine.ensure(steps, ask)
    if names := [name for name in names if present.get(name) != lock.image(name).reference]:
        references = supply.provide(names, client, steps, lock, ask)
        with steps.step(f"Load {', '.join(names)} into cluster {cluster.name}"):
            supply.load(list(references.values()), node_names(cluster.name, client), client)
        cluster.facts.images = present | references
        cluster.remember()
    _install(cluster, course_root, wanted, steps)


def image_names(course_root: Path, wanted: Wanted) -> list[str]:
    """The names in the image lock of all that is wanted."""
    of_addons = {image for name in wanted.addons for image in load(course_root, name).images}
    return sorted(of_addons | set(wanted.images))


def _plain(line: str) -> str:
    """A line of kind's without its little pictures."""
    return line.encode("ascii", "ignore").decode().strip().lower()


@contextmanager
def _loading_early(name: str, nodes: int, references: list[str], client: docker.DockerClient) -> Iterator[None]:
    """Load images while the block makes the cluster: a node takes them long before its control plane answers.

    A help, not a promise: what did not arrive by the end of the block is left to the caller.
    """
    over = threading.Event()

    def load() -> None:
        while not over.wait(0.2):
            # No node yet, no container runtime in it, or an engine that went.
            with suppress(InfraError, DockerException, OSError, HTTPError):
                if len(found := node_names(name, client)) == nodes:
                    supply.load(references, found, client)
                    return

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    try:
        yield
    finally:
        over.set()
        loading.join()


def _create_on_free_ports(kind: LabCluster, profile: profiles.Profile, cluster: Cluster) -> None:
    """Another command, in another checkout, may take the ports between the look at them and their use."""
    for attempt in Retrying(
        stop=stop_after_attempt(PORT_ATTEMPTS), retry=retry_if_exception(_lost_ports), reraise=True
    ):
        with attempt:
            cluster.facts.ports = profiles.free_ports(cluster.ports)
            cluster.remember()
            _create(kind, profile.kind_config(cluster.ports))


def _lost_ports(error: BaseException) -> bool:
    return isinstance(error, CommandFailed) and bool(PORT_TAKEN.search(str(error)))


def _create(kind: LabCluster, config: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(config, file)
        file.flush()
        try:
            kind.create(file.name)
        except CommandFailed as error:
            error.next_step = "make doctor"
            raise


def _install(cluster: Cluster, course_root: Path, wanted: Wanted, steps: Steps) -> None:
    """Install the add-ons that the cluster does not have; a new cluster proves all that it promises."""
    addons = [load(course_root, name) for name in wanted.addons if name not in cluster.addons]
    if not addons:
        return
    promises = [promise for addon in addons for promise in addon.promises]
    if not cluster.addons:
        promises = [*of_cluster(cluster.facts.capabilities), *promises]
    with steps.step(f"Install {', '.join(addon.name for addon in addons)}"):
        install(cluster.api, addons)
        readiness.wait(promises, Trial(cluster.api, cluster.ports, "ready"))
    cluster.facts.addons = sorted({*cluster.addons, *(addon.name for addon in addons)})
    cluster.facts.recipe = recipe(course_root, cluster.facts)
    cluster.remember()
