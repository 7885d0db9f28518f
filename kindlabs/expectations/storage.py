"""Expectations on claims and volumes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.storage import (
    nodes_of,
    why_bound_elsewhere,
    why_not_bound,
    why_not_kept,
    why_not_of_class,
    why_not_there,
    why_on_other_nodes,
    why_other_size,
    why_shared,
)
from kindlabs.expectations.containers import Container
from kindlabs.expectations.named import NamedObject
from kindlabs.expectations.nodes import Nodes
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, is_ready
from kindlabs.patience import LOOK_LATER, READY_SECONDS
from kindlabs.quantities import value_of
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.pods import Pod

ONE_POD = "ReadWriteOncePod"
"""What the scheduler says of a Pod whose claim another one uses (plugins/volumerestrictions)."""
KEPT = ("Available", "Released")
"""Phases of a volume that no claim has, and that is still there."""


class Claim(NamedObject):
    """One PersistentVolumeClaim by name."""

    kind = "PersistentVolumeClaim"

    def is_bound(self, to: str | None = None, *, of_class: str | None = None, within: float | None = None) -> None:
        """It is bound: to volume *to*, to one that class *of_class* is for, where these are given."""

        def look(claim: Object) -> Look:
            phase, volume = dig(claim, "status", "phase", default="unknown"), dig(claim, "spec", "volumeName")
            found = dig(self.lab.world.get("PersistentVolume", volume or ""), "spec", "storageClassName")
            seen = f"it is {phase}{f', to {volume} of class {found}' if found else f', to {volume}' if volume else ''}"
            return Look(phase == "Bound" and to in (None, volume) and of_class in (None, found), seen)

        def why(claim: Object) -> Cause | None:
            if dig(claim, "status", "phase") != "Bound":
                return why_not_bound(self.lab.scene, claim)
            if to and dig(claim, "spec", "volumeName") != to:
                return why_bound_elsewhere(self.lab.scene, claim, to)
            return why_not_of_class(claim, of_class) if of_class else None

        self.lab.deadline.grant(READY_SECONDS)
        whom = f" to PersistentVolume {to}" if to else ""
        self.lab.expect(f"{self} is bound{whom}", self.seen(look), self.explained(why), within=within)

    def admits_one_of(self, *pods: Pod, within: float | None = None) -> None:
        """One of *pods* uses it, and the others get no node for its sake; when the one goes, another one is Ready."""
        lab = self.lab

        def look() -> Look:
            there = [pod for pod in pods if is_ready(pod.find() or {"metadata": {}})]
            refused = [pod for pod in pods if ONE_POD in condition(pod.find() or {}, "PodScheduled").get("message", "")]
            met = len(there) == 1 and len(refused) == len(pods) - 1
            return Look(met, f"Ready: {', '.join(pod.name for pod in there) or 'none of them'}")

        def why() -> Cause | None:
            claim, found = self.find(), [pod.find() for pod in pods]
            if claim is None or None in found:
                missing = next(thing for thing in (self, *pods) if thing.find() is None)
                return lab.scene.missing(missing.kind, missing.name, missing.namespace)
            others = [
                pod for pod in filter(None, found) if ONE_POD not in condition(pod, "PodScheduled").get("message", "")
            ]
            causes = [why_not_bound(lab.scene, claim), *(why_pod_not_ready(lab.scene, pod) for pod in others)]
            return next(filter(None, causes), None) or why_shared(claim)

        lab.deadline.grant(READY_SECONDS)
        lab.expect(f"one of {', '.join(map(str, pods))} uses {self}, and the others wait", look, why, within=within)
        first = next(pod for pod in pods if is_ready(pod.find() or {"metadata": {}}))
        first.delete()
        next(pod for pod in pods if pod is not first).is_ready(within=within)

    @property
    def volume(self) -> str:
        """The name of the volume that it is bound to; empty while it is not."""
        return str(dig(self.find(), "spec", "volumeName", default=""))


class Volume(NamedObject):
    """One PersistentVolume by name."""

    kind = "PersistentVolume"

    def is_of_size(self, size: str, *, within: float | None = None) -> None:
        """It says that it holds *size*: ``128Mi``."""

        def look(volume: Object) -> Look:
            found = dig(volume, "spec", "capacity", "storage", default="nothing")
            return Look(value_of(str(found)) == value_of(size), f"it says {found}")

        def why(volume: Object) -> Cause | None:
            return why_other_size(volume, size)

        self.lab.expect(f"{self} of {size}", self.seen(look), self.explained(why), within=within)

    def is_on(self, nodes: Nodes, *, within: float | None = None) -> None:
        """Its node affinity fits *nodes*, and no others."""

        def look(volume: Object) -> Look:
            found = nodes_of(self.lab.scene, volume)
            return Look(found == nodes.names, f"it says {', '.join(found) or 'no node'}")

        def why(volume: Object) -> Cause | None:
            return why_on_other_nodes(self.lab.scene, volume, nodes.names, str(nodes))

        self.lab.expect(f"{self} is on {nodes} alone", self.seen(look), self.explained(why), within=within)

    def keeps(self, word: str, seen_by: Container, under: str, *, within: float | None = None) -> None:
        """A file with *word* lies in folder *under* of a container that sees the same disk, however deep."""
        find = f"grep -rqs {word} {under}"

        def look(_: Object) -> Look:
            met = seen_by.says(["sh", "-c", find]).code == 0
            return Look(met, "it is there" if met else f"no file in {under} says so")

        def why(volume: Object) -> Cause | None:
            return why_not_there(volume, f"{under} of {seen_by.pod}")

        expected = f"{word} in {under} of {seen_by.pod}, as it was written to {self}"
        self.lab.expect(expected, self.seen(look), self.explained(why), every=LOOK_LATER, within=within)

    def is_in_phase(self, phase: str, for_seconds: float = 0, *, within: float | None = None) -> None:
        """It is Available, Bound, Released or Failed, and has been so for *for_seconds*.

        One that is Released may be removed, or become Failed, a moment later.
        """
        since: list[float] = []

        def look(volume: Object) -> Look:
            found = dig(volume, "status", "phase", default="unknown")
            since[:] = [*since, time.monotonic()][:1] if found == phase else []
            return Look(bool(since) and time.monotonic() - since[0] >= for_seconds, f"it is {found}")

        self.lab.deadline.grant(READY_SECONDS)

        def why(volume: Object) -> Cause | None:
            return why_not_kept(volume) if phase in KEPT else None

        def missing() -> Cause | None:
            last = self.lab.world.last(self.kind, self.name)
            return (why_not_kept(last) if last and phase in KEPT else None) or self.explained(why)()

        self.lab.expect(f"{self} is {phase}", self.seen(look), missing, within=within)
