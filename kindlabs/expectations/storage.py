"""Expectations on claims and volumes."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.storage import why_not_bound
from kindlabs.expectations.named import NamedObject
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig
from kindlabs.waiting import READY_SECONDS, Look


class Claim(NamedObject):
    """One PersistentVolumeClaim by name."""

    kind = "PersistentVolumeClaim"

    def is_bound(self, to: str | None = None, *, within: float | None = None) -> None:
        """It is bound: to volume *to* where that is given."""

        def look(claim: Object) -> Look:
            phase, volume = dig(claim, "status", "phase", default="unknown"), dig(claim, "spec", "volumeName")
            seen = f"it is {phase}{f', to {volume}' if volume else ''}"
            return Look(phase == "Bound" and to in (None, volume), seen)

        def why(claim: Object) -> Cause | None:
            return why_not_bound(self.lab.scene, claim)

        self.lab.deadline.grant(READY_SECONDS)
        whom = f" to PersistentVolume {to}" if to else ""
        self.lab.expect(f"{self} is bound{whom}", self.seen(look), self.explained(why), within=within)

    @property
    def volume(self) -> str:
        """The name of the volume that it is bound to; empty while it is not."""
        return str(dig(self.find(), "spec", "volumeName", default=""))


class Volume(NamedObject):
    """One PersistentVolume by name."""

    kind = "PersistentVolume"

    def is_in_phase(self, phase: str, *, within: float | None = None) -> None:
        """It is Available, Bound, Released or Failed."""

        def look(volume: Object) -> Look:
            found = dig(volume, "status", "phase", default="unknown")
            return Look(found == phase, f"it is {found}")

        self.lab.deadline.grant(READY_SECONDS)
        self.lab.expect(f"{self} is {phase}", self.seen(look), self.explained(lambda _: None), within=within)
