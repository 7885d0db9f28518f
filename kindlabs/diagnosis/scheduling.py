"""Why no node takes a Pod."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.storage import why_not_bound
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, dig, pods_are_going, statuses

FIRST_WORD_SECONDS = 2.0
"""What the scheduler says first may pass: an old Pod may still hold the room that the new one needs."""
PLACES: tuple[tuple[str, Field], ...] = (
    ("Insufficient", ("spec", "containers", 0, "resources", "requests")),
    ("free ports", ("spec", "containers", 0, "ports")),
    ("anti-affinity", ("spec", "affinity", "podAntiAffinity")),
    ("pod affinity", ("spec", "affinity", "podAffinity")),
    ("topology spread", ("spec", "topologySpreadConstraints")),
    ("taint", ("spec", "tolerations")),
    ("PersistentVolumeClaim", ("spec", "volumes")),
    ("persistentvolumeclaim", ("spec", "volumes")),
    ("node(s) didn't match", ("spec", "affinity", "nodeAffinity")),
)
"""Where the field stands that the scheduler's words are about (pkg/scheduler/framework/plugins)."""


def why_not_scheduled(scene: Scene, pod: Object) -> Cause | None:
    """What keeps *pod* from getting a node; None when it has one, or only waits for its turn."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "True" or statuses(pod):
        return None
    if scheduled.get("reason") == "SchedulingGated":
        return _gated(pod)
    if scheduled.get("reason") == "Unschedulable":
        return _unclaimed(scene, pod) or _unschedulable(scene, pod, scheduled)
    waited = age(pod["metadata"].get("creationTimestamp")) > FIRST_WORD_SECONDS
    return _node_missing(scene, pod, final=waited) or _nobody_schedules(pod, final=waited)


def _unschedulable(scene: Scene, pod: Object, scheduled: Object) -> Cause:
    words = _about_nodes(scheduled.get("message", ""))
    field = next((place for word, place in PLACES if word in words), ("spec",))
    if "node affinity/selector" in words and pod["spec"].get("nodeSelector"):
        field = ("spec", "nodeSelector")
        wanted = ",".join(f"{key}={value}" for key, value in pod["spec"]["nodeSelector"].items())
        words += f"; the Pod asks for a node with {wanted}"
    sick = [taint["key"] for node in scene.world.list("Node") for taint in dig(node, "spec", "taints", default=[])]
    sick = [key for key in sick if key.startswith("node.kubernetes.io/")] if "taint" in words else []
    going = pods_are_going(scene.world, pod["metadata"]["namespace"])
    final = not going and age(scheduled.get("lastTransitionTime")) > FIRST_WORD_SECONDS
    if sick:  # Kubernetes marks a node so when it is unwell; no learner may
        words += f"; the cluster's node carries {', '.join(sorted(set(sick)))}"
    text = f"No node takes Pod {pod['metadata']['name']}: {words}."
    return about(pod, "Unschedulable", text, field, final=final, ours=bool(sick))


def _about_nodes(message: str) -> str:
    """The part of the scheduler's message that is about the nodes: ``0/1 nodes are available: 1 Insufficient cpu``."""
    return re.split(r"\.\s+(?:no new claims|preemption|not found)", message)[0].strip().rstrip(".")


def _unclaimed(scene: Scene, pod: Object) -> Cause | None:
    """A claim that will never be bound."""
    for volume in pod["spec"].get("volumes") or []:
        name = dig(volume, "persistentVolumeClaim", "claimName")
        claim = scene.world.get("PersistentVolumeClaim", name, pod["metadata"]["namespace"]) if name else None
        if claim and (found := why_not_bound(scene, claim)):
            return found
    return None


def _gated(pod: Object) -> Cause:
    gates = ", ".join(gate["name"] for gate in pod["spec"].get("schedulingGates") or [])
    text = f"Pod {pod['metadata']['name']} waits behind scheduling gate {gates}, which nobody opens."
    return about(pod, "SchedulingGated", text, ("spec", "schedulingGates"))


def _node_missing(scene: Scene, pod: Object, *, final: bool) -> Cause | None:
    wanted = pod["spec"].get("nodeName")
    if not wanted or scene.world.get("Node", wanted):
        return None
    nodes = ", ".join(node["metadata"]["name"] for node in scene.world.list("Node"))
    text = f"Pod {pod['metadata']['name']} names node {wanted}, which does not exist; there is {nodes}."
    return about(pod, "NodeNotFound", text, ("spec", "nodeName"), final=final)


def _nobody_schedules(pod: Object, *, final: bool) -> Cause | None:
    wanted = pod["spec"].get("schedulerName", "default-scheduler")
    if wanted == "default-scheduler" or pod["spec"].get("nodeName"):
        return None
    text = f"Pod {pod['metadata']['name']} waits for scheduler {wanted}, which does not run here."
    return about(pod, "SchedulerNotFound", text, ("spec", "schedulerName"), final=final)
