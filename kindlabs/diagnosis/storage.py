"""Why a claim is not bound."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig


def why_not_bound(scene: Scene, claim: Object) -> Cause | None:
    """What keeps a claim from being bound; None when it is, or is only on its way."""
    return _class_missing(scene, claim) if dig(claim, "status", "phase") == "Pending" else None


def _class_missing(scene: Scene, claim: Object) -> Cause | None:
    """A claim of a class that does not exist: no volume will ever be made for it."""
    name, wanted = claim["metadata"]["name"], dig(claim, "spec", "storageClassName")
    classes = [c["metadata"]["name"] for c in scene.world.list("StorageClass")]
    if not wanted or wanted in classes:
        return None
    there = ", ".join(classes) or "none"
    text = f"PersistentVolumeClaim {name} asks for StorageClass {wanted}, which does not exist; there is {there}."
    return about(claim, "StorageClassNotFound", text, ("spec", "storageClassName"))
