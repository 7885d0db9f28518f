"""An object that a validator calls by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.api import Object
from kindlabs.kube.notes import note_disturbed
from kindlabs.patience import ACTION_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


class NamedObject:
    """One object of *kind* by name; it need not be there.

    Args:
        namespace: where it lives; empty for what belongs to the whole cluster.
    """

    kind: str

    def __init__(self, lab: Lab, name: str, namespace: str) -> None:
        self.lab, self.name, self.namespace = lab, name, namespace

    def __str__(self) -> str:
        return f"{self.kind.partition('.')[0]} {self.name}"

    def find(self) -> Object | None:
        """The object as last seen."""
        return self.lab.world.get(self.kind, self.name, self.namespace)

    def exists(self, *, within: float | None = None) -> None:
        """The object is there."""
        look = self.seen(lambda _: Look(True, "it is there"))
        self.lab.expect(f"{self} is there", look, self.explained(lambda _: None), within=within)

    def is_gone(self, *, within: float | None = None) -> None:
        """The object was there, and is not any more."""

        def look() -> Look:
            if self.find():
                return Look(False, f"{self} is still there")
            was = self.lab.world.last(self.kind, self.name, self.namespace) or self._was_applied()
            return Look(bool(was), "it is gone" if was else f"{self} was never there")

        self.lab.expect(f"{self} is gone", look, within=within)

    def delete(self) -> None:
        """Delete it, as a person would; a deed, which asserts nothing. It is made anew before the next run."""
        found = self.find() or {"metadata": {"uid": ""}}
        self.lab.deadline.grant(ACTION_SECONDS)
        note_disturbed(self.lab.api, self.namespace, self.kind, self.name)
        self.lab.api.delete(self.kind, self.name, self.namespace, grace=1 if self.kind == "Pod" else None)

        def look() -> Look:
            left = self.find()
            return Look(left is None or left["metadata"]["uid"] != found["metadata"]["uid"], f"{self} is still there")

        self.lab.do(f"{self} deleted", look)

    def seen(self, look: Callable[[Object], Look]) -> Callable[[], Look]:
        """*look* at the object; that there is none is all that can be seen of one that is absent."""

        def see() -> Look:
            found = self.find()
            return look(found) if found else Look(False, f"no {self}")

        return see

    def explained(self, why: Callable[[Object], Cause | None]) -> Callable[[], Cause | None]:
        """*why*, asked of the object; one that is absent is its own cause."""

        def explain() -> Cause | None:
            found = self.find()
            return why(found) if found else self.lab.scene.missing(self.kind, self.name, self.namespace)

        return explain

    def _was_applied(self) -> bool:
        """Whether it was sent and taken in this run; it may have gone before anybody looked."""
        key = (self.kind.partition(".")[0], self.namespace, self.name)
        sent = ((m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"]) for m in self.lab.scene.applied)
        return key in sent and key not in self.lab.scene.refused


class AnyObject(NamedObject):
    """One object of whatever kind, written ``PersistentVolume`` or ``Widget.example.org``."""

    def __init__(self, lab: Lab, kind: str, name: str, namespace: str) -> None:
        super().__init__(lab, name, namespace)
        self.kind = kind
