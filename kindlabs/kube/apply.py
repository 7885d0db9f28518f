"""Applying objects as a learner, incrementally: what did not change stays, everything else is made anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kindlabs.kube.api import Api, Identity, Object
from kindlabs.kube.contents import contents, is_unseen, strays
from kindlabs.kube.leftovers import sweep
from kindlabs.kube.notes import Key, applied, disturbed, forget_disturbed, key_of, note_applied
from kindlabs.kube.ownership import is_labs
from kindlabs.kube.podspecs import reads
from kindlabs.kube.removal import COMES_BACK, remove
from kindlabs.kube.sending import Refusal, kinds_defined_by, send
from kindlabs.kube.standing import Standing, print_of
from kindlabs.perimeter import Thing

LEARNER = Identity("learner", ("kind-labs:learners", "system:authenticated"))
"""Whom submissions are applied as; the field manager is LEARNER_MANAGER."""
ORDER = (
    ("CustomResourceDefinition",),
    ("StorageClass", "PersistentVolume", "PriorityClass"),
    ("ServiceAccount", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"),
    ("ConfigMap", "Secret", "PersistentVolumeClaim", "Issuer"),
    (),
    ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"),
    ("HorizontalPodAutoscaler",),
)
"""Definitions of kinds, then inputs, then what is not named here (Services too, whose addresses Pods find in their
environment), then what makes Pods, then what looks for these: the order of files must not matter."""


@dataclass(frozen=True)
class Outcome:
    """What came of applying: what was refused, and whether anything in the cluster is now other than it was."""

    refused: list[Refusal]
    changed: bool


def apply(
    api: Api,
    manifests: Sequence[Object],
    namespaces: Sequence[str],
    granted: Iterable[Thing] = (),
    there: Mapping[Key, Object] | None = None,
) -> Outcome:
    """Make of *namespaces* what a first run of *manifests* would, as the learner; what stands so already stays.

    First goes what earlier runs applied and this one does not name, or names otherwise, and what somebody made by hand,
    with all that controllers made of it: these remember what they did for an earlier form, and may look once only.

    Args:
        api: the instructor's view; impersonation is done here.
        namespaces: the lab's; each manifest names one of them, or is cluster-wide.
        granted: the cluster-wide objects that a submission may hold.
        there: what is in the namespaces, where it is known; it is looked up otherwise.
    """
    learner = api.acting_as(LEARNER)
    ordered = {key_of(manifest): manifest for manifest in sorted(manifests, key=rank_of)}
    spaces = [space for name in namespaces if (space := api.get("Namespace", name))]
    noted = {key: text for space in spaces for key, text in applied(space).items()}
    broken = {key for space in spaces for key in disturbed(space)}
    if there is None:
        there = contents(api, namespaces, granted)
    stray = strays(there) - {*noted, *broken, *ordered}
    gone = {*noted, *stray} - {*ordered} | broken
    # What is the lab's was as it should be a moment ago (kube/given).
    gone -= {key for key, thing in there.items() if is_labs(thing)}
    moved = Standing(learner, there).moved(list(ordered.values()), noted, gone)
    if not moved:
        return Outcome([], changed=False)
    # Noted before the first change: an interrupted run leaves nothing unknown behind.
    note_applied(api, namespaces, {key: "" if key in moved else noted[key] for key in {*noted, *ordered}})
    found = {key for key in moved if key in there or is_unseen(key)}
    removed = remove(api, learner, found - stray) | remove(api, api, stray)
    used = not all(map(is_labs, there.values()))
    if used:
        sweep(api, namespaces, restless=True)
    coming = kinds_defined_by(manifests)
    results = {key: _sent(api, learner, manifest, coming) for key, manifest in ordered.items() if key in moved}
    for key in sweep(api, namespaces, restless=False) & {*ordered} if used else ():
        send(learner, ordered[key])  # a controller had made it first; now it is the learner's alone
    taken = [manifest for key, manifest in ordered.items() if results.get(key) is None]
    inputs = _inputs(api, taken)
    note_applied(api, namespaces, {key_of(manifest): print_of(manifest, inputs) for manifest in taken})
    for name in namespaces if broken else ():
        forget_disturbed(api, name)
    refused = [refusal for manifest in manifests if (refusal := results.get(key_of(manifest)))]
    return Outcome(refused, changed=removed or any(result is None for result in results.values()))


def _sent(api: Api, learner: Api, manifest: Object, coming: Collection[str]) -> Refusal | None:
    """Apply *manifest*; one of a lab's open objects that cannot be changed in place is replaced, as a person would."""
    refusal = send(learner, manifest, coming)
    if refusal and "field is immutable" in refusal.message and remove(api, learner, [key_of(manifest)], open_too=True):
        return send(learner, manifest)
    return refusal


def _inputs(api: Api, manifests: Sequence[Object]) -> dict[Key, Object]:
    """The ConfigMaps and Secrets that *manifests* read, as they are now."""
    wanted = {key for manifest in manifests for key in reads(manifest) if key.kind in ("ConfigMap", "Secret")}
    lists = {(key.kind, key.namespace) for key in wanted}
    there = {Key(kind, t["metadata"]["name"], name): t for kind, name in lists for t in api.list(kind, name)}
    return {key: thing for key, thing in there.items() if key[:2] not in COMES_BACK}


def rank_of(manifest: Object) -> tuple[int, int]:
    """The place of an object in ORDER."""
    kind = manifest["kind"]
    return next(((rank, kinds.index(kind)) for rank, kinds in enumerate(ORDER) if kind in kinds), (ORDER.index(()), 0))
