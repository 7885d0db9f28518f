"""How long Pods stay on a node that is being emptied."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.placement import why_wrong_stay
from kindlabs.expectations.nodes import Nodes, pods_on
from kindlabs.kube import clock
from kindlabs.kube.api import Object
from kindlabs.kube.notes import note_disturbed
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab
    from kindlabs.expectations.pods import Pod

AT_ONCE = 10.0
"""Seconds that are no stay: the controller that evicts is told by a watch, and has as many workers as Pods."""
SLACK = 5.0
"""Seconds after which nobody waits for a Pod any more that should have gone."""


def expect_eviction(pod: Pod, taint: str, least: float, most: float) -> None:
    """See :meth:`kindlabs.expectations.pods.Pod.outlasts`."""
    lab = pod.lab
    lab.do(f"{pod} has a node", lambda: Look(bool(pod.node), "it has none"), lambda: None)
    own, node = (pod.find() or {})["metadata"]["uid"], pod.node
    others = {p["metadata"]["uid"] for p in pods_on(lab.world, lab.namespaces, node)} - {own}
    note_disturbed(lab.api, pod.namespace, pod.kind, pod.name)
    begun = clock.now()

    def look() -> Look:
        stays = {p["metadata"]["uid"]: _stay(p, begun) for p in _ever(lab)}
        mine, theirs = stays.get(own), [stays.get(uid) for uid in others]
        gone = all(stay is not None and stay <= AT_ONCE for stay in theirs)
        met = gone and mine is not None and least - 1 <= mine <= most
        staying = sum(stay is None for stay in theirs)
        told = f"it left after {mine:.0f} s" if mine is not None else "it is still there"
        return Look(met, f"{told}; of {len(others)} others {staying} have stayed")

    def why() -> Cause | None:
        found = {p["metadata"]["uid"]: p for p in _ever(lab)}
        cause = why_wrong_stay(found[own], taint, least, most)
        return cause or _who_stays([found[uid] for uid in others], taint)

    with Nodes(lab, [node], f"the node of {pod}").tainted(taint):
        expected = f"{pod} leaves a node tainted {taint} after {least:g} to {most:g} s, the others at once"
        lab.expect(expected, look, why, within=most + SLACK)


def _ever(lab: Lab) -> list[Object]:
    return [pod for space in lab.namespaces for pod in lab.world.ever("Pod", space)]


def _stay(pod: Object, begun: datetime) -> float | None:
    """Seconds from *begun* until somebody asked a Pod to go; None while nobody has."""
    meta = pod["metadata"]
    if "deletionTimestamp" not in meta:
        return None
    grace = timedelta(seconds=meta.get("deletionGracePeriodSeconds", 0))
    return (datetime.fromisoformat(meta["deletionTimestamp"]) - grace - begun).total_seconds()


def _who_stays(pods: list[Object], taint: str) -> Cause | None:
    """Another Pod that tolerates the taint as well."""
    for pod in pods:
        found = why_wrong_stay(pod, taint, 0, 0)
        if found and found.reason != "Untolerated":
            return about(pod, found.reason, f"{found.message.split(';')[0].rstrip('.')}.", found.field)
    return None
