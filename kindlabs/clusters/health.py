"""Is a cluster broken, and what is the evidence? Asked before each use, and when a run meets what no learner caused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import urllib3

from kindlabs.kube import probing
from kindlabs.kube.api import ApiError, ApiTimeout, ApiUnreachable, Object
from kindlabs.kube.objects import is_true

if TYPE_CHECKING:
    from kindlabs.clusters.cluster import Cluster

API_SECONDS = 2.2
"""For all questions to the API server together; its own check of a silent etcd takes 2 s to say so."""
ENGINE_SECONDS = 0.8
"""For the question to the engine: with the other, a fault is told within 3 s."""
LEAST_SECONDS = 0.2
"""For one question: what is not answered sooner than that is not silent yet."""
PATIENT_API_SECONDS, PATIENT_ENGINE_SECONDS = 10.0, 3.0
"""The same when nothing but silence was heard: a machine with too much work answers late, and is not broken."""


def fault(cluster: Cluster) -> str | None:
    """One sentence of evidence, None when the cluster is well."""
    if not cluster.is_made:
        return f"cluster {cluster.name} does not exist"
    try:
        symptom = symptom_of(cluster, API_SECONDS)
    except ApiTimeout:
        broken = engine_fault(cluster.name, PATIENT_ENGINE_SECONDS)
        if broken:
            return broken
        try:
            symptom = symptom_of(cluster, PATIENT_API_SECONDS)
        except ApiTimeout as error:
            symptom = error.message
    return symptom and (engine_fault(cluster.name) or symptom)


def symptom_of(cluster: Cluster, seconds: float) -> str | None:
    """What is wrong as seen through the API server and the Ingress port, None when nothing is.

    Raises: ApiTimeout when there was no answer within *seconds*, which says nothing yet.
    """
    until = time.monotonic() + seconds
    looks = [_not_ready_api, _unfit_node, _missing_component, _dead_webhook, _missing_default, _silent_probe]
    looks += [look for name in cluster.addons for look in LOOKS_AT_ADDONS.get(name, ())]
    try:
        return next(filter(None, (look(cluster, until) for look in looks)), None)
    except ApiTimeout:
        raise
    except ApiUnreachable as error:
        return str(error.message)
    except ApiError as error:
        return f"what every such cluster has is not there: {error.message}"


def engine_fault(name: str, timeout: float = ENGINE_SECONDS) -> str | None:
    """What is wrong with the Docker engine or the cluster's node containers, None when nothing is."""
    from docker.errors import DockerException

    from kindlabs.clusters import containers, engine

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


def _unfit_node(cluster: Cluster, until: float) -> str | None:
    """A node that is not ready, under pressure, or closed to new Pods."""
    for node in _list(cluster, "/api/v1/nodes", until):
        name, spec = node["metadata"]["name"], node["spec"]
        conditions = {c["type"]: c for c in node["status"].get("conditions", [])}
        ready = conditions.pop("Ready", None)
        if ready is None or ready["status"] != "True":
            why = f"{ready.get('reason')}: {ready.get('message')}" if ready else "it has no Ready condition"
            return f"node {name} is not ready: {why}"
        pressed = next((c for c in conditions.values() if c["status"] == "True"), None)
        if pressed:
            return f"node {name} has {pressed['type']}: {pressed.get('message')}"
        if spec.get("unschedulable"):
            return f"node {name} takes no new Pods: it is cordoned"
        taints = [t["key"] for t in spec.get("taints") or [] if t["key"] != CONTROL_PLANE and t["effect"] in CLOSES]
        if taints:
            return f"node {name} takes no new Pods: it is tainted {', '.join(taints)}"
    return None


def _missing_component(cluster: Cluster, until: float) -> str | None:
    """A component that does not run; in a new cluster they are not Ready yet, because the kubelet looks late."""
    pods = _list(cluster, "/api/v1/namespaces/kube-system/pods", until)
    running = {value for pod in pods if _runs(pod) for value in pod["metadata"].get("labels", {}).values()}
    missing = [name for label, name in COMPONENTS.items() if label not in running]
    return f"no Pod of {', '.join(missing)} runs" if missing else None


def _runs(pod: Object) -> bool:
    statuses = pod["status"].get("containerStatuses") or []
    return any("running" in (status.get("state") or {}) for status in statuses)


def _dead_webhook(cluster: Cluster, until: float) -> str | None:
    """An admission webhook behind which nobody answers: what it is to look at is refused or delayed."""
    for kind in ("validating", "mutating"):
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
        for configuration in _list(cluster, path, until):
            for hook in configuration.get("webhooks") or []:
                service = hook["clientConfig"].get("service")
                if service and not _has_endpoints(cluster, service, until):
                    return f"admission webhook {hook['name']} asks Service {service['name']}, which has no endpoints"
    return None


def _has_endpoints(cluster: Cluster, service: Object, until: float) -> bool:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{service['namespace']}/endpointslices"
    slices = _list(cluster, path, until, labelSelector=f"kubernetes.io/service-name={service['name']}")
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    return any(endpoint.get("conditions", {}).get("ready") for endpoint in endpoints)


def _missing_default(cluster: Cluster, until: float) -> str | None:
    """What every submission may count on: the learner's rights, and a class for volumes."""
    role = cluster.api.request("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin", timeout=_left(until))
    if not role.get("rules"):
        return "ClusterRole admin allows nothing"
    classes = _list(cluster, "/apis/storage.k8s.io/v1/storageclasses", until)
    if not any((c["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for c in classes):
        return "no StorageClass is the default"
    return None


def _silent_probe(cluster: Cluster, until: float) -> str | None:
    """The ears answer the mouth through their Service by name: Pods run, names resolve, Services lead somewhere."""
    try:
        answer = probing.dial(cluster.api, probing.host_of("probe"), 80, timeout=_left(until))
    except ApiError as error:
        return f"Pod {probing.MOUTH} in {probing.NAMESPACE} cannot ask: {error.message}"
    if not answer["responses"]:
        return f"the probe cannot reach its own Service: {'; '.join(answer['errors'])}"
    return None


def _silent_ingress(cluster: Cluster, until: float) -> str | None:
    """Any answer will do: what it answers is for readiness and for labs to judge."""
    port = cluster.ports["http"]
    try:
        with urllib3.HTTPConnectionPool("127.0.0.1", port) as pool:
            # Not read: it may be a submission's that answers, and without an end.
            pool.urlopen("GET", "/", timeout=_left(until), retries=False, redirect=False, preload_content=False).close()
    except urllib3.exceptions.HTTPError as error:
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a time-out by its class, not by its nature
        if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
            raise ApiTimeout(f"the Ingress controller sent no answer on port {port} in time") from error
        words = "connection refused" if refused else "it hung up"
        return f"the Ingress controller does not answer on port {port}: {words}"
    return None


def _foreign_class(cluster: Cluster, until: float) -> str | None:
    path = "/apis/networking.k8s.io/v1/ingressclasses/traefik"
    controller = cluster.api.request("GET", path, timeout=_left(until))["spec"].get("controller")
    return None if controller == TRAEFIK else f"IngressClass traefik belongs to {controller}"


def _idle_authority(cluster: Cluster, until: float) -> str | None:
    """The authority is ready to issue, and somebody is there who does it."""
    issuer = cluster.api.request("GET", "/apis/cert-manager.io/v1/clusterissuers/lab-ca", timeout=_left(until))
    pods = cluster.api.request("GET", "/api/v1/namespaces/cert-manager/pods", timeout=_left(until))["items"]
    if not is_true(issuer, "Ready"):
        return "ClusterIssuer lab-ca is not ready"
    return None if any(is_true(pod, "Ready") for pod in pods) else "no Pod of cert-manager is ready"


def _other_authority(cluster: Cluster, until: float) -> str | None:
    """The authority is the one that issued the probe's certificate; a new one would disown what it issued to others."""
    own = "/api/v1/namespaces/cert-manager/secrets/lab-ca"
    issued = f"/api/v1/namespaces/{probing.NAMESPACE}/secrets/probe-tls"
    authority, leaf = (cluster.api.request("GET", path, timeout=_left(until)).get("data", {}) for path in (own, issued))
    same = authority.get("tls.crt") and authority.get("tls.crt") == leaf.get("ca.crt")
    return None if same else "the lab's CA is not the one that issued the probe's certificate"


LOOKS_AT_ADDONS = {
    "ingress": (_silent_ingress, _foreign_class),
    "cert-manager": (_idle_authority, _other_authority),
}
COMPONENTS = {
    "kube-scheduler": "kube-scheduler",
    "kube-controller-manager": "kube-controller-manager",
    "kube-proxy": "kube-proxy",
    "kube-dns": "CoreDNS",
}
"""Values of labels that kubeadm gives to Pods in kube-system, and whose they are."""
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
CLOSES = ("NoSchedule", "NoExecute")
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
TRAEFIK = "traefik.io/ingress-controller"


def _list(cluster: Cluster, path: str, until: float, **query: str) -> list[Object]:
    items: list[Object] = cluster.api.request("GET", path, query=query, timeout=_left(until))["items"]
    return items


def _left(until: float) -> float:
    """Seconds for the next question. Raises: ApiTimeout when earlier ones took them all, which says nothing yet."""
    left = until - time.monotonic()
    if left <= 0:
        raise ApiTimeout("the cluster did not answer all questions in time")
    return max(LEAST_SECONDS, left)
