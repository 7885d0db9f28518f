"""What runs remember about a lab's namespaces, in their annotations: the learner may read these and cannot write them.

What is remembered of cluster-wide objects stands in the lab's first namespace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from kindlabs.kube.api import Api, Object
from kindlabs.kube.objects import kind_of

APPLIED = "kind-labs/applied"
"""Annotation: the objects that runs applied there, as a JSON list of [kind.group, name, print]; see kube/standing.
A cluster-wide one is written ``/kind.group``."""
DISTURBED = "kind-labs/disturbed"
"""Annotation: the objects that a check broke on purpose, as a JSON list of [kind.group, name].
They are replaced before the next run: Kubernetes remembers a Pod's crashes, and would hold ours against the learner."""


class Key(NamedTuple):
    """What names an object for Api: ``api.get(*key)``.

    *kind* has its group, ``Deployment.apps``; *namespace* is empty for what is cluster-wide.
    """

    kind: str
    name: str
    namespace: str


def key_of(manifest: Object) -> Key:
    """The key of an object; one that says no namespace is cluster-wide."""
    return Key(kind_of(manifest), manifest["metadata"]["name"], manifest["metadata"].get("namespace", ""))


def applied(space: Object) -> dict[Key, str]:
    """What runs applied in a Namespace, and the print of each; empty for one that was interrupted over it."""
    namespace = space["metadata"]["name"]
    return {
        Key(kind.lstrip("/"), name, "" if kind.startswith("/") else namespace): "".join(prints)
        for kind, name, *prints in _read(space, APPLIED)
    }


def applied_kinds(spaces: Iterable[Object]) -> set[str]:
    """The kinds of what runs applied in some Namespaces."""
    return {key.kind for space in spaces for key in applied(space)}


def note_applied(api: Api, namespaces: Sequence[str], things: Mapping[Key, str]) -> None:
    """Remember those of *things* that are in each of *namespaces*, and forget all others."""
    for namespace in namespaces:
        rows = [[key.kind, key.name, text] for key, text in things.items() if key.namespace == namespace]
        if namespace == namespaces[0]:
            rows += [[f"/{key.kind}", key.name, text] for key, text in things.items() if not key.namespace]
        _write(api, namespace, APPLIED, rows)


def disturbed(space: Object) -> set[Key]:
    """What checks of earlier runs broke on purpose in a Namespace."""
    return {Key(kind, name, space["metadata"]["name"]) for kind, name in _read(space, DISTURBED)}


def note_disturbed(api: Api, namespace: str, kind: str, name: str) -> None:
    """Remember that a check breaks an object of *namespace* on purpose; call it before it does."""
    known = _read(api.get("Namespace", namespace) or {}, DISTURBED)
    _write(api, namespace, DISTURBED, [*known, [kind, name]])


def forget_disturbed(api: Api, namespace: str) -> None:
    """What checks broke has been replaced."""
    _write(api, namespace, DISTURBED, [])


def _read(space: Object, note: str) -> list[list[str]]:
    annotations = space.get("metadata", {}).get("annotations") or {}
    rows: list[list[str]] = json.loads(annotations.get(note, "[]"))
    return rows


def _write(api: Api, namespace: str, note: str, rows: list[list[str]]) -> None:
    api.patch("Namespace", namespace, None, {"metadata": {"annotations": {note: json.dumps(rows)}}})
