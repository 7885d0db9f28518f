"""What a lab brings along: the objects of its ``setup/``, as they should be before a submission is applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import not_

from kindlabs.errors import LabError
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import rank_of
from kindlabs.kube.namespaces import put
from kindlabs.kube.notes import Key, key_of
from kindlabs.kube.objects import condition, dig, is_going, is_left, is_ready, is_true, statuses
from kindlabs.kube.ownership import LAB, OPEN, is_as_signed, is_labs, signed
from kindlabs.kube.podspecs import pod_spec
from kindlabs.kube.removal import remove
from kindlabs.patience import LOOK_LATER, OURS_SECONDS, poll
from kindlabs.perimeter import Thing

WAIT = "kind-labs/wait"
"""Annotation, in a lab's manifest: ``"false"`` for what is broken on purpose, so that nobody waits for it."""
LATER = "WaitForFirstConsumer"


@dataclass(frozen=True)
class Given:
    """An object of a lab's ``setup/``, and its place for an author to look at: ``labs/15/setup/web.yaml:3``."""

    manifest: Object
    where: str

    @property
    def key(self) -> Key:
        """What names it."""
        return key_of(self.manifest)

    @property
    def thing(self) -> Thing:
        """The same as a lab file writes it."""
        return Thing(self.key.kind, self.key.name)

    @property
    def is_awaited(self) -> bool:
        """Whether it is to be ready before a submission is applied."""
        return (self.manifest["metadata"].get("annotations") or {}).get(WAIT) != "false"


def of_lab(
    api: Api, lab: str, manifests: Iterable[tuple[Object, str]], first: str, opened: Collection[Thing]
) -> list[Given]:
    """A lab's objects as they are applied: in namespace *first* unless they say another, and marked as the lab's.

    Args:
        manifests: with the place of each.
        opened: those that a submission may change.
    """
    return [Given(_marked(api, lab, document, first, opened), where) for document, where in manifests]


def _marked(api: Api, lab: str, document: Object, first: str, opened: Collection[Thing]) -> Object:
    resource, meta = api.resource_of(document), dict(document["metadata"])
    if resource is None or resource.namespaced:
        meta.setdefault("namespace", first)
    key = key_of(document | {"metadata": meta})
    own = {LAB: lab} | ({OPEN: "true"} if Thing(key.kind, key.name) in opened else {})
    meta["labels"] = (meta.get("labels") or {}) | own
    return signed(document | {"metadata": meta})


def bring(
    api: Api, given: Sequence[Given], there: dict[Key, Object], broken: Collection[Key] = (), *, anew: bool = False
) -> set[Key]:
    """Make *given* be there as a first run finds them, and ready; what had to be made or taken away.

    What anybody wrote into, or a check broke on purpose, is made anew; what the lab brings no more goes.

    Args:
        there: what is in the lab's namespaces; brought up to date.
        anew: whether Pods may hold what an earlier run put into them, and so are made anew.

    Raises: LabError when an object is refused, or does not become ready.
    """
    wanted = {each.key: each for each in given}
    used = {*broken, *(key for key, each in wanted.items() if anew and pod_spec(each.manifest))}
    stale = {key for key, each in wanted.items() if key in used or not _is_as_put(api, each, there)}
    brought = {key for key, thing in there.items() if is_labs(thing) and not thing["metadata"].get("ownerReferences")}
    gone = {*brought} - {*wanted}
    if stale or gone:
        remove(api, api, stale | gone)
    for key in stale | gone:
        there.pop(key, None)
    for each in sorted((wanted[key] for key in stale), key=lambda each: rank_of(each.manifest)):
        try:
            there[each.key] = put(api, each.manifest)
        except ApiError as error:
            raise LabError(f"{each.where}: the API server refuses it: {error.message}") from error
    _await(api, [each for each in given if each.is_awaited])
    return stale | gone


def _is_as_put(api: Api, each: Given, there: Mapping[Key, Object]) -> bool:
    live = there.get(each.key) or (None if each.key.namespace else _find(api, each))
    if live is None or is_going(live) or is_left(live):
        return False
    # Scaling leaves no trace in managedFields where the manifest names no replicas.
    scaled = dig(live, "spec", "replicas", default=1) != dig(each.manifest, "spec", "replicas", default=1)
    return not scaled and is_as_signed(live, each.manifest)


def _find(api: Api, each: Given) -> Object | None:
    try:
        return api.find(each.manifest)
    except ApiError:  # whoever applies it hears the same
        return None


def _await(api: Api, given: Sequence[Given]) -> None:
    for each in given:
        kind, look = each.manifest["kind"], partial(_why_not_ready, api, each)
        if kind in READY and (why := poll(look, OURS_SECONDS, LOOK_LATER, until=not_)):
            raise LabError(
                f"{each.where}: {kind} {each.key.name} is not ready after {OURS_SECONDS:.0f} s: {why}.",
                f'mend it, or annotate it with {WAIT}: "false" where it is broken on purpose',
            )


def _why_not_ready(api: Api, each: Given) -> str | None:
    live = _find(api, each)
    return READY[each.manifest["kind"]](api, live) if live else "it is gone"


def _pod(_api: Api, pod: Object) -> str | None:
    phase = dig(pod, "status", "phase", default="Pending")
    if is_ready(pod) or phase == "Succeeded":
        return None
    waiting = [dig(status, "state", "waiting", default={}) for status in statuses(pod)]
    said = [f"{w['reason']} {w.get('message', '')}".strip() for w in waiting if w.get("reason")]
    return said[0] if said else condition(pod, "PodScheduled").get("message") or f"it is {phase}"


def _workload(api: Api, live: Object) -> str | None:
    status, generation = live.get("status") or {}, live["metadata"].get("generation", 0)
    wanted = dig(live, "spec", "replicas", default=1)
    current = status.get("updatedReplicas", wanted) if live["kind"] in ("Deployment", "StatefulSet") else wanted
    ready = status.get("readyReplicas", 0)
    if live["kind"] == "DaemonSet":
        wanted = current = status.get("desiredNumberScheduled", 0)
        ready = status.get("numberReady", 0)
    if status.get("observedGeneration", 0) >= generation and ready == current == wanted:
        return None
    pods = [pod for pod in api.list("Pod", live["metadata"]["namespace"]) if not is_ready(pod)]
    return f"{ready} of {wanted} Pods are Ready" + (f"; {_pod(api, pods[0])}" if pods else "")


def _job(_api: Api, job: Object) -> str | None:
    if is_true(job, "Complete") or dig(job, "spec", "suspend"):
        return None
    return f"it failed: {condition(job, 'Failed').get('message', '')}" if is_true(job, "Failed") else "it runs"


def _claim(api: Api, claim: Object) -> str | None:
    """A claim is bound; where its class waits for a Pod, only that Pod can tell."""
    name = dig(claim, "spec", "storageClassName")
    storage_class = (api.get("StorageClass.storage.k8s.io", name) if name else None) or {}
    bound = dig(claim, "status", "phase") == "Bound"
    return None if bound or storage_class.get("volumeBindingMode") == LATER else "it is not bound to a volume"


READY = {
    "Pod": _pod,
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"), _workload),
    "Job": _job,
    "PersistentVolumeClaim": _claim,
}
