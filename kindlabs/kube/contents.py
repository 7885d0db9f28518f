"""Everything that is in a namespace, and what of it nobody answers for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kindlabs.kube.api import Api, Object
from kindlabs.kube.notes import Key
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LEARNER_MANAGER, has_foreign_fields, is_written_by
from kindlabs.kube.removal import COMES_BACK

BINDING = "kind-labs-learner"
"""The RoleBinding that lets the learner in."""
KEPT = {*COMES_BACK, ("RoleBinding.rbac.authorization.k8s.io", BINDING)}
DERIVED = {"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics", "ControllerRevision"}
"""Kinds that controllers own; they go with what they were derived from."""


def contents(api: Api, namespaces: Iterable[str]) -> dict[Key, Object]:
    """What is in *namespaces* and neither derived, nor Kubernetes' own, nor the learner's way in."""
    kinds = [
        f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        for resource in api.resources()
        if resource.namespaced and {"list", "delete"} <= resource.verbs and resource.kind not in DERIVED
    ]
    return {
        Key(kind, thing["metadata"]["name"], namespace): thing
        for namespace in namespaces
        for kind in kinds
        for thing in api.list(kind, namespace)
        if (kind, thing["metadata"]["name"]) not in KEPT
    }


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
    return by_hand and not thing["metadata"].get("ownerReferences") and not is_written_by(thing, INSTRUCTOR_MANAGER)
