"""A world of objects that a test holds in its hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from kindlabs.diagnosis.cause import Scene
from kindlabs.kube.world import World, has_labels

Words = dict[str, dict[str, str]]
"""What Kubernetes says, by who says it and a short name; see fixture ``words``."""


class ObjectsWorld:
    """A world that holds *objects*, and never changes."""

    def __init__(self, *objects: Any) -> None:
        self.objects = objects

    def get(self, kind: str, name: str, namespace: str | None = None) -> Any:
        """The object of that name."""
        return next((o for o in self.list(kind, namespace) if o["metadata"]["name"] == name), None)

    def last(self, kind: str, name: str, namespace: str | None = None) -> Any:
        """The object as it is now: nothing ever goes."""
        return self.get(kind, name, namespace)

    def ever(self, kind: str, namespace: str | None = None) -> list[Any]:
        """What is there now: nothing ever goes."""
        return self.list(kind, namespace)

    def list(self, kind: str, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Any]:
        """The objects of a kind, which may be written with its group."""
        mine = [o for o in self.objects if o["kind"] == kind.partition(".")[0] and has_labels(o, labels)]
        return [o for o in mine if namespace is None or o["metadata"].get("namespace") == namespace]


def scene_with(*objects: Any, **more: Any) -> Scene:
    """A scene that shows *objects*; *more* is what else a scene says."""
    return Scene(cast("World", ObjectsWorld(*objects)), **more)


def thing(kind: str, name: str, **more: Any) -> Any:
    """An object of namespace ``lab-02``; *labels* and *owner* (kind, name) become its metadata."""
    meta: dict[str, Any] = {"name": name, "namespace": "lab-02", "uid": name, "labels": more.pop("labels", {})}
    if "owner" in more:
        kind_above, name_above = more.pop("owner")
        meta["ownerReferences"] = [{"kind": kind_above, "name": name_above, "controller": True}]
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **more}
