"""Why no node takes a Pod."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.placement import fits
from kindlabs.diagnosis.storage import why_not_bound
from kindlabs.kube.api import Object
from kindlabs.kube.nodes import CONTROL_PLANE, CORDON, OWN, fits_terms, is_by_people, taint_text, taints_of, tolerated
from kindlabs.kube.objects import age, condition, dig, labels_text, pods_are_going, statuses
from kindlabs.patience import FIRST_WORD_SECONDS

NODE_TERMS = (
    *("spec", "affinity", "nodeAffinity"),
    *("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"),
)
CORDONED = "were unschedulable"
"""The scheduler's words about a node that somebody closed: no submission can, and it looks again once it is open."""
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
        found = _unclaimed(scene, pod) or _no_such_node(scene, pod)
        if found or CORDONED in scheduled.get("message", ""):
            return found
        return _untolerated(scene, pod, scheduled) or _unschedulable(scene, pod, scheduled)
    waited = age(pod["metadata"].get("creationTimestamp")) > FIRST_WORD_SECONDS
    return _node_missing(scene, pod, final=waited) or _nobody_schedules(pod, final=waited)


def _unschedulable(scene: Scene, pod: Object, scheduled: Object) -> Cause:
    words = _about_nodes(scheduled.get("message", ""))
    field = next((place for word, place in PLACES if word in words), ("spec",))
    if "node affinity/selector" in words and pod["spec"].get("nodeSelector"):
        field = ("spec", "nodeSelector")
        wanted = ",".join(f"{key}={value}" for key, value in pod["spec"]["nodeSelector"].items())
        words += f"; the Pod asks for a node with {wanted}"
    taints = {taint["key"] for node in scene.world.list("Node") for taint in dig(node, "spec", "taints", default=[])}
    own = {key for key in taints if key.startswith(OWN) and key != CORDON}
    sick = sorted(own) if "taint" in words else []
    going = pods_are_going(scene.world, pod["metadata"]["namespace"]) or CORDON in taints  # for a while
    final = not going and age(scheduled.get("lastTransitionTime")) > FIRST_WORD_SECONDS
    if sick:  # Kubernetes marks a node so when it is unwell; no learner may
        words += f"; the cluster's node carries {', '.join(sick)}"
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


def _no_such_node(scene: Scene, pod: Object) -> Cause | None:
    """A nodeSelector or a node affinity that fits no node: no room that becomes free helps."""
    nodes, wanted = scene.world.list("Node"), dig(pod, "spec", "nodeSelector")
    terms = dig(pod, *NODE_TERMS)
    if nodes and terms and not any(fits_terms(node, terms) for node in nodes):
        text = f"No node fits the node affinity of Pod {pod['metadata']['name']}: {_asked(terms)}."
        return about(pod, "NoSuchNode", text, ("spec", *NODE_TERMS[1:]))
    if not nodes or not wanted or any(fits(node, pod) for node in nodes):
        return None
    text = f"No node has {labels_text(wanted)}, which Pod {pod['metadata']['name']} asks for"
    key = next(iter(wanted))
    there = {node["metadata"].get("labels", {}).get(key) for node in nodes} - {None}
    values = f"; there is {', '.join(f'{key}={value}' for value in sorted(map(str, there)))}" if there else ""
    return about(pod, "NoSuchNode", f"{text}{values}.", ("spec", "nodeSelector"))


def _asked(terms: list[Object]) -> str:
    """A node affinity's rules in words: ``disk In nvme``."""
    rules = [rule for term in terms for key in ("matchExpressions", "matchFields") for rule in term.get(key) or []]
    return " or ".join(f"{r['key']} {r['operator']} {','.join(r.get('values') or [])}".strip() for r in rules)


def _untolerated(scene: Scene, pod: Object, scheduled: Object) -> Cause | None:
    """A node that would do, but for a taint that somebody gave it."""
    words, name = scheduled.get("message", ""), pod["metadata"]["name"]
    if "untolerated taint" not in words or "Insufficient" in words or pods_are_going(scene.world, _space(pod)):
        return None
    nodes = [node for node in scene.world.list("Node") if fits(node, pod)]
    for node in nodes:
        taints = [taint for taint in taints_of(node) if taint["key"] != CONTROL_PLANE and not tolerated(pod, taint)]
        if not taints or not all(map(is_by_people, taints)) or any(t["key"] == CONTROL_PLANE for t in taints_of(node)):
            continue
        own = [taint_text(t) for t in dig(pod, "spec", "tolerations", default=[]) if is_by_people({"key": "", **t})]
        by = f"tolerated by {', '.join(own)} of Pod {name}" if own else f"tolerated by Pod {name}"
        text = f"Taint {taint_text(taints[0])} of node {node['metadata']['name']} is not {by}, which gets no node."
        settled = age(scheduled.get("lastTransitionTime")) > FIRST_WORD_SECONDS
        return about(pod, "Untolerated", text, ("spec", "tolerations"), final=settled)
    return None


def _space(pod: Object) -> str:
    return str(pod["metadata"]["namespace"])


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
