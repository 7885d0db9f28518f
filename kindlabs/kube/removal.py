"""Deleting objects with all that controllers made of them, and waiting until they are gone."""

from __future__ import annotations

import math
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from kindlabs.errors import InfraError
from kindlabs.kube import leftovers
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.notes import Key
from kindlabs.kube.objects import age, is_going, owner_uids
from kindlabs.kube.ownership import OPEN, is_labs
from kindlabs.kube.world import World

GONE_SECONDS = 60.0
PAUSE_SECONDS, LOOK_SECONDS = 0.1, 0.5
"""Between two looks, without watches and, where nothing changes, with them."""
LATE_SECONDS = 3.0
"""Whoever serves a finalizer has done so by then."""
FORGET_SECONDS = 10.0
"""A Pod gets a second to end; the kubelet ends none before its postStart hook has ended."""
MADE_BY = {
    "Deployment.apps": ("ReplicaSet.apps", "Pod"),
    "ReplicaSet.apps": ("Pod",),
    "StatefulSet.apps": ("Pod",),
    "DaemonSet.apps": ("Pod",),
    "ReplicationController": ("Pod",),
    "Job.batch": ("Pod",),
    "CronJob.batch": ("Job.batch", "Pod"),
    "Service": ("EndpointSlice.discovery.k8s.io",),
}
"""What controllers make of a kind, and of what they made. Not left to the garbage collector, which comes late in a new
cluster, and gives Pods the time to end that they ask for."""
HEARS = {"Deployment.apps", "ReplicaSet.apps", "StatefulSet.apps"}
"""Kinds whose controller notes the generation that it knows; that a thing is going is a generation too."""
FOREGROUND = "foregroundDeletion"
"""The finalizer that keeps an owner until the garbage collector sees that nothing is left of what it owns. It is there
so that the controller hears; after that it would only be told, and tell, of each step in which the rest goes."""
COMES_BACK = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""Kubernetes makes these in every namespace and makes them again when they go."""


def remove(api: Api, actor: Api, things: Iterable[Key], *, open_too: bool = False) -> bool:
    """Delete *things* and return once they and what was made of them are gone; whether any of them was there.

    Args:
        actor: the server as whoever deletes them sees it. The learner's names may be anything: what she has no right to
            delete she cannot have made, and it stays. So does what is the lab's, unless *actor* is *api* itself.
        open_too: whether those of the lab's go that a submission may change.
    """
    keys = [key for key in things if is_watched(api, key.kind)]
    if not keys:
        return False
    with World(api) as world:
        world.expect(*with_made(key.kind for key in keys))
        going = _Named(api, world)
        for key in keys:
            live = world.get(*key)
            if live and (actor is api or not _stays(live, open_too)) and _deleted(actor, key):
                going.add(key, live)
        if going.keys:
            until_done(going.press_on, f"{', '.join(f'{k.kind} {k.name}' for k in sorted(going.keys))} to go", world)
    return bool(going.keys)


def made_of(kind: str) -> set[str]:
    """The kinds of what controllers make of an object of *kind*."""
    return {*MADE_BY.get(kind, ()), *leftovers.made_of(kind)}


def with_made(kinds: Iterable[str]) -> set[str]:
    """*kinds*, and those of what controllers make of them."""
    return {made for kind in kinds for made in (kind, *made_of(kind))}


def is_watched(api: Api, kind: str) -> bool:
    """Whether objects of a kind are kept at all: a review is made, and that is all."""
    resource = api.resource(kind)
    return resource is not None and "watch" in resource.verbs


def _stays(live: Object, open_too: bool) -> bool:
    return is_labs(live) and not (open_too and OPEN in live["metadata"]["labels"])


def _deleted(actor: Api, key: Key) -> bool:
    try:
        return _delete(actor, key.kind, *key[1:])
    except ApiError as error:
        if error.status in (403, 405):
            return False
        raise


class Going(ABC):
    """Objects that go, pressed until they have gone."""

    def __init__(self, api: Api, world: World) -> None:
        self.api, self.world = api, world
        self._pressed: dict[str, tuple[object, ...]] = {}

    @abstractmethod
    def there(self, seen: World | Api) -> list[tuple[str, Object]]:
        """What is still there, each with its kind, by what watches said or by asking anew."""

    @property
    @abstractmethod
    def must_be_sure(self) -> bool:
        """Whether it matters that no Pod is there: a watch may tell of one a moment late."""

    def press_on(self, late: bool) -> int:
        """Press on whatever is still there; how much that was."""
        there = self.there(self.world)
        if self.must_be_sure and _is_barren(there, late):
            there = self.there(self.api)
        barren = _is_barren(there, late)
        again = {made for kind, thing in there if not is_going(thing) for made in leftovers.made_of(kind)}
        # Pods first, though some are made again: the garbage collector would give them all the time that they ask for,
        # and no kubelet takes it back.
        for kind, thing in sorted(there, key=lambda each: each[0] != "Pod"):
            if late or kind not in again:
                self._press(kind, thing, late or (barren and kind in MADE_BY))
        return len(there)

    def _press(self, kind: str, thing: Object, late: bool) -> None:
        """Press on an object, once as it is; where it is late, once a second."""
        meta = thing["metadata"]
        state = (meta["resourceVersion"], late and int(time.monotonic()))
        if self._pressed.get(meta["uid"]) != state:
            self._pressed[meta["uid"]] = state
            press(self.api, kind, thing, late=late)


def _made_again(there: Iterable[tuple[str, Object]]) -> set[str]:
    """The kinds of what would be made again if it went now: whoever makes it does not know yet that all goes."""
    return {made for kind, thing in there if not _has_heard(kind, thing) for made in made_of(kind)}


def _is_barren(there: Sequence[tuple[str, Object]], late: bool) -> bool:
    """Whether there is no Pod, and comes none."""
    return not any(kind == "Pod" for kind, _ in there) and (late or "Pod" not in _made_again(there))


class _Named(Going):
    """Objects that were deleted, and what was made of them as far as it is known."""

    def __init__(self, api: Api, world: World) -> None:
        super().__init__(api, world)
        self.keys: set[Key] = set()
        self._uids: set[str] = set()
        self._made: set[tuple[str, str]] = set()

    def add(self, key: Key, live: Object) -> None:
        """One more object, as it was before it was deleted."""
        self.keys.add(key)
        self._uids.add(live["metadata"]["uid"])
        self._pressed[live["metadata"]["uid"]] = (live["metadata"]["resourceVersion"], False)
        self._made |= {(kind, key.namespace) for kind in made_of(key.kind)}
        if key.kind == "StatefulSet.apps":
            self.keys |= _claims(self.api, key, live)
        if key.kind == "Service":
            self.keys.add(Key("Endpoints", key.name, key.namespace))

    def there(self, seen: World | Api) -> list[tuple[str, Object]]:
        """The objects themselves, and what their uids own."""
        own = ((key, self.world.get(*key)) for key in self.keys)
        found = [(key.kind, thing) for key, thing in own if thing and self._is_meant(key, thing)]
        for kind, namespace in sorted(self._made, key=lambda made: (made[0] == "Pod", made)):
            for thing in seen.list(kind, namespace):
                if self._uids & owner_uids(thing):
                    self._uids.add(thing["metadata"]["uid"])
                    found.append((kind, thing))
        return found

    @property
    def must_be_sure(self) -> bool:
        """Where something makes Pods: before it is let go, and at the end."""
        return any(kind == "Pod" for kind, _ in self._made)

    def press_on(self, late: bool) -> int:
        """The same; what Kubernetes makes again is waited for, too."""
        awaited = [key for key in self.keys if key[:2] in COMES_BACK and not self.world.get(*key)]
        return super().press_on(late) + len(awaited)

    def _is_meant(self, key: Key, thing: Object) -> bool:
        return key[:2] not in COMES_BACK or thing["metadata"]["uid"] in self._uids


def _claims(api: Api, key: Key, live: Object) -> set[Key]:
    """The claims that a StatefulSet made of its templates, and would find again."""
    kind, names = "PersistentVolumeClaim", [t["metadata"]["name"] for t in live["spec"].get("volumeClaimTemplates", [])]
    mine = re.compile(rf"(?:{'|'.join(map(re.escape, names))})-{re.escape(key.name)}-\d+")
    claims = [claim["metadata"]["name"] for claim in api.list(kind, key.namespace)] if names else []
    return {Key(kind, name, key.namespace) for name in claims if mine.fullmatch(name)}


def press(api: Api, kind: str, thing: Object, *, late: bool = False) -> None:
    """Delete an object.

    When it hangs, drop finalizers that nobody serves, or force-delete a Pod that no kubelet will end.

    Args:
        late: whether it has had LATE_SECONDS.
    """
    meta = thing["metadata"]
    name, namespace = meta["name"], meta.get("namespace", "")
    if "deletionTimestamp" not in meta or meta.get("deletionGracePeriodSeconds", 0) > 1:
        _delete(api, kind, name, namespace)
        return
    own = meta.get("finalizers") or []
    served = [] if late else [f for f in own if _is_served(f) and not (f == FOREGROUND and _says_heard(kind, thing))]
    if served != own:
        _release(api, kind, thing, served)
    elif kind == "Pod" and late and _nobody_ends(api, thing):
        api.delete(kind, name, namespace, grace=0)


def _is_served(finalizer: str) -> bool:
    return "/" not in finalizer or finalizer.partition("/")[0].endswith("kubernetes.io")


def _nobody_ends(api: Api, pod: Object) -> bool:
    """Whether no kubelet will say soon that a Pod has ended: its node is gone, or a postStart hook of it hangs."""
    forgotten = age(pod["metadata"]["deletionTimestamp"]) > FORGET_SECONDS
    return forgotten or not api.get("Node", pod["spec"].get("nodeName", ""))


def _release(api: Api, kind: str, thing: Object, finalizers: list[str]) -> None:
    try:
        patch = {"metadata": {"finalizers": finalizers}}
        api.patch(kind, thing["metadata"]["name"], thing["metadata"].get("namespace"), patch)
    except ApiError as error:
        if error.status not in (404, 409, 422):  # gone, or its controller was quicker
            raise


def _delete(actor: Api, kind: str, name: str, namespace: str) -> bool:
    owns = kind in MADE_BY and kind != "Service"
    grace = 1 if kind == "Pod" else None
    return actor.delete(kind, name, namespace, grace=grace, propagation="Foreground" if owns else "Background")


def _has_heard(kind: str, thing: Object) -> bool:
    """Whether whoever makes something of it knows that it is going, and makes no more, as far as that is said."""
    return "deletionTimestamp" in thing["metadata"] and (kind not in HEARS or _says_heard(kind, thing))


def _says_heard(kind: str, thing: Object) -> bool:
    known: int = (thing.get("status") or {}).get("observedGeneration", 0)
    return kind in HEARS and known >= thing["metadata"]["generation"]


def until_done(left: Callable[[bool], int], what: str, world: World | None = None) -> None:
    """Look until nothing is *left*, a number; it is told whether LATE_SECONDS have passed.

    Args:
        world: looks again whenever something changes that it watches; ten times a second without one.

    Raises: InfraError when for GONE_SECONDS it has not become less; a hundred Pods take a minute on two busy cores.
        ApiUnreachable when what *world* has seen is out of date, and stays so.
    """
    started = fewer_since = time.monotonic()
    least: float = math.inf
    while True:
        revision = world.revision if world else 0
        count = left((now := time.monotonic()) - started > LATE_SECONDS)
        current = world is None or world.is_current()  # which asks a server that has long been silent
        if not count and current:
            return
        if count < least:
            least, fewer_since = count, now
        if now - fewer_since > GONE_SECONDS:
            raise InfraError(
                f"waited {now - started:.0f} s for {what}, in vain", "make clean, then run the command again"
            )
        if world:
            world.wait(revision, LOOK_SECONDS)
        else:
            time.sleep(PAUSE_SECONDS)
