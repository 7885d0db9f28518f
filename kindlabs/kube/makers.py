"""Which absent objects come by themselves, because a controller makes them, or makes them again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, owner
from kindlabs.kube.world import World

MAKERS = {
    "Pod": ("Deployment", "ReplicaSet", "DaemonSet", "Job", "CronJob", "ReplicationController"),
    "ReplicaSet": ("Deployment",),
    "Job": ("CronJob",),
    "EndpointSlice": ("Service",),
}
"""Whose controllers make objects of a kind, and call them ``<maker>-<something>``."""


def will_be_made(world: World, applied: Sequence[Object], kind: str, name: str, namespace: str) -> bool:
    """Whether the absent object *name* is one that a controller makes.

    Args:
        applied: what the lab and its submission asked for. A kind that they define themselves has a controller of
            theirs, which may make whatever it likes.
    """
    bare = kind.partition(".")[0]
    return (
        _had_an_owner(world, kind, name, namespace)
        or _of_stateful_set(world, bare, name, namespace)
        or any(
            name.startswith(f"{maker['metadata']['name']}-")
            for above in MAKERS.get(bare, ())
            for maker in world.list(above, namespace)
        )
        or _of_own_kinds(applied, bare)
    )


def _had_an_owner(world: World, kind: str, name: str, namespace: str) -> bool:
    """Whether it was there, and a controller that is still there made it."""
    above, whose = owner(world.last(kind, name, namespace) or {})
    return bool(whose) and world.get(above, whose, namespace) is not None


def _of_stateful_set(world: World, kind: str, name: str, namespace: str) -> bool:
    """Whether it is a Pod or a claim of a StatefulSet, with an ordinal that it has."""
    for maker in world.list("StatefulSet", namespace) if kind in ("Pod", "PersistentVolumeClaim") else ():
        own, first = maker["metadata"]["name"], dig(maker, "spec", "ordinals", "start", default=0)
        claims = [t["metadata"]["name"] for t in dig(maker, "spec", "volumeClaimTemplates", default=[])]
        before = "" if kind == "Pod" else f"(?:{'|'.join(map(re.escape, claims)) or '(?!)'})-"
        ordinal = re.fullmatch(rf"{before}{re.escape(own)}-(\d+)", name)
        if ordinal and first <= int(ordinal.group(1)) < first + dig(maker, "spec", "replicas", default=1):
            return True
    return False


def _of_own_kinds(applied: Sequence[Object], kind: str) -> bool:
    """Whether it is of a kind that the lab or its submission defines, or may be made by the controller of one."""
    definitions = [thing for thing in applied if thing["kind"] == "CustomResourceDefinition"]
    own = {dig(thing, "spec", "names", "kind") for thing in definitions}
    return kind in own or any(thing["kind"] in own for thing in applied)
