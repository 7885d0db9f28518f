"""What a walk finds, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kindlabs.kube.api import Object
from kindlabs.kube.world import World

Field = tuple[str | int, ...]
"""The way to a field in an object: ``("spec", "selector")``."""


@dataclass(frozen=True)
class Cause:
    """The first broken link.

    Args:
        reason: a stable code in PascalCase, the same in every language and report.
        kind, name, namespace: the object that is wrong.
        message: one sentence, with the values that do not fit.
        field: the field of the object that is wrong, where one is.
        final: whether no waiting can mend it: only a change of the submission can.
        next_step: the arguments of the kubectl command that shows it.
        chain: the links from the symptom to the cause, in the order of the walk.
        ours: whether lab or machine broke, not the submission.
    """

    reason: str
    kind: str
    name: str
    namespace: str
    message: str
    field: Field = ()
    final: bool = True
    next_step: str = ""
    chain: tuple[str, ...] = ()
    ours: bool = False

    def behind(self, link: str) -> Cause:
        """The same cause, one link further from the symptom."""
        return replace(self, chain=(link, *self.chain))


@dataclass
class Scene:
    """What a walk may look at.

    Args:
        world: the objects.
        listens: whether something listens on a port of a Pod: ``listens(pod, port)``; None when nobody can say.
        refused: what the API server said about objects that it refused, by (kind, namespace, name).
        images: the images that the lab provides, as ``name:tag``.
        offline: whether nodes have no way to any registry.
    """

    world: World
    listens: Callable[[Object, int], bool | None] = lambda _pod, _port: None
    refused: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    offline: bool = False
    logs: Callable[[Object, str], str] = lambda _pod, _container: ""

    def missing(self, kind: str, name: str, namespace: str, **more: Any) -> Cause:
        """The cause for an object that is not there: refused, misnamed, or never written."""
        said = self.refused.get((kind, namespace, name))
        if said:
            message = f"The API server refused {kind} {name}: {said}"
            return Cause("Refused", kind, name, namespace, message, next_step=f"explain {kind.lower()}.spec", **more)
        others = [thing["metadata"]["name"] for thing in self.world.list(kind, namespace)]
        there = f"; there is {', '.join(others)}" if others else ""
        message = f"There is no {kind} {name} in {namespace}{there}."
        step = f"-n {namespace} get {kind.lower()}"
        return Cause("NotFound", kind, name, namespace, message, next_step=step, **more)
