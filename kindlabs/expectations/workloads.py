"""Expectations on workloads: whatever makes Pods, and keeps them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.placement import HOST
from kindlabs.diagnosis.workloads import why_replicas_not_ready
from kindlabs.errors import InfraError
from kindlabs.expectations.named import NamedObject
from kindlabs.expectations.nodes import Nodes
from kindlabs.expectations.placement import expect_apart, expect_nowhere_but, expect_on, expect_waiting, node_of
from kindlabs.expectations.steady import is_steady, why_flapping
from kindlabs.expectations.words import state_of
from kindlabs.kube.api import ApiError, Object
from kindlabs.kube.objects import dig, is_going, is_ready
from kindlabs.kube.workloads import others_of, pods_of, scalers_of, span_of
from kindlabs.kube.world import World
from kindlabs.patience import ACTION_SECONDS, READY_SECONDS
from kindlabs.waiting import Look


class Workload(NamedObject):
    """One workload by name: something that is a Pod, or makes Pods."""

    @property
    def pods(self) -> list[Object]:
        """The Pods of its newest revision."""
        found = self.find()
        return pods_of(self.lab.world, found) if found else []

    @property
    def nodes(self) -> Nodes:
        """The nodes that its Pods are on now."""
        names = {name for pod in self.pods if (name := node_of(pod))}
        return Nodes(self.lab, names, f"the node of {self}")

    def is_on(self, nodes: Nodes | None = None, *, within: float | None = None, **labels: str) -> None:
        """All its Pods are on *nodes*, on ones that carry all of *labels*: ``is_on(disk="ssd")``."""
        expect_on(self, nodes, labels, within)

    def goes_nowhere_but(self, home: Nodes) -> None:
        """While *home* takes no new Pods and all other nodes do, a Pod that it loses is not replaced; then it is.

        The others carry meanwhile whatever *home* carries, but for its name and the labels that it was asked for by.
        """
        expect_nowhere_but(self, home)

    def is_apart(self, key: str = HOST, *, within: float | None = None) -> None:
        """No two of its Pods are on nodes with the same value of label *key*."""
        expect_apart(self, key, within)

    def has_pods_waiting(self, count: int, because: re.Pattern[str], *, within: float | None = None) -> None:
        """Just *count* of its Pods have no node, for a reason in the scheduler's words that *because* is found in."""
        expect_waiting(self, count, because, within)

    def loses_a_pod(self) -> None:
        """Delete one of its Pods, as a node that fails would."""
        self.lab.deadline.grant(ACTION_SECONDS)
        self.lab.do(f"a Pod of {self}", lambda: Look(bool(self.pods), "it has none"))
        victim = self.pods[0]["metadata"]
        world = self.lab.world

        def look() -> Look:
            left = world.get("Pod", victim["name"], victim["namespace"])
            gone = left is None or is_going(left) or left["metadata"]["uid"] != victim["uid"]
            return Look(gone, "it is still there")

        self.lab.api.delete("Pod", victim["name"], victim["namespace"], grace=1)
        self.lab.do(f"Pod {victim['name']} deleted", look)

    def _has_ready_pods(self, wanted: int, for_seconds: float, within: float | None) -> None:
        self.lab.deadline.grant(for_seconds + READY_SECONDS)
        scene, world = self.lab.scene, self.lab.world

        def look(workload: Object) -> Look:
            pods = pods_of(world, workload)
            ready = [pod for pod in pods if is_ready(pod)]
            seen = dig(workload, "status", "observedGeneration") == workload["metadata"]["generation"]
            settled = seen and not others_of(world, workload) and _stays_at(world, workload, wanted)
            whole = settled and len(pods) == len(ready) == wanted
            steady = whole and all(is_steady(scene, pod, for_seconds) for pod in pods)
            return Look(steady, f"{len(ready)} of {wanted} Pods Ready{_first_not_ready(pods)}")

        def why() -> Cause | None:
            found = why_replicas_not_ready(scene, self.kind, self.name, self.namespace, wanted)
            return found or next(filter(None, (why_flapping(scene, pod) for pod in self.pods)), None)

        lasting = f" for {for_seconds:g} s" if for_seconds else ""
        self.lab.expect(f"{wanted} Pods of {self} Ready{lasting}", self.seen(look), why, within=within)
        self.lab.note_ready(*self.pods)


class Scaled(Workload):
    """A workload with a number of replicas."""

    def has_ready_replicas(self, wanted: int, for_seconds: float = 0, *, within: float | None = None) -> None:
        """Exactly *wanted* Pods of the newest revision exist, all Ready without a restart for *for_seconds*."""
        self._has_ready_pods(wanted, for_seconds, within)

    @contextlib.contextmanager
    def scaled_to(self, replicas: int) -> Iterator[None]:
        """While the block runs it has so many replicas, as ``kubectl scale`` sets them; then as many as before."""
        before = dig(self.find(), "spec", "replicas", default=1)
        try:
            self._scale(replicas)
            yield
        except BaseException:
            with contextlib.suppress(ApiError, InfraError):  # it is said already what broke
                self._patch_replicas(before)
            raise
        self._scale(before)

    def _scale(self, replicas: int) -> None:
        self.lab.deadline.grant(ACTION_SECONDS)
        before = self.find() or {}
        self._patch_replicas(replicas)

        def look() -> Look:
            changed = dig(self.find(), "metadata", "generation") != dig(before, "metadata", "generation")
            return Look(changed or dig(before, "spec", "replicas") == replicas, "the change is not seen yet")

        self.lab.do(f"{self} asks for {replicas} replicas", look)

    def _patch_replicas(self, replicas: int) -> None:
        spec = {"spec": {"replicas": replicas}}
        self.lab.api.patch(f"{self.kind}.apps", self.name, self.namespace, spec, subresource="scale")


class Deployment(Scaled):
    """One Deployment by name."""

    kind = "Deployment"


class StatefulSet(Scaled):
    """One StatefulSet by name."""

    kind = "StatefulSet"


class DaemonSet(Workload):
    """One DaemonSet by name."""

    kind = "DaemonSet"

    def has_ready_pods(self, wanted: int, for_seconds: float = 0, *, within: float | None = None) -> None:
        """Exactly *wanted* Pods of the newest revision exist, all Ready without a restart for *for_seconds*."""
        self._has_ready_pods(wanted, for_seconds, within)


def _stays_at(world: World, workload: Object, wanted: int) -> bool:
    """Whether no autoscaler will make it another number of replicas, sooner or later."""
    spans = [span_of(scaler) for scaler in scalers_of(world, workload)]
    return all(least <= wanted <= most for least, most in spans)


def _first_not_ready(pods: list[Object]) -> str:
    waiting = [state_of(pod) for pod in pods if not is_ready(pod)]
    return f"; {waiting[0]}" if waiting else ""
