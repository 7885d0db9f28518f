"""Why a Pod is not Ready, or does not answer: node, volumes, images, containers, probes, in the order of its life."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import at_port, command, listening_ports, never_ends, process_field
from kindlabs.diagnosis.crashes import why_stuck
from kindlabs.diagnosis.images import why_no_image
from kindlabs.diagnosis.probes import why_not_alive, why_probe_fails
from kindlabs.diagnosis.references import why_not_mounted, why_reference_missing
from kindlabs.diagnosis.scheduling import why_not_scheduled
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, dig, is_ready, is_true, owner, statuses
from kindlabs.patience import GATE_SECONDS, LISTENS_SECONDS, START_SECONDS

FAILED_FOR: dict[str, Field] = {"DeadlineExceeded": ("activeDeadlineSeconds",)}
"""Which field of a Pod a reason for giving it up is about."""
FULL_MACHINE = "The node was low on resource"
"""The kubelet's words when it evicts (pkg/kubelet/eviction)."""


def why_pod_not_ready(scene: Scene, pod: Object) -> Cause | None:
    """The first link that keeps *pod* from being Ready and staying so; None when it is, or is only on its way."""
    if is_ready(pod):
        return why_not_alive(scene, pod)
    walks = (
        _failed,
        why_not_scheduled,
        why_reference_missing,
        why_not_mounted,
        why_no_image,
        why_stuck,
        why_probe_fails,
        _gate_closed,
    )
    for walk in walks:
        found = walk(scene, pod)
        if found:
            return found.behind(f"Pod {pod['metadata']['name']} is {dig(pod, 'status', 'phase', default='unknown')}")
    return None


def why_pod_does_not_answer(scene: Scene, pod: Object, port: int) -> Cause | None:
    """The first link that keeps *pod* from answering on *port*; None when something listens there."""
    found = why_pod_not_ready(scene, pod)
    if found or scene.listens(pod, port) is not False:
        return found
    at = at_port(pod, port)
    container, name = pod["spec"]["containers"][at], pod["metadata"]["name"]
    others = listening_ports(scene, pod)
    starts = [age(dig(status, "state", "running", "startedAt")) for status in statuses(pod)]
    running = min(filter(None, starts), default=0.0)
    alone = len(pod["spec"]["containers"]) == 1
    final = running > (LISTENS_SECONDS if others and alone else START_SECONDS) or never_ends(container)
    if others:
        text = f"Nothing listens on port {port} in Pod {name}; the process listens on {', '.join(map(str, others))}."
    elif never_ends(container):
        text = f"The container runs {' '.join(command(container)[:2])}, which opens no port."
    else:
        text = f"Nothing listens on port {port} in Pod {name}, nor on any port that its manifest names."
    field = ("spec", "containers", at, process_field(container))
    step = f"-n {pod['metadata']['namespace']} logs {name}"
    return about(pod, "NothingListens", text, field, final=final, next_step=step)


def _failed(_scene: Scene, pod: Object) -> Cause | None:
    """A Pod that the kubelet refused or evicted as a whole."""
    reason = dig(pod, "status", "reason")
    if dig(pod, "status", "phase") != "Failed" or not reason:
        return None
    words = dig(pod, "status", "message", default=reason)
    text = f"The node gave Pod {pod['metadata']['name']} up: {words.rstrip('.')}."
    if words.startswith(FULL_MACHINE):
        return about(pod, reason, text, ("spec",), final=not owner(pod)[0], ours=True)
    code = "".join(filter(str.isalpha, reason))  # OutOfephemeral-storage
    return about(pod, code, text, ("spec", *FAILED_FOR.get(reason, ())))


def _gate_closed(_scene: Scene, pod: Object) -> Cause | None:
    """A Pod whose containers are ready and whose readiness gates are not."""
    ready = condition(pod, "Ready")
    if ready.get("reason") != "ReadinessGatesNotReady":
        return None
    gates = [gate["conditionType"] for gate in dig(pod, "spec", "readinessGates", default=[])]
    closed = ", ".join(gate for gate in gates if not is_true(pod, gate))
    text = f"Pod {pod['metadata']['name']} waits for readiness gate {closed}, which nobody opens."
    held = age(condition(pod, "ContainersReady").get("lastTransitionTime"))
    final = bool(closed) and held > GATE_SECONDS
    return about(pod, "ReadinessGateClosed", text, ("spec", "readinessGates"), final=final)
