"""Who wrote which field of an object, as the API server notes it (metadata.managedFields)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator

from kindlabs.kube.api import Object

LEARNER_MANAGER = "kind-labs-learner"
"""The field manager of submissions."""
INSTRUCTOR_MANAGER = "kind-labs"
"""The field manager of the lab's own objects."""
LAB = "kind-labs/lab"
"""Label of what belongs to a lab, its id; no learner can write it (``clusters/addons/probe/learners.yaml``)."""
OPEN = "kind-labs/open"
"""Label of those of a lab's objects that a submission may change."""
GUEST_MANAGER = "kind-labs-guest"
"""The field manager of containers of our own in Pods of a lab, which change nothing of what these are."""
_controllers = {"kube-", "kubelet"}
"""How the managers begin that belong to the cluster; any other is a person with some tool."""

PRINT = "kind-labs/print"
"""Annotation of a lab's objects: what stands for the manifest that one was made from."""

Leaf = tuple[str, ...]
"""The way to a field in fieldsV1 (sigs.k8s.io/structured-merge-diff/fieldpath)."""


def register(managers: Iterable[str]) -> None:
    """Take in how the managers of an add-on's controllers begin."""
    _controllers.update(managers)


def is_written_by(thing: Object, manager: str) -> bool:
    """Whether *manager* has written a field of it that is still there."""
    return any(entry.get("manager") == manager for entry in _entries(thing))


def is_labs(thing: Object) -> bool:
    """Whether an object belongs to a lab, and not to a submission."""
    return LAB in (thing["metadata"].get("labels") or {})


def signed(manifest: Object) -> Object:
    """A lab's *manifest* with its print."""
    meta = manifest["metadata"]
    text = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    return manifest | {"metadata": meta | {"annotations": (meta.get("annotations") or {}) | {PRINT: text}}}


def is_as_signed(live: Object, manifest: Object) -> bool:
    """Whether an object was made from the signed *manifest*, and nobody but controllers wrote into it since."""
    prints = [(thing["metadata"].get("annotations") or {}).get(PRINT) for thing in (live, manifest)]
    return prints[0] == prints[1] and not has_foreign_fields(live) and not is_written_by(live, LEARNER_MANAGER)


def has_foreign_fields(thing: Object) -> bool:
    """Whether somebody who is neither a controller nor one of us wrote a field that none of us wrote too."""
    own: set[Leaf] = set()
    foreign: set[Leaf] = set()
    for entry in _entries(thing):
        manager = str(entry.get("manager"))
        if manager in (LEARNER_MANAGER, INSTRUCTOR_MANAGER):
            own.update(leaves(entry.get("fieldsV1") or {}))
        elif not manager.startswith(tuple(_controllers)):
            foreign.update(leaves(entry.get("fieldsV1") or {}))
    return not foreign <= own


def leaves(fields: Object, way: Leaf = ()) -> Iterator[Leaf]:
    """All fields of a fieldsV1 tree; ``.``, the mark of an item itself, is one where nothing else of it is named."""
    for key, below in fields.items():
        if set(below) - {"."}:
            yield from leaves(below, (*way, key))
        elif key != ".":
            yield (*way, key)


def _entries(thing: Object) -> Iterator[Object]:
    for entry in thing["metadata"].get("managedFields") or []:
        if entry.get("subresource") != "status" and entry.get("manager") != GUEST_MANAGER:
            yield entry
