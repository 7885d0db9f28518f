"""Everything that is in a lab's namespaces, and what of it nobody answers for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from kindlabs.kube.api import Api, Object
from kindlabs.kube.notes import Key
from kindlabs.kube.ownership import LEARNER_MANAGER, has_foreign_fields, is_labs, is_written_by
from kindlabs.kube.removal import COMES_BACK
from kindlabs.perimeter import Thing

DERIVED = {"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics", "ControllerRevision"}
"""Kinds that controllers own; they go with what they were derived from."""


def contents(
    api: Api, namespaces: Sequence[str], granted: Iterable[Thing] = (), kinds: Collection[str] | None = None
) -> dict[Key, Object]:
    """What is in *namespaces* and neither derived nor Kubernetes' own, and what is *granted* cluster-wide.

    Args:
        kinds: only these.
    """
    known = [
        f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        for resource in api.resources()
        if resource.namespaced and {"list", "delete"} <= resource.verbs and resource.kind not in DERIVED
    ]
    there = {
        Key(kind, thing["metadata"]["name"], thing["metadata"]["namespace"]): thing
        for kind in (known if kinds is None else kinds)
        for thing in api.list(kind, namespaces[0] if len(namespaces) == 1 else None)
        if thing["metadata"]["namespace"] in namespaces and (kind, thing["metadata"]["name"]) not in COMES_BACK
    }
    wide = {Key(t.kind, t.name, ""): api.get(t.kind, t.name) for t in granted if api.resource(t.kind)}
    return there | {key: thing for key, thing in wide.items() if thing}


def is_unseen(key: Key) -> bool:
    """Whether an object may be there, though :func:`contents` leaves it out."""
    return key.kind.partition(".")[0] in DERIVED or key[:2] in COMES_BACK


def strays(there: Mapping[Key, Object]) -> set[Key]:
    """What of *there* was made by hand, or by a run that nobody remembers: a first run would not find it.

    What controllers made is theirs to remove, what the lab put there stays.
    """
    return {key for key, thing in there.items() if _is_stray(thing)}


def _is_stray(thing: Object) -> bool:
    # An object without any field, such as most accounts, has no note of who made it; controllers make none.
    unsigned = not thing["metadata"].get("managedFields")
    orphaned = thing["kind"] in ("Pod", "ReplicaSet", "Job")  # whoever made it was deleted without it
    by_hand = unsigned or orphaned or has_foreign_fields(thing) or is_written_by(thing, LEARNER_MANAGER)
    return by_hand and not thing["metadata"].get("ownerReferences") and not is_labs(thing)
