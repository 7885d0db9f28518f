"""Why a Pod does not reach what it should, or reaches what it should not."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.containers import port_number
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.policies import DNS_LABELS, DNS_PORT, Way, why_kept_out, why_let_through
from kindlabs.diagnosis.services import why_service_does_not_answer
from kindlabs.kube.api import Object
from kindlabs.kube.endpoints import selected_by
from kindlabs.kube.objects import containers, dig


def why_not_reached(scene: Scene, pod: Object, url: str) -> Cause | None:
    """The first link that keeps *pod* from an answer of *url*, where its host is a Service or a Pod of the cluster."""
    found = why_pod_not_ready(scene, pod)
    kept = (cause for way in _ways(scene, pod, url) if (cause := why_kept_out(scene, way)))
    found = found or next(kept, None)
    service = _service(scene, pod, url)
    if found or service is None:
        return found
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    return why_service_does_not_answer(scene, name, namespace, urlsplit(url).port or 80)


def why_reached(scene: Scene, pod: Object, url: str) -> Cause | None:
    """What lets *pod* through to *url*, which should be closed to it."""
    return next((cause for way in _ways(scene, pod, url) if (cause := why_let_through(scene, way))), None)


def why_not_resolved(scene: Scene, pod: Object) -> Cause | None:
    """What keeps *pod* from the cluster's DNS servers."""
    servers = scene.world.list("Pod", "kube-system", DNS_LABELS)
    kept = (why_kept_out(scene, Way(pod, server, DNS_PORT, "UDP")) for server in servers)
    return why_pod_not_ready(scene, pod) or next(filter(None, kept), None)


def _ways(scene: Scene, pod: Object, url: str) -> Iterator[Way]:
    """To each Pod that may answer, on the port on which it does: policies know no Services."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    service = _service(scene, pod, url)
    for target in selected_by(scene.world, service) if service else _pods_at(scene, host):
        yield Way(pod, target, _target_port(service, target, port) if service else port)


def _service(scene: Scene, pod: Object, url: str) -> Object | None:
    """The Service that *url* names or whose address it has."""
    host = urlsplit(url).hostname or ""
    name, _, rest = host.partition(".")
    namespace = rest.partition(".")[0] or pod["metadata"]["namespace"]
    own = (s for s in scene.world.list("Service") if dig(s, "spec", "clusterIP") == host)
    return scene.world.get("Service", name, namespace) or next(own, None)


def _pods_at(scene: Scene, address: str) -> list[Object]:
    return [pod for pod in scene.world.list("Pod") if dig(pod, "status", "podIP") == address]


def _target_port(service: Object, pod: Object, port: int) -> int:
    entries = dig(service, "spec", "ports", default=[])
    target = next((e.get("targetPort", port) for e in entries if e["port"] == port), port)
    named = (port_number(container, target) for container in containers(pod["spec"]))
    return next(filter(None, named), port)
