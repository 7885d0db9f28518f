"""What of a submission stands in the cluster just as a first run would leave it, and need not be made anew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.leftovers import is_served
from kindlabs.kube.notes import Key, key_of
from kindlabs.kube.objects import condition, dig, is_left, is_ready, owner_uids, restarts
from kindlabs.kube.ownership import LEARNER_MANAGER, has_foreign_fields
from kindlabs.kube.podspecs import pod_spec, reads
from kindlabs.kube.work import succeeded

There = Mapping[Key, Object]
"""Objects as they are."""


def print_of(manifest: Object, there: There) -> str:
    """What stands for an object and for the ConfigMaps and Secrets that its Pods read, as they are *there*."""
    inputs = [there.get(key, {}) for key in sorted(reads(manifest))]
    read = [[thing.get("data"), thing.get("binaryData")] for thing in inputs]
    return hashlib.sha256(json.dumps([manifest, read], sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Standing:
    """What is there when a run begins to apply.

    Args:
        learner: the server as the learner sees it, for what would come of applying an object.
        there: what is in the lab's namespaces.
    """

    learner: Api
    there: There

    def moved(self, manifests: Sequence[Object], noted: Mapping[Key, str], gone: Iterable[Key]) -> set[Key]:
        """The objects that have to go or to be made anew: *gone*, and some of the submission's.

        Those differ from what was asked or found in the run before, or read something that moves; or, when anything
        moves at all, they have not come to rest.

        Args:
            manifests: inputs before what reads them.
            noted: the prints of the objects that the run before applied.
        """
        moves = set(gone)
        for manifest in manifests:
            key = key_of(manifest)
            below = reads(manifest) | self._volume_of(manifest)
            same = noted.get(key) == print_of(manifest, self.there) and not below & moves
            if not same or not self._stands(manifest):
                moves.add(key)
        if moves:
            moves |= {key_of(m) for m in manifests if key_of(m) not in moves and not self._rests(m)}
        return moves

    def _volume_of(self, manifest: Object) -> set[Key]:
        """The volume that a claim is bound to: without it the claim is lost for good."""
        claim = (self._live(manifest) if manifest["kind"] == "PersistentVolumeClaim" else None) or {}
        name = dig(claim, "spec", "volumeName")
        return {Key("PersistentVolume", name, "")} if name else set()

    def _live(self, manifest: Object) -> Object | None:
        found = self.there.get(key_of(manifest))
        return found if found and found["apiVersion"] == manifest["apiVersion"] else self.learner.find(manifest)

    def _stands(self, manifest: Object) -> bool:
        """Whether applying it would change nothing, and nobody else wrote into it or into what was made of it.

        A Job never: it works once, and a run judges none that an earlier one started.
        """
        if manifest["kind"] == "Job":
            return False
        try:
            live = self._live(manifest)
            if live is None or "deletionTimestamp" in live["metadata"]:
                return False
            after = self.learner.apply(manifest, manager=LEARNER_MANAGER, dry_run=True)
        except ApiError:  # whoever applies it hears the same, and deals with it
            return False
        touched = any(has_foreign_fields(thing) for thing in [after, *self._made_of(live)])
        return _written(after) == _written(live) and not touched

    def _rests(self, manifest: Object) -> bool:
        """Whether it, and every Pod of it that stays, is as ready as it was meant to be, without a restart."""
        live = self._live(manifest)
        if live is None or is_left(live):
            return False
        if condition(live, "Ready").get("status", "True") != "True":
            return False
        wanted = dig(live, "spec", "replicas")
        if wanted is not None and wanted != dig(live, "status", "readyReplicas", default=0):
            return False
        if not is_served(live, self.there):
            return False
        pods = [thing for thing in [live, *self._made_of(live)] if thing["kind"] == "Pod"]
        staying = [p for p in pods if "deletionTimestamp" not in p["metadata"] and not succeeded(p)]
        return all(is_ready(pod) and not restarts(pod) for pod in staying)

    def _made_of(self, live: Object) -> list[Object]:
        """The Pods of a workload, and what stands between."""
        if pod_spec(live) is None:
            return []
        uids, before = {live["metadata"]["uid"]}, 0
        while len(uids) > before:
            before = len(uids)
            found = [thing for thing in self.there.values() if uids & owner_uids(thing)]
            uids |= {thing["metadata"]["uid"] for thing in found}
        return found


def _written(thing: Object) -> Object:
    """What anybody wrote of an object."""
    meta = {k: v for k, v in thing["metadata"].items() if k in {"name", "labels", "annotations", "finalizers"}}
    return {k: v for k, v in thing.items() if k not in {"metadata", "status"}} | {"metadata": meta}
