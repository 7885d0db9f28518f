"""Is a cluster broken, and what is the evidence? Asked before each use, and when a run meets what no learner caused."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from kindlabs.kube.api import Api, ApiError, ApiUnreachable

if TYPE_CHECKING:
    from kindlabs.clusters.cluster import Cluster

API_SECONDS = 2.2
"""For all questions to the API server together; its own check of a silent etcd takes 2 s to say so."""
ENGINE_SECONDS = 0.8
"""For the question to the engine: with the other, a fault is told within 3 s."""

PROBE = "/api/v1/namespaces/kl-probe/services/probe:http/proxy/dial"
THROUGH_SERVICE = {"host": "probe.kl-probe.svc.cluster.local", "port": "80", "protocol": "http", "request": "hostname"}


def fault(cluster: Cluster) -> str | None:
    """One sentence of evidence, None when the cluster is well."""
    if not cluster.is_made:
        return f"cluster {cluster.name} does not exist"
    symptom = symptom_of(cluster.api)
    if symptom is None:
        return None
    return engine_fault(cluster.name) or symptom


def symptom_of(api: Api) -> str | None:
    """What is wrong as seen through the API server, None when nothing is."""
    until = time.monotonic() + API_SECONDS
    try:
        return _not_ready_api(api, until) or _not_ready_node(api, until) or _silent_probe(api, until)
    except ApiUnreachable as error:
        return str(error.message)
    except ApiError as error:
        return f"the API server refuses its administrator: {error.message}"


def engine_fault(name: str) -> str | None:
    """What is wrong with the Docker engine or the cluster's node containers, None when nothing is."""
    from docker.errors import DockerException

    from kindlabs.clusters import engine

    client = engine.find(timeout=ENGINE_SECONDS)
    if client is None:
        return "the Docker engine does not answer"
    try:
        nodes = client.containers.list(
            all=True, filters={"label": f"io.x-k8s.kind.cluster={name}"}, ignore_removed=True
        )
    except (DockerException, OSError) as error:
        return f"the Docker engine does not answer: {error}"
    if not nodes:
        return f"cluster {name} has no node containers"
    stopped = [f"{node.name} is {node.status}" for node in nodes if node.status != "running"]
    return f"node container {', '.join(stopped)}" if stopped else None


def _not_ready_api(api: Api, until: float) -> str | None:
    try:
        # etcd is asked twice, 2 s each time when it is silent; once is enough to name it.
        query = {"verbose": "", "exclude": "etcd-readiness"}
        api.text("GET", "/readyz", query=query, timeout=_left(until))
    except ApiError as error:
        if error.status in (401, 403):
            return f"the API server refuses its administrator: {error.message}"
        failed = [line[3:].split()[0] for line in error.message.splitlines() if line.startswith("[-]")]
        return f"the API server is not ready: {', '.join(failed) or error.message} failed"
    return None


def _not_ready_node(api: Api, until: float) -> str | None:
    for node in api.request("GET", "/api/v1/nodes", timeout=_left(until))["items"]:
        ready = next((c for c in node["status"].get("conditions", []) if c["type"] == "Ready"), None)
        if ready is None or ready["status"] != "True":
            why = f"{ready.get('reason')}: {ready.get('message')}" if ready else "it has no Ready condition"
            return f"node {node['metadata']['name']} is not ready: {why}"
    return None


def _silent_probe(api: Api, until: float) -> str | None:
    """The probe asks itself through its Service by name: Pods run, names resolve, Services lead somewhere."""
    try:
        answer = json.loads(api.text("GET", PROBE, query=THROUGH_SERVICE | {"tries": "1"}, timeout=_left(until)))
    except ApiError as error:
        return f"the probe in the cluster does not answer: {error.message}"
    except ValueError as error:
        return f"the probe in the cluster answers nonsense: {error}"
    if not answer.get("responses"):
        return f"the probe cannot reach its own Service: {'; '.join(answer.get('errors') or ['no answer'])}"
    return None


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
