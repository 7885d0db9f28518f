"""The nodes of the cluster: what a validator does to them for a while, and whose Pods are on them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.placement import HOST, why_let_in
from kindlabs.errors import LabError
from kindlabs.kube.api import Object
from kindlabs.kube.nodes import change, is_by_people, taint_of, taints_of, with_taints
from kindlabs.kube.objects import ENDED, dig, is_going
from kindlabs.kube.world import World
from kindlabs.patience import ACTION_SECONDS
from kindlabs.promises.nodes import NODES_TAKE_PODS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab
    from kindlabs.expectations.workloads import Workload

Undo = Callable[[Object, Object], Object]
"""The patch that takes a change back, of a node as it is now and as it was before."""


class Nodes:
    """Some nodes, by their names: those that carried some labels when they were asked for.

    What is done to them holds while a ``with`` block runs. A run that is killed in between leaves it, and the next one
    puts it back: the lab's ``breaks`` names ``nodes-take-pods``, else each of these raises LabError.

    Args:
        called: what a learner reads of them.
        by: the keys of the labels that say which ones they are.
    """

    def __init__(self, lab: Lab, names: Iterable[str], called: str, by: Collection[str] = ()) -> None:
        self.lab, self.names, self.called, self.by = lab, sorted(names), called, by

    def __str__(self) -> str:
        return self.called

    @property
    def others(self) -> Nodes:
        """All nodes but these."""
        rest = (node["metadata"]["name"] for node in self.lab.world.list("Node"))
        return Nodes(self.lab, (name for name in rest if name not in self.names), f"all but {self}")

    @property
    def chance_labels(self) -> dict[str, str]:
        """What they all carry, but for their names and the labels that say which ones they are."""
        labels = [dig(self.lab.world.get("Node", name), "metadata", "labels", default={}) for name in self.names]
        common = set.intersection(*({*each.items()} for each in labels)) if labels else set()
        return {key: value for key, value in sorted(common) if key not in (HOST, *self.by)}

    def cordoned(self) -> contextlib.AbstractContextManager[None]:
        """They take no new Pods, as ``kubectl cordon`` has it."""
        return self._changed(
            lambda _: {"spec": {"unschedulable": True}}, lambda _now, _was: {"spec": {"unschedulable": None}}
        )

    def tainted(self, taint: str) -> contextlib.AbstractContextManager[None]:
        """They carry *taint* too: ``maintenance:NoExecute``."""
        new = taint_of(taint)
        return self._changed(
            lambda node: with_taints([*taints_of(node), new]),
            lambda now, _was: with_taints(t for t in taints_of(now) if not new.items() <= t.items()),
        )

    def opened(self) -> contextlib.AbstractContextManager[None]:
        """They carry no taints that somebody gave them; the control plane keeps its own.

        Whatever waits for such a node gets it meanwhile: judge that before.
        """
        return self._changed(
            lambda node: with_taints(t for t in taints_of(node) if not is_by_people(t)),
            lambda now, was: with_taints([*filter(is_by_people, taints_of(was)), *taints_of(now)]),
        )

    def labelled(self, **labels: str) -> contextlib.AbstractContextManager[None]:
        """They carry *labels* too."""
        return self._changed(
            lambda _: {"metadata": {"labels": labels}},
            lambda _now, was: {"metadata": {"labels": {key: dig(was, "metadata", "labels", key) for key in labels}}},
        )

    def hold_only(self, *workloads: Workload, within: float | None = None) -> None:
        """Of all that runs for the lab only Pods of *workloads* are on them."""
        lab, names = self.lab, ", ".join(map(str, workloads))

        def look() -> Look:
            found = [pod["metadata"]["name"] for pod in self._strangers(workloads)]
            return Look(not found, f"there is {', '.join(found)}" if found else "so it is")

        def why() -> Cause | None:
            return next((why_let_in(lab.scene, pod) for pod in self._strangers(workloads)), None)

        lab.expect(f"on {self} only Pods of {names}", look, why, within=within)

    def _strangers(self, workloads: Iterable[Workload]) -> list[Object]:
        welcome = {pod["metadata"]["uid"] for workload in workloads for pod in workload.pods}
        pods = [pod for name in self.names for pod in pods_on(self.lab.world, self.lab.namespaces, name)]
        return [pod for pod in pods if pod["metadata"]["uid"] not in welcome]

    @contextlib.contextmanager
    def _changed(self, done: Callable[[Object], Object], undone: Undo) -> Iterator[None]:
        if NODES_TAKE_PODS.name not in self.lab.breaks:
            raise LabError(f"the lab changes nodes; lab.yaml must say so: `breaks: [{NODES_TAKE_PODS.name}]`")
        self.lab.deadline.grant(ACTION_SECONDS)
        with contextlib.ExitStack() as stack:
            for name in self.names:
                stack.callback(self._change, name, partial(_undo, undone, self.lab.api.get("Node", name) or {}))
                self._change(name, done)
            yield

    def _change(self, name: str, to: Callable[[Object], Object]) -> None:
        """Change a node, and return when the change is seen."""
        after = int(change(self.lab.api, name, to)["metadata"]["resourceVersion"])

        def look() -> Look:
            seen = int(dig(self.lab.world.get("Node", name), "metadata", "resourceVersion", default=0))
            return Look(seen >= after, "the change is not seen yet")

        self.lab.do(f"node {name} is changed", look)


def _undo(undone: Undo, was: Object, now: Object) -> Object:
    return undone(now, was)


def pods_on(world: World, namespaces: Iterable[str], node: str) -> list[Object]:
    """The Pods of *namespaces* that are on a node, run or will, and are not being deleted."""
    pods = [pod for space in namespaces for pod in world.list("Pod", space) if not is_going(pod)]
    return [p for p in pods if dig(p, "spec", "nodeName") == node and dig(p, "status", "phase") not in ENDED]
