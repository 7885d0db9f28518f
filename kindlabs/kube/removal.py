"""Deleting objects with all that controllers made of them, and waiting until they are gone."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable

from kindlabs.errors import InfraError
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.notes import Key
from kindlabs.kube.objects import age
from kindlabs.kube.ownership import OPEN, is_labs

GONE_SECONDS = 60.0
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
COMES_BACK = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""Kubernetes makes these in every namespace and makes them again when they go."""


def remove(api: Api, actor: Api, things: Iterable[Key], *, open_too: bool = False) -> bool:
    """Delete *things* and return once they and what was made of them are gone; whether any of them was there.

    Args:
        actor: the server as whoever deletes them sees it. The learner's names may be anything: what she has no right to
            delete she cannot have made, and it stays. So does what is the lab's, unless *actor* is *api* itself.
        open_too: whether those of the lab's go that a submission may change.
    """
    going = _Going(api)
    for key in things:
        resource = api.resource(key.kind)
        live = api.get(*key) if resource and "get" in resource.verbs else None  # a review is made, and never kept
        kept = live and is_labs(live) and actor is not api and not (open_too and OPEN in live["metadata"]["labels"])
        if live and not kept and _deleted(actor, key):
            going.add(key, live)
    if going.keys:
        until_done(going.press_on, f"{', '.join(f'{k.kind} {k.name}' for k in sorted(going.keys))} to go")
    return bool(going.keys)


def _deleted(actor: Api, key: Key) -> bool:
    try:
        return _delete(actor, key.kind, *key[1:])
    except ApiError as error:
        if error.status in (403, 405):
            return False
        raise


class _Going:
    """Objects that were deleted, and what was made of them as far as it is known."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.keys: set[Key] = set()
        self._uids: set[str] = set()
        self._made: set[tuple[str, str]] = set()

    def add(self, key: Key, live: Object) -> None:
        """One more object, as it was before it was deleted."""
        self.keys.add(key)
        self._uids.add(live["metadata"]["uid"])
        self._made |= {(kind, key.namespace) for kind in MADE_BY.get(key.kind, ())}
        if key.kind == "StatefulSet.apps":
            self.keys |= _claims(self.api, key, live)
        if key.kind == "Service":
            self.keys.add(Key("Endpoints", key.name, key.namespace))

    def press_on(self, late: bool) -> int:
        """Press on whatever is still there; how much that was."""
        there = [(key.kind, thing) for key in self.keys if (thing := self.api.get(*key)) and self._is_meant(key, thing)]
        for kind, namespace in sorted(self._made, key=lambda made: made[0] == "Pod"):
            for thing in self.api.list(kind, namespace):
                if self._uids & {owner["uid"] for owner in thing["metadata"].get("ownerReferences") or []}:
                    self._uids.add(thing["metadata"]["uid"])
                    there.append((kind, thing))
        heard = late or all(_has_heard(kind, thing) for kind, thing in there)
        barren = heard and not any(kind == "Pod" for kind, _ in there)
        for kind, thing in there:
            if heard or kind != "Pod":  # a Pod that went before would be made again
                press(self.api, kind, thing, late=late or (barren and kind in MADE_BY))
        awaited = [key for key in self.keys if key[:2] in COMES_BACK and not self.api.get(*key)]
        return len(there) + len(awaited)

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
    served = [] if late else [f for f in own if "/" not in f or f.partition("/")[0].endswith("kubernetes.io")]
    if served != own:
        _release(api, kind, thing, served)
    elif kind == "Pod" and late and _nobody_ends(api, thing):
        api.delete(kind, name, namespace, grace=0)


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
    """Whether whoever makes Pods of it knows that it is going, and makes no more."""
    meta, known = thing["metadata"], (thing.get("status") or {}).get("observedGeneration", 0)
    return kind not in HEARS or ("deletionTimestamp" in meta and known >= meta["generation"])


def until_done(left: Callable[[bool], int], what: str) -> None:
    """Look until nothing is *left*, a number; it is told whether LATE_SECONDS have passed.

    Raises: InfraError when for GONE_SECONDS it has not become less; a hundred Pods take a minute on two busy cores.
    """
    started = fewer_since = time.monotonic()
    least: float = math.inf
    while count := left((now := time.monotonic()) - started > LATE_SECONDS):
        if count < least:
            least, fewer_since = count, now
        if now - fewer_since > GONE_SECONDS:
            raise InfraError(
                f"waited {now - started:.0f} s for {what}, in vain", "make clean, then run the command again"
            )
        time.sleep(0.1)
