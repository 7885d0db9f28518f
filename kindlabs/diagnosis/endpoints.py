"""Where EndpointSlices lead that somebody wrote, and no controller keeps."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.pods import why_pod_does_not_answer
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, is_leaving

MANAGER = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
"""Who keeps the EndpointSlices of a Service with a selector (kubernetes.io/docs/concepts/services-networking)."""


def slices_of(scene: Scene, name: str, namespace: str) -> list[Object]:
    """The EndpointSlices of Service *name*."""
    return scene.world.list("EndpointSlice.discovery.k8s.io", namespace, {"kubernetes.io/service-name": name})


def why_written_elsewhere(scene: Scene, service: Object) -> Cause | None:
    """An EndpointSlice by hand that leads to no Pod, or does not let anybody be asked."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    pods = [p for p in scene.world.list("Pod", namespace) if not is_leaving(scene.world, p)]
    known = {dig(pod, "status", "podIP"): pod for pod in pods}
    for piece in _by_hand(scene, name, namespace):
        for at, endpoint in enumerate(piece.get("endpoints") or []):
            strange = next((a for a in endpoint["addresses"] if a not in known), None)
            if strange:
                text = (
                    f"sends Service {name} to {strange}, which is no Pod of {namespace}; a selector would follow Pods."
                )
                return _cause(piece, text, at, final=None not in known)  # a Pod may yet get that address
            if dig(endpoint, "conditions", "ready", default=True) is False:
                return _cause(piece, f"says that {endpoint['addresses'][0]} is not ready.", at)
    return None


def why_written_port_fails(scene: Scene, service: Object, port: int) -> Cause | None:
    """An EndpointSlice by hand whose ports are not those of the Service, or not those of the Pods that it names."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    wanted = next((p.get("name", "") for p in dig(service, "spec", "ports", default=[]) if p["port"] == port), "")
    pods = {dig(pod, "status", "podIP"): pod for pod in scene.world.list("Pod", namespace)}
    for piece in _by_hand(scene, name, namespace):
        ports = {p.get("name") or "": p.get("port") for p in piece.get("ports") or []}
        if wanted not in ports:
            has = " and ".join(repr(own) if own else "none" for own in ports) or "no port at all"
            text = f"is not of port {port}: Service {name} names that port {wanted!r}, the slice has {has}."
            return about(piece, "EndpointsByHand", _sentence(piece, text), ("ports",))
        addresses = [a for endpoint in piece.get("endpoints") or [] for a in endpoint["addresses"]]
        asked = [pods[a] for a in addresses if a in pods]
        found = next((c for pod in asked if (c := why_pod_does_not_answer(scene, pod, ports[wanted] or port))), None)
        if found:
            return found.behind(f"EndpointSlice {piece['metadata']['name']} sends to port {ports[wanted]}")
    return None


def _by_hand(scene: Scene, name: str, namespace: str) -> list[Object]:
    pieces = slices_of(scene, name, namespace)
    return [piece for piece in pieces if dig(piece, "metadata", "labels", MANAGER) != CONTROLLER]


def _cause(piece: Object, text: str, at: int, *, final: bool = True) -> Cause:
    return about(piece, "EndpointsByHand", _sentence(piece, text), ("endpoints", at), final=final)


def _sentence(piece: Object, text: str) -> str:
    return f"EndpointSlice {piece['metadata']['name']}, which no controller keeps, {text}"
