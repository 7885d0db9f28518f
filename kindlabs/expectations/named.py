"""An object that a validator calls by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.api import Object
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


class NamedObject:
    """One object of *kind* by name, in the lab's first namespace; it need not be there."""

    kind: ClassVar[str]

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def find(self) -> Object | None:
        """The object as last seen."""
        return self.lab.world.get(self.kind, self.name, self.lab.namespace)

    def seen(self, look: Callable[[Object], Look]) -> Callable[[], Look]:
        """*look* at the object; that there is none is all that can be seen of one that is absent."""

        def see() -> Look:
            found = self.find()
            return look(found) if found else Look(False, f"no {self.kind} {self.name}")

        return see

    def explained(self, why: Callable[[Object], Cause | None]) -> Callable[[], Cause | None]:
        """*why*, asked of the object; one that is absent is its own cause."""

        def explain() -> Cause | None:
            found = self.find()
            return why(found) if found else self.lab.scene.missing(self.kind, self.name, self.lab.namespace)

        return explain
