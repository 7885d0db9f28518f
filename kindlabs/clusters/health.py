"""Is a cluster broken, and what is the evidence? Asked before each use, and when a run meets what no learner caused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kindlabs.addons.addon import promises_of_module
from kindlabs.kube.api import ApiTimeout
from kindlabs.promises.catalog import OF_EVERY_CLUSTER
from kindlabs.promises.health import symptom
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight

if TYPE_CHECKING:
    from kindlabs.clusters.cluster import Cluster

API_SECONDS = 2.2
"""For all questions to the API server together; its own check of a silent etcd takes 2 s to say so."""
ENGINE_SECONDS = 0.8
"""For the question to the engine: with the other, a fault is told within 3 s."""
PATIENT_API_SECONDS, PATIENT_ENGINE_SECONDS = 10.0, 3.0
"""The same when nothing but silence was heard: a machine with too much work answers late, and is not broken."""


def fault(cluster: Cluster, promises: Sequence[Promise] | None = None) -> str | None:
    """One sentence of evidence, None when the cluster is well.

    Args:
        promises: those that it is held to; all that it makes when None, but those of a lab that breaks them on purpose.
    """
    if not cluster.is_made:
        return f"cluster {cluster.name} does not exist"
    if promises is None:
        made = [*OF_EVERY_CLUSTER, *(promise for name in cluster.addons for promise in promises_of_module(name))]
        promises = [promise for promise in made if promise.name not in cluster.facts.broken]
    try:
        seen = symptom(promises, Sight(cluster.api, cluster.ports, API_SECONDS))
    except ApiTimeout:
        broken = engine_fault(cluster.name, PATIENT_ENGINE_SECONDS)
        if broken:
            return broken
        try:
            seen = symptom(promises, Sight(cluster.api, cluster.ports, PATIENT_API_SECONDS))
        except ApiTimeout as error:
            seen = error.message
    return seen and (engine_fault(cluster.name) or seen)


def engine_fault(name: str, timeout: float = ENGINE_SECONDS) -> str | None:
    """What is wrong with the Docker engine or the cluster's node containers, None when nothing is."""
    from docker.errors import DockerException

    from kindlabs.machine import containers, engine

    client = engine.find(timeout=timeout)
    if client is None:
        return "the Docker engine does not answer"
    try:
        nodes = containers.nodes(name, client)
    except (DockerException, OSError) as error:
        return f"the Docker engine does not answer: {error}"
    if not nodes:
        return f"cluster {name} has no node containers"
    stopped = [f"{node.name} is {node.status}" for node in nodes if node.status != "running"]
    return f"node container {', '.join(stopped)}" if stopped else None
