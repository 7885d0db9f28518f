"""Is a cluster broken, and what is the evidence? Asked before each use, and when a run meets what no learner caused."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import urllib3

from kindlabs.kube.api import ApiError, ApiUnreachable, Object

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
    symptom = symptom_of(cluster)
    if symptom is None:
        return None
    return engine_fault(cluster.name) or symptom


def symptom_of(cluster: Cluster) -> str | None:
    """What is wrong as seen through the API server and the Ingress port, None when nothing is."""
    until = time.monotonic() + API_SECONDS
    looks = [_not_ready_api, _not_ready_node, _silent_probe]
    looks += [LOOKS_AT_ADDONS[name] for name in cluster.addons if name in LOOKS_AT_ADDONS]
    try:
        return next(filter(None, (look(cluster, until) for look in looks)), None)
    except ApiUnreachable as error:
        return str(error.message)
    except ApiError as error:
        return f"what every such cluster has is not there: {error.message}"


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


def _not_ready_api(cluster: Cluster, until: float) -> str | None:
    try:
        # etcd is asked twice, 2 s each time when it is silent; once is enough to name it.
        query = {"verbose": "", "exclude": "etcd-readiness"}
        cluster.api.text("GET", "/readyz", query=query, timeout=_left(until))
    except ApiError as error:
        if error.status in (401, 403):
            return f"the API server refuses its administrator: {error.message}"
        failed = [line[3:].split()[0] for line in error.message.splitlines() if line.startswith("[-]")]
        return f"the API server is not ready: {', '.join(failed) or error.message} failed"
    return None


def _not_ready_node(cluster: Cluster, until: float) -> str | None:
    for node in cluster.api.request("GET", "/api/v1/nodes", timeout=_left(until))["items"]:
        ready = next((c for c in node["status"].get("conditions", []) if c["type"] == "Ready"), None)
        if ready is None or ready["status"] != "True":
            why = f"{ready.get('reason')}: {ready.get('message')}" if ready else "it has no Ready condition"
            return f"node {node['metadata']['name']} is not ready: {why}"
    return None


def _silent_probe(cluster: Cluster, until: float) -> str | None:
    """The probe asks itself through its Service by name: Pods run, names resolve, Services lead somewhere."""
    try:
        query = THROUGH_SERVICE | {"tries": "1"}
        answer = json.loads(cluster.api.text("GET", PROBE, query=query, timeout=_left(until)))
    except ApiError as error:
        return f"the probe in the cluster does not answer: {error.message}"
    except ValueError as error:
        return f"the probe in the cluster answers nonsense: {error}"
    if not answer.get("responses"):
        return f"the probe cannot reach its own Service: {'; '.join(answer.get('errors') or ['no answer'])}"
    return None


def _silent_ingress(cluster: Cluster, until: float) -> str | None:
    """Any answer will do: what it answers is for readiness and for labs to judge."""
    port = cluster.ports["http"]
    try:
        with urllib3.HTTPConnectionPool("127.0.0.1", port) as pool:
            pool.urlopen("GET", "/", timeout=_left(until), retries=False)
    except urllib3.exceptions.HTTPError as error:
        return f"the Ingress controller does not answer on port {port}: {error}"
    return None


def _idle_authority(cluster: Cluster, until: float) -> str | None:
    """The authority is ready to issue, and somebody is there who does it."""
    issuer = cluster.api.request("GET", "/apis/cert-manager.io/v1/clusterissuers/lab-ca", timeout=_left(until))
    pods = cluster.api.request("GET", "/api/v1/namespaces/cert-manager/pods", timeout=_left(until))["items"]
    if not _is_ready(issuer):
        return "ClusterIssuer lab-ca is not ready"
    return None if any(_is_ready(pod) for pod in pods) else "no Pod of cert-manager is ready"


LOOKS_AT_ADDONS = {"ingress": _silent_ingress, "cert-manager": _idle_authority}


def _is_ready(thing: Object) -> bool:
    conditions = thing.get("status", {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
