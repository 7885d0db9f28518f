"""Which promises there are, and which a lab was given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from kindlabs.errors import LabError
from kindlabs.kube.api import Api, Object
from kindlabs.promises.claims import CLAIMS_BIND
from kindlabs.promises.controllers import (
    CRONJOBS_FIRE,
    DAEMONSETS_FOLLOW,
    DEPLOYMENTS_FOLLOW,
    JOBS_END,
    STATEFULSETS_FOLLOW,
)
from kindlabs.promises.nodes import NODES_TAKE_PODS
from kindlabs.promises.pods import PODS_START
from kindlabs.promises.policies import POLICIES_HOLD
from kindlabs.promises.promise import Promise
from kindlabs.promises.server import ADMISSION_ANSWERS, RIGHTS_HOLD
from kindlabs.promises.services import NAMES_RESOLVE, SERVICES_ANSWER
from kindlabs.spelling import did_you_mean
from kindlabs.tree import walk

OF_EVERY_CLUSTER = (
    *(ADMISSION_ANSWERS, RIGHTS_HOLD, NODES_TAKE_PODS, PODS_START, SERVICES_ANSWER, NAMES_RESOLVE),
    *(DEPLOYMENTS_FOLLOW, JOBS_END, CRONJOBS_FIRE, STATEFULSETS_FOLLOW, DAEMONSETS_FOLLOW, CLAIMS_BIND),
)
"""What comes first explains what comes after: where no Pod gets a node, no Job ends either."""
KINDS = {kind for promise in OF_EVERY_CLUSTER for kind in promise.kinds}
"""Kinds of objects for whose sake every cluster promises something."""
BY_CAPABILITY = {"network-policy": POLICIES_HOLD}
"""What only clusters that can do it promise; a lab that needs one of these says so (``requires`` in lab.yaml)."""
OF_SOME = tuple(BY_CAPABILITY.values())


def of_cluster(capabilities: Collection[str]) -> list[Promise]:
    """What a cluster with these *capabilities* promises, beside what its add-ons bring."""
    return [*OF_EVERY_CLUSTER, *(promise for can, promise in BY_CAPABILITY.items() if can in capabilities)]


def promised(kinds: Collection[str], of_addons: Iterable[Promise], breaks: Collection[str] = ()) -> list[Promise]:
    """What a lab was promised: what its objects need, and what its add-ons do, without what it breaks itself.

    Args:
        kinds: those of its objects, as :func:`kinds_in` names them.

    Raises: LabError for a name in *breaks* that is no promise's.
    """
    every = [*OF_EVERY_CLUSTER, *OF_SOME, *of_addons]
    _check_names(breaks, [promise.name for promise in every])
    needed = [promise for promise in every if not promise.kinds or set(promise.kinds) & set(kinds)]
    return [promise for promise in needed if promise.name not in breaks]


def restore(api: Api, name: str) -> None:
    """Put back what a lab broke of promise *name*. Raises: ApiError, ApiUnreachable."""
    found = next((promise for promise in (*OF_EVERY_CLUSTER, *OF_SOME) if promise.name == name), None)
    if found and found.restore:
        found.restore(api)


def kinds_in(manifests: Iterable[Object]) -> set[str]:
    """The kinds of *manifests*, with that of the claims which Pods and StatefulSets bring along."""
    found: set[str] = set()
    for manifest in manifests:
        found.add(str(manifest.get("kind")))
        fields = {step for path, _ in walk(manifest.get("spec")) for step in path}
        if {"volumeClaimTemplates", "volumeClaimTemplate", "ephemeral"} & fields:
            found.add("PersistentVolumeClaim")
    return found


def _check_names(names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known)
            raise LabError(
                f"lab.yaml breaks {name!r}, which no cluster promises.{meant}", f"Choose from {', '.join(known)}."
            )
