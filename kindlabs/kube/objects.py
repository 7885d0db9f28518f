"""Small questions that are asked of objects everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kindlabs.kube import clock
from kindlabs.kube.api import Object
from kindlabs.kube.world import World


def dig(thing: Any, *path: str | int, default: Any = None) -> Any:
    """The value at *path*, or *default* where the way ends early."""
    for step in path:
        if isinstance(thing, dict):
            thing = thing.get(step)
        elif isinstance(thing, list) and isinstance(step, int) and -len(thing) <= step < len(thing):
            thing = thing[step]
        else:
            return default
    return default if thing is None else thing


def condition(thing: Object, kind: str) -> Object:
    """The condition of type *kind* in an object's status; empty when there is none."""
    return next((c for c in dig(thing, "status", "conditions", default=[]) if c.get("type") == kind), {})


def is_true(thing: Object, kind: str) -> bool:
    """Whether the condition of type *kind* is True."""
    return condition(thing, kind).get("status") == "True"


def is_going(thing: Object) -> bool:
    """Whether an object is being deleted."""
    return "deletionTimestamp" in thing["metadata"]


LEFT = {"PersistentVolume": ("Released", "Failed"), "PersistentVolumeClaim": ("Lost",)}
"""Phases of a volume and of a claim that have lost each other, and never find another one."""


def is_left(thing: Object) -> bool:
    """Whether a volume has lost its claim, or a claim its volume."""
    return dig(thing, "status", "phase") in LEFT.get(thing["kind"], ())


ENDED = {"Succeeded", "Failed"}
"""Phases of a Pod that will not run again."""


def is_ready(pod: Object) -> bool:
    """Whether a Pod is Ready and stays: one that is being deleted is not."""
    return is_true(pod, "Ready") and not is_going(pod)


def owner(thing: Object) -> tuple[str, str]:
    """Kind and name of the controller that owns an object; empty when nobody does."""
    for reference in dig(thing, "metadata", "ownerReferences", default=[]):
        if reference.get("controller"):
            return reference["kind"], reference["name"]
    return "", ""


def owner_uids(thing: Object) -> set[str]:
    """The uids of all that own an object."""
    return {reference["uid"] for reference in thing["metadata"].get("ownerReferences") or []}


def kind_of(thing: Object) -> str:
    """The kind of an object, or of what a reference names, with its group: ``Widget.example.org``; ``Pod`` has none."""
    return f"{thing['kind']}.{thing['apiVersion'].rpartition('/')[0]}".rstrip(".")


def owner_kinds(thing: Object) -> set[str]:
    """The kinds of all that own an object, with their groups: ``ReplicaSet.apps``."""
    return {kind_of(reference) for reference in thing["metadata"].get("ownerReferences") or []}


def is_leaving(world: World, thing: Object) -> bool:
    """Whether an object is being deleted, or will be: the garbage collector follows once its owner is gone."""
    if is_going(thing):
        return True
    kind, name = owner(thing)
    above = world.get(kind, name, thing["metadata"].get("namespace")) if name else None
    return bool(name) and (above is None or is_leaving(world, above))


def pods_are_going(world: World, namespace: str) -> bool:
    """Whether a Pod of *namespace* is being deleted: until then it may hold room, or answer for another."""
    return any(is_going(pod) for pod in world.list("Pod", namespace))


def age(timestamp: str | None) -> float:
    """Seconds, by the cluster's clock, since *timestamp* (RFC 3339, as Kubernetes writes it); 0 when there is none."""
    if not timestamp:
        return 0.0
    return (clock.now() - datetime.fromisoformat(timestamp)).total_seconds()


def containers(pod_spec: Object) -> list[Object]:
    """Init containers, then containers, as the kubelet starts them."""
    return [*dig(pod_spec, "initContainers", default=[]), *dig(pod_spec, "containers", default=[])]


def statuses(pod: Object) -> list[Object]:
    """The statuses of all containers of a Pod, init containers first."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def restarts(pod: Object) -> int:
    """How often containers of a Pod have been started again."""
    return sum(status.get("restartCount", 0) for status in statuses(pod))


def labels_text(labels: dict[str, str]) -> str:
    """Labels as kubectl writes them: ``app=web,tier=front``."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
