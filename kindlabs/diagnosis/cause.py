"""What a walk finds, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from kindlabs.kube.api import Object
from kindlabs.kube.makers import will_be_made
from kindlabs.kube.objects import owner
from kindlabs.kube.world import World

Field = tuple[str | int, ...]
"""The way to a field in an object: ``("spec", "selector")``."""


NOT_HANDED_IN = "NotHandedIn"
"""The reason of causes that an answer or a file is not there."""
ALIKE = {
    "Deployment": ("StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job"),
    "StatefulSet": ("Deployment", "DaemonSet", "ReplicaSet", "Pod"),
    "DaemonSet": ("Deployment", "StatefulSet", "ReplicaSet", "Pod"),
    "Job": ("CronJob", "Pod", "Deployment"),
    "CronJob": ("Job", "Deployment"),
    "Pod": ("Deployment", "StatefulSet", "Job"),
    "Service": ("Ingress",),
}
"""Kinds that are taken for one another."""


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
        written: whether the manifest itself says so: no cluster, however broken, can be to blame.
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
    written: bool = False

    def behind(self, link: str) -> Cause:
        """The same cause, one link further from the symptom."""
        return replace(self, chain=(link, *self.chain))


def about(thing: Object, reason: str, message: str, field: Field = (), **more: Any) -> Cause:
    """The cause that *thing* is; without a better next step, its description shows it."""
    kind, name = thing["kind"], thing["metadata"]["name"]
    namespace = thing["metadata"].get("namespace", "")
    more.setdefault("next_step", f"{f'-n {namespace} ' if namespace else ''}describe {kind.lower()} {name}")
    return Cause(reason, kind, name, namespace, message, field, **more)


@dataclass
class Scene:
    """What a walk may look at.

    Args:
        world: the objects.
        listens: whether something listens on a port of a Pod: ``listens(pod, port)``; None when nobody can say.
        applied: the manifests of the lab and of its submission, as far as they have been sent.
        refused: why the API server refused objects, by (kind, namespace, name), and which field is to blame.
        images: the images that the lab provides, as ``name:tag``.
        offline: whether nodes have no way to any registry.
        logs: the end of a container's log: ``logs(pod, container)``.
        remaining: seconds for which the run may still wait.
        addon_logs: what the controllers of add-ons have written to their logs in this run, by add-on.
    """

    world: World
    listens: Callable[[Object, int], bool | None] = lambda _pod, _port: None
    applied: Sequence[Object] = ()
    refused: Mapping[tuple[str, str, str], tuple[str, Field]] = field(default_factory=dict)
    images: frozenset[str] = frozenset()
    offline: bool = False
    logs: Callable[[Object, str], str] = lambda _pod, _container: ""
    remaining: Callable[[], float] = lambda: inf
    addon_logs: Mapping[str, Callable[[], str]] = field(default_factory=dict)

    def was_applied(self, thing: Object) -> bool:
        """Whether an object is one of the lab's or of its submission, and none of ours or of a controller's."""
        meta = thing["metadata"]
        key = (thing["kind"], meta.get("namespace", ""), meta["name"])
        return any(key == (m["kind"], m["metadata"].get("namespace", ""), m["metadata"]["name"]) for m in self.applied)

    def why_refused(self, namespace: str, *kinds: str) -> Cause | None:
        """The cause that the API server refused an object of one of *kinds*; None when it took them all."""
        names = ((kind, name) for kind, space, name in self.refused if kind in kinds and space == namespace)
        return next((self.missing(kind, name, namespace) for kind, name in names), None)

    def missing(self, kind: str, name: str, namespace: str) -> Cause:
        """The cause for an object that is not there: refused, misnamed, of another kind, never written, or gone again.

        It is final, unless a controller makes it or it was there before: only the submission could have brought it.
        """
        whole, kind = kind, kind.partition(".")[0]  # the world asks by group, people do not
        if (kind, namespace, name) in self.refused:
            why, field = self.refused[kind, namespace, name]
            message, step = f"{kind} {name} is refused: {why}.", f"explain {kind.lower()}.spec"
            return Cause("Refused", kind, name, namespace, message, field, next_step=step)
        where, step = f" in {namespace}" if namespace else "", f"-n {namespace} " if namespace else ""
        step += f"get {kind.lower()}"
        if will_be_made(self.world, self.applied, whole, name, namespace):
            message = f"There is no {kind} {name}{where} yet."
            return Cause("NotFound", kind, name, namespace, message, final=False, next_step=step)
        if self.world.last(whole, name, namespace):
            message = f"{kind} {name} was there{where}, and is gone."
            return Cause("Gone", kind, name, namespace, message, final=False, next_step=step)
        there = ", ".join(t["metadata"]["name"] for t in self.world.list(whole, namespace) if not owner(t)[1])
        alike = next((k for k in ALIKE.get(kind, ()) if self.world.get(k, name, namespace)), "")
        article = "an" if alike[:1] in "AEIO" else "a"
        stands = f"; there is {article} {alike} of that name" if alike else f"; there is {there}" if there else ""
        message = f"There is no {kind} {name}{where}{stands}."
        # The object that stands in its place is where the learner looks.
        other = (alike, name) if alike else (kind, there if there and ", " not in there else name)
        return Cause("NotFound", *other, namespace, message, ("metadata", "name"), next_step=step)
