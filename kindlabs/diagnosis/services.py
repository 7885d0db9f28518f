"""Why a Service has no endpoints, or does not answer: selector, Pods, protocol, port, target port."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.containers import listening_ports
from kindlabs.diagnosis.endpoints import why_written_elsewhere, why_written_port_fails
from kindlabs.diagnosis.pods import why_pod_does_not_answer, why_pod_not_ready
from kindlabs.kube.api import Object
from kindlabs.kube.endpoints import endpoints_of, selected_by
from kindlabs.kube.objects import ENDED, containers, dig, is_ready, labels_text, pods_are_going
from kindlabs.kube.world import has_labels

TEMPLATES = ("Deployment", "StatefulSet", "DaemonSet")
"""Kinds whose template says which Pods will come, before these are there."""


def why_no_endpoints(scene: Scene, name: str, namespace: str) -> Cause | None:
    """The first link that leaves Service *name* without ready endpoints; None when it has some, or soon will."""
    service = scene.world.get("Service", name, namespace)
    if service is None:
        return scene.missing("Service", name, namespace)
    found = (
        _external(service)
        or _selects_nothing(scene, service)
        or why_written_elsewhere(scene, service)
        or _pods_not_ready(scene, service)
    )
    return found.behind(f"Service {name} has no ready endpoints") if found else None


def why_service_does_not_answer(scene: Scene, name: str, namespace: str, port: int) -> Cause | None:
    """The first link that keeps Service *name* from answering TCP on *port*; None when objects say that it should."""
    service = scene.world.get("Service", name, namespace)
    found = why_no_endpoints(scene, name, namespace)
    if service is None or (found and found.final):
        return found
    found = _wrong_port(service, port) or found or _wrong_target(scene, service, port) or _headless(service, port)
    found = found or why_written_port_fails(scene, service, port)
    return found.behind(f"Service {name} does not answer on port {port}") if found else None


def why_always_the_same(scene: Scene, name: str, namespace: str, own: list[Object]) -> Cause | None:
    """Why one caller of Service *name* never gets to each of the Pods *own*."""
    service = scene.world.get("Service", name, namespace)
    if service is None or len(own) < 2 or dig(service, "spec", "sessionAffinity") != "ClientIP":
        return None
    text = f"Service {name} has sessionAffinity ClientIP, so that one caller always gets the same Pod."
    return about(service, "SessionAffinity", text, ("spec", "sessionAffinity"))


def why_strangers(scene: Scene, name: str, namespace: str, own: list[Object]) -> Cause | None:
    """Why Service *name* leads to other Pods than *own*."""
    service = scene.world.get("Service", name, namespace)
    if service is None:
        return None
    strangers = strangers_behind(scene, name, namespace, own)
    selector = labels_text(dig(service, "spec", "selector", default={}))
    step = f"-n {namespace} get pods -l {selector}"
    if strangers and own:
        text = f"Service {name} selects {selector}, and so do requests reach Pod {strangers[0]}, which is not meant."
        final = not pods_are_going(scene.world, namespace)
        return about(service, "SelectsOthers", text, ("spec", "selector"), final=final, next_step=step)
    return None


def strangers_behind(scene: Scene, name: str, namespace: str, own: list[Object]) -> list[str]:
    """The names of the Pods other than *own* that Service *name* selects and that run, or will."""
    service = scene.world.get("Service", name, namespace)
    selected = selected_by(scene.world, service) if service else []
    running = {pod["metadata"]["name"] for pod in selected if dig(pod, "status", "phase") not in ENDED}
    return sorted(running - {pod["metadata"]["name"] for pod in own})


def _external(service: Object) -> Cause | None:
    if dig(service, "spec", "type") != "ExternalName":
        return None
    name = service["metadata"]["name"]
    text = (
        f"Service {name} is of type ExternalName: its name leads to {service['spec'].get('externalName')}, to no Pod."
    )
    return about(service, "ExternalName", text, ("spec", "type"))


def _headless(service: Object, port: int) -> Cause | None:
    """A Service without an address of its own: callers reach Pods directly, on the port that they ask for."""
    target = next((p.get("targetPort", port) for p in service["spec"]["ports"] if p["port"] == port), port)
    if dig(service, "spec", "clusterIP") != "None" or target == port:
        return None
    name = service["metadata"]["name"]
    text = f"Service {name} is headless (clusterIP: None): nobody carries port {port} to {target}."
    return about(service, "Headless", text, ("spec", "clusterIP"))


def _selects_nothing(scene: Scene, service: Object) -> Cause | None:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    selector = dig(service, "spec", "selector", default={})
    step = f"-n {namespace} get pods --show-labels"
    if not selector:
        if endpoints_of(scene.world, name, namespace):  # written by hand
            return None
        text = f"Service {name} has no selector, so it finds no Pod."
        return Cause("NoSelector", "Service", name, namespace, text, ("spec",), next_step=step)
    if selected_by(scene.world, service) or any(has_labels(t, selector) for t in _templates(scene, namespace)):
        return None
    nearest = _nearest_labels(scene, namespace, selector)
    if nearest:
        text = f"Service {name} selects {labels_text(selector)}, but the Pods carry {nearest}, so it has no endpoints."
    else:
        text = f"Service {name} selects {labels_text(selector)}, and {namespace} has no Pods."
    return Cause("SelectsNoPod", "Service", name, namespace, text, ("spec", "selector"), next_step=step)


def _templates(scene: Scene, namespace: str) -> list[Object]:
    """Pod templates of the workloads that want at least one Pod."""
    workloads = [w for kind in TEMPLATES for w in scene.world.list(kind, namespace)]
    return [w["spec"]["template"] for w in workloads if dig(w, "spec", "replicas", default=1)]


def _nearest_labels(scene: Scene, namespace: str, selector: dict[str, str]) -> str:
    """What the Pods carry under the selector's keys; all their labels where they have none of these keys."""
    things = [*scene.world.list("Pod", namespace), *_templates(scene, namespace)]
    found = set()
    for thing in things:
        labels = {k: v for k, v in dig(thing, "metadata", "labels", default={}).items() if k != "pod-template-hash"}
        shared = {key: labels[key] for key in selector if key in labels}
        found.add(labels_text(shared or labels))
    return " or ".join(sorted(filter(None, found)))


def _pods_not_ready(scene: Scene, service: Object) -> Cause | None:
    pods = selected_by(scene.world, service)
    if any(is_ready(pod) for pod in pods):
        return None
    causes = [cause for pod in pods if (cause := why_pod_not_ready(scene, pod))]
    return min(causes, key=lambda cause: not cause.final, default=None)


def _wrong_port(service: Object, port: int) -> Cause | None:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    ports = dig(service, "spec", "ports", default=[])
    step = f"-n {namespace} get service {name}"
    if any(p["port"] == port and p.get("protocol", "TCP") == "TCP" for p in ports):
        return None
    if not ports:  # as only a headless one may have none
        return about(service, "WrongPort", f"Service {name} opens no port.", ("spec",), next_step=step)
    for at, entry in enumerate(ports):
        if entry["port"] == port:
            text = f"Service {name} opens {entry['protocol']} port {port}; callers use TCP."
            field = ("spec", "ports", at, "protocol")
            return Cause("WrongProtocol", "Service", name, namespace, text, field, next_step=step)
    opened = ", ".join(str(entry["port"]) for entry in ports)
    text = f"Service {name} opens port {opened}, not {port}."
    return Cause("WrongPort", "Service", name, namespace, text, ("spec", "ports", 0, "port"), next_step=step)


def _wrong_target(scene: Scene, service: Object, port: int) -> Cause | None:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    entries = enumerate(dig(service, "spec", "ports", default=[]))
    at, entry = next((i, e) for i, e in entries if e["port"] == port and e.get("protocol", "TCP") == "TCP")
    field = ("spec", "ports", at, "targetPort")
    target = entry.get("targetPort", port)
    step = f"-n {namespace} get endpointslices -l kubernetes.io/service-name={name}"
    for pod in selected_by(scene.world, service):
        number = target if isinstance(target, int) else _named_ports(pod).get(target)
        if number is None:
            text = f"Service {name} sends to the TCP port named {target}; the Pods name {_listed(pod)}."
            return about(service, "TargetPortUnnamed", text, field, next_step=step)
        found = why_pod_does_not_answer(scene, pod, number)
        others = listening_ports(scene, pod) if found and found.reason == "NothingListens" else []
        if found and others:
            shown = number if target == number else f"{target} ({number})"
            text = f"Service {name} sends to port {shown}; the Pods listen on {', '.join(map(str, others))}."
            return about(service, "WrongTargetPort", text, field, next_step=step, final=found.final)
        if found:
            return found
    return None


def _named_ports(pod: Object) -> dict[str, int]:
    """The TCP ports that a Pod's containers name; a Service's port of TCP finds no others."""
    return {name: number for name, protocol, number in _declared(pod) if protocol == "TCP"}


def _listed(pod: Object) -> str:
    found = [name if protocol == "TCP" else f"{name} ({protocol})" for name, protocol, _ in _declared(pod)]
    return ", ".join(sorted(found)) or "none"


def _declared(pod: Object) -> list[tuple[str, str, int]]:
    ports = [p for c in containers(pod["spec"]) for p in c.get("ports") or []]
    return [(p["name"], p.get("protocol", "TCP"), p["containerPort"]) for p in ports if p.get("name")]
