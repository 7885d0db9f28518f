"""Where the Pods of a workload are, where they would go, and how far apart they keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.placement import HOST, why_elsewhere, why_together
from kindlabs.diagnosis.scheduling import why_not_scheduled
from kindlabs.expectations.nodes import Nodes
from kindlabs.expectations.words import state_of
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, labels_text
from kindlabs.kube.world import has_labels
from kindlabs.patience import READY_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.workloads import Workload


def expect_on(workload: Workload, nodes: Nodes | None, labels: dict[str, str], within: float | None) -> None:
    """All Pods of *workload* are on *nodes*, or on ones that carry *labels*."""
    lab = workload.lab

    def home() -> list[str]:
        found = [node["metadata"]["name"] for node in lab.world.list("Node") if has_labels(node, labels)]
        return [name for name in found if nodes is None or name in nodes.names]

    def look(_: Object) -> Look:
        pods = workload.pods
        met = bool(pods) and all(node_of(pod) in home() for pod in pods)
        return Look(met, "; ".join(map(_where, pods)) or "it has no Pod")

    def why(_: Object) -> Cause | None:
        causes = (why_not_scheduled(lab.scene, p) or why_elsewhere(lab.scene, p, home()) for p in workload.pods)
        return next(filter(None, causes), None)

    lab.deadline.grant(READY_SECONDS)
    wanted = str(nodes) if nodes else f"a node with {labels_text(labels)}"
    lab.expect(f"{workload} is on {wanted}", workload.seen(look), workload.explained(why), within=within)


def expect_nowhere_but(workload: Workload, home: Nodes) -> None:
    """While *home* takes no Pods and all others do, a Pod that *workload* loses is not replaced; then it is, there.

    Meanwhile the others carry what *home* carries, but for what it is asked for by: a Pod is not to be right by chance.
    """
    lab = workload.lab

    def look(_: Object) -> Look:
        pods = workload.pods
        away = [pod for pod in pods if node_of(pod) not in ("", *home.names)]
        return Look(any(map(_waits, pods)) and not away, "; ".join(map(_where, pods)) or "it has no Pod")

    def why(_: Object) -> Cause | None:
        causes = (why_elsewhere(lab.scene, pod, home.names) for pod in workload.pods)
        return next(filter(None, causes), None)

    others = home.others
    with home.cordoned(), others.opened(), others.labelled(**home.chance_labels):
        workload.loses_a_pod()
        expected = f"a Pod of {workload} waits while {home} takes none"
        lab.expect(expected, workload.seen(look), workload.explained(why))
    expect_on(workload, home, {}, None)


def expect_apart(workload: Workload, key: str, within: float | None) -> None:
    """No two Pods of *workload* are on nodes with the same value of label *key*."""
    lab = workload.lab

    def look(_: Object) -> Look:
        pods = workload.pods
        nodes = [lab.world.get("Node", node_of(pod)) for pod in pods]
        values = [dig(node, "metadata", "labels", key) for node in nodes]
        met = bool(pods) and None not in values and len({*values}) == len(pods)
        return Look(met, "; ".join(map(_where, pods)) or "it has no Pod")

    def why(_: Object) -> Cause | None:
        waiting = next(filter(None, (why_not_scheduled(lab.scene, pod) for pod in workload.pods)), None)
        return waiting or why_together(lab.scene, workload.pods, key)

    expected = f"each Pod of {workload} has another {key}"
    lab.expect(expected, workload.seen(look), workload.explained(why), within=within)


def expect_waiting(workload: Workload, count: int, because: re.Pattern[str], within: float | None) -> None:
    """Just *count* of its Pods have no node, for a reason in the scheduler's words that *because* is found in."""
    lab = workload.lab

    def look(_: Object) -> Look:
        waiting = [pod for pod in workload.pods if _waits(pod)]
        said = [condition(pod, "PodScheduled").get("message", "") for pod in waiting]
        met = len(waiting) == count and all(map(because.search, said))
        return Look(met, "; ".join(map(_where, workload.pods)) + (f"; {said[0]}" if said else ""))

    def why(found: Object) -> Cause | None:
        pods = workload.pods
        if len(pods) == dig(found, "spec", "replicas", default=1) and all(map(node_of, pods)):
            return why_together(lab.scene, pods, HOST)
        return next(filter(None, (why_not_scheduled(lab.scene, pod) for pod in pods)), None)

    lab.deadline.grant(READY_SECONDS)
    expected = f"{count} of the Pods of {workload} waits, because of {because.pattern}"
    lab.expect(expected, workload.seen(look), workload.explained(why), within=within)


def node_of(pod: Object) -> str:
    """The name of a Pod's node; empty while it has none."""
    return str(dig(pod, "spec", "nodeName", default=""))


def _waits(pod: Object) -> bool:
    """Whether the scheduler has found no node for it."""
    return not node_of(pod) and condition(pod, "PodScheduled").get("reason") == "Unschedulable"


def _where(pod: Object) -> str:
    return f"{pod['metadata']['name']} is on {node_of(pod)}" if node_of(pod) else state_of(pod)
