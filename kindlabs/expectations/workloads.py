"""Expectations on Pods and Deployments."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kindlabs.diagnosis import why_pod_does_not_answer, why_pod_not_ready, why_replicas_not_ready, why_wrong_number
from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.containers import answer_field
from kindlabs.errors import InfraError
from kindlabs.expectations.steady import is_steady, why_flapping
from kindlabs.kube.api import ApiError, Object
from kindlabs.kube.notes import note_disturbed
from kindlabs.kube.objects import dig, is_leaving, is_ready, labels_text, owner, pods_of, restarts, statuses
from kindlabs.waiting import LOOK_AGAIN, Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

ENDS_SECONDS = 4.0
"""A process that was asked to end, and said something instead, is seen to run on after so long."""
ACTION_SECONDS = 60.0
"""What a check that disturbs something on purpose may wait for the recovery."""


class Pod:
    """One Pod by name."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def find(self) -> Object | None:
        """The Pod as last seen."""
        return self.lab.world.get("Pod", self.name, self.lab.namespace)

    def is_ready(self, for_seconds: float = 0) -> None:
        """The Pod is Ready, and has been so without a restart for *for_seconds*."""

        def look() -> Look:
            pod = self.find()
            if pod is None:
                return Look(False, f"no Pod {self.name}")
            return Look(is_steady(self.lab.scene, pod, for_seconds), state_of(pod))

        lasting = f" for {for_seconds:g} s without a restart" if for_seconds else ""
        self.lab.deadline.grant(for_seconds + ACTION_SECONDS / 2)
        self.lab.expect_traffic(f"Pod {self.name} Ready{lasting}", look, self._why_not_ready)
        self.lab.note_ready(*filter(None, [self.find()]))

    def answers(self, path: str, port: int, with_body: str | None = None) -> None:
        """GET *path* on *port* of the Pod's address answers, with *with_body* where it is given."""
        bodies: list[str] = []

        def look() -> Look:
            bodies.clear()
            pod = self.find()
            address = dig(pod, "status", "podIP")
            if not address:
                return Look(False, state_of(pod) if pod else f"no Pod {self.name}")
            replies = self.lab.probe.get(address, port, path)
            if replies.errors:
                return Look(False, plain_error(replies.errors[0]))
            bodies[:] = replies.bodies
            return Look(with_body in (None, bodies[0]), f"answer {bodies[0][:80]!r}")

        def why() -> Cause | None:
            pod = self.find()
            if pod is None:
                return self._missing()
            found = why_pod_does_not_answer(self.lab.scene, pod, port)
            if found or not bodies or not self.lab.barrier.passed:
                return found
            text = f"Pod {self.name} answers {path} with {bodies[0][:80]!r}, not with {with_body!r}"
            named, field = answer_field(pod, port)
            return about(pod, "WrongAnswer", f"{text}{named}.", field)

        said = f" answers {with_body!r}" if with_body else " answers"
        self.lab.expect_traffic(f"http://<address of Pod {self.name}>:{port}{path}{said}", look, why)

    def has_annotation(self, key: str, value: str, given_by: str) -> None:
        """The Pod carries annotation *key* with exactly *value*, which *given_by* told the learner."""

        def look() -> Look:
            pod = self.find()
            if pod is None:
                return Look(False, f"no Pod {self.name}")
            found = dig(pod, "metadata", "annotations", key)
            return Look(found == value, f"{key} is {found!r}" if found is not None else f"no annotation {key}")

        def why() -> Cause | None:
            pod = self.find()
            if pod is None:
                return self._missing()
            absent = dig(pod, "metadata", "annotations", key) is None
            text = f"Pod {self.name} has no annotation {key}." if absent else ""
            text = text or f"{key} differs from the value in {given_by}."
            field = ("metadata", "annotations", key)
            step = f"-n {self.lab.namespace} describe pod {self.name}"
            return Cause("WrongAnnotation", "Pod", self.name, self.lab.namespace, text, field, next_step=step)

        self.lab.expect(f"annotation {key}: {value}", look, why)

    def exits(self, code: int, port: int) -> None:
        """Make the app end with *code*, and return once the kubelet has seen it."""
        pod = self.find()
        before = restarts(pod) if pod else 0
        self.lab.deadline.grant(ACTION_SECONDS)
        note_disturbed(self.lab.api, self.lab.namespace, "Pod", self.name)
        self.lab.noted.clear()
        answered: list[float] = []
        with contextlib.suppress(ApiError):  # the process ends before it has answered
            self.lab.api.ask_pod(self.name, self.lab.namespace, port, "/exit", {"code": str(code)}, timeout=3)
            answered.append(time.monotonic())

        def look() -> Look:
            now = self.find()
            ended = [s for s in statuses(now or {}) if "terminated" in (s.get("state") or {})]
            return Look(bool(now) and (bool(ended) or restarts(now or {}) > before), "the app still runs")

        def why() -> Cause | None:
            pod = self.find()
            if pod is None:
                return self._missing()
            if not answered or time.monotonic() - answered[0] < ENDS_SECONDS:
                return None
            text = f"The app in Pod {self.name} answers /exit and runs on; the web server of the task would have ended."
            return about(pod, "RunsOn", text, answer_field(pod, port)[1])

        self.lab.expect(f"the app ends with code {code}", look, why, every=LOOK_AGAIN)

    def has_restarted(self, since: int) -> None:
        """The Pod runs again after exactly one more restart than *since*."""

        def look() -> Look:
            pod = self.find()
            if pod is None:
                return Look(False, f"no Pod {self.name}")
            return Look(restarts(pod) == since + 1 and is_ready(pod), f"{restarts(pod)} restarts, {state_of(pod)}")

        def why() -> Cause | None:
            found = self._why_not_ready()
            if found and found.reason == "CrashLoop" and self.restarts <= since:  # our own crash, in its back-off
                return replace(found, final=False)
            return found

        self.lab.expect(f"Pod {self.name} Ready again after restart {since + 1}", look, why)

    @property
    def restarts(self) -> int:
        """How often its containers have been started again."""
        return restarts(self.find() or {})

    def _why_not_ready(self) -> Cause | None:
        pod = self.find()
        return why_pod_not_ready(self.lab.scene, pod) or why_flapping(self.lab.scene, pod) if pod else self._missing()

    def _missing(self) -> Cause:
        return self.lab.scene.missing("Pod", self.name, self.lab.namespace)


class Pods:
    """The Pods that carry some labels."""

    def __init__(self, lab: Lab, labels: dict[str, str]) -> None:
        self.lab, self.labels = lab, labels

    def are(self, *names: str) -> None:
        """The labels select exactly the Pods *names*."""
        wanted = sorted(names)
        text = labels_text(self.labels)

        def look() -> Look:
            found = [p["metadata"]["name"] for p in self.lab.world.list("Pod", self.lab.namespace, self.labels)]
            return Look(found == wanted, f"{text} selects {', '.join(found) or 'no Pod'}")

        self.lab.expect(f"{text} selects {', '.join(wanted)}", look, lambda: self._why(wanted))

    def _why(self, wanted: list[str]) -> Cause | None:
        space = self.lab.namespace
        step = f"-n {space} get pods --show-labels"
        for name in wanted:
            pod = self.lab.world.get("Pod", name, space)
            if pod is None:
                return self.lab.scene.missing("Pod", name, space)
            own = dig(pod, "metadata", "labels", default={})
            for key, value in self.labels.items():
                if own.get(key) != value:
                    carries = f"{key}={own[key]}" if key in own else f"no label {key}"
                    text = f"No Pod has {key}={value}; Pod {name} carries {carries}."
                    return Cause("WrongLabel", "Pod", name, space, text, ("metadata", "labels", key), next_step=step)
        found = self.lab.world.list("Pod", space, self.labels)
        others = {p["metadata"]["name"]: p for p in found if p["metadata"]["name"] not in wanted}
        if not others:
            return None
        text = f"{labels_text(self.labels)} also selects {', '.join(others)}."
        final, first = not all(is_leaving(self.lab.world, p) for p in others.values()), next(iter(others))
        return Cause("TooManyPods", "Pod", first, space, text, ("metadata", "labels"), final=final, next_step=step)


class Deployment:
    """One Deployment by name."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab, self.name = lab, name

    def find(self) -> Object | None:
        """The Deployment as last seen."""
        return self.lab.world.get("Deployment", self.name, self.lab.namespace)

    @property
    def pods(self) -> list[Object]:
        """The Pods of its newest revision."""
        found = self.find()
        return pods_of(self.lab.world, found) if found else []

    def has_ready_replicas(self, wanted: int, for_seconds: float = 0) -> None:
        """Exactly *wanted* Pods of the newest revision exist, all Ready without a restart for *for_seconds*."""
        self.lab.deadline.grant(for_seconds + ACTION_SECONDS / 2)

        def look() -> Look:
            deployment = self.find()
            if deployment is None:
                return Look(False, f"no Deployment {self.name}")
            pods = self.pods
            ready = [pod for pod in pods if is_ready(pod)]
            seen = dig(deployment, "status", "observedGeneration") == deployment["metadata"]["generation"]
            settled = seen and not self._others() and not why_wrong_number(self.lab.scene, deployment, wanted)
            whole = settled and len(pods) == len(ready) == wanted
            steady = whole and all(is_steady(self.lab.scene, pod, for_seconds) for pod in pods)
            return Look(steady, f"{len(ready)} of {wanted} Pods Ready{_states(pods)}")

        lasting = f" for {for_seconds:g} s" if for_seconds else ""
        self.lab.expect(f"{wanted} Pods of Deployment {self.name} Ready{lasting}", look, lambda: self._why(wanted))
        self.lab.note_ready(*self.pods)

    def loses_a_pod(self) -> None:
        """Delete one of its Pods, as a node that fails would."""
        victim = self.pods[0]["metadata"]
        self.lab.deadline.grant(ACTION_SECONDS)
        self.lab.api.delete("Pod", victim["name"], victim["namespace"], grace=1)
        self.lab.expect(
            f"Pod {victim['name']} gone",
            lambda: Look(self.lab.world.get("Pod", victim["name"], victim["namespace"]) is None, "it is still there"),
        )

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

        self.lab.expect(f"Deployment {self.name} asks for {replicas} replicas", look)

    def _patch_replicas(self, replicas: int) -> None:
        spec = {"spec": {"replicas": replicas}}
        self.lab.api.patch("Deployment.apps", self.name, self.lab.namespace, spec, subresource="scale")

    def _others(self) -> list[Object]:
        """Pods of older revisions that are still serving."""
        deployment = self.find()
        if deployment is None:
            return []
        sets = {
            s["metadata"]["name"]
            for s in self.lab.world.list("ReplicaSet", self.lab.namespace)
            if owner(s) == ("Deployment", self.name)
        }
        mine = {pod["metadata"]["name"] for pod in self.pods}
        pods = self.lab.world.list("Pod", self.lab.namespace)
        return [
            p
            for p in pods
            if owner(p)[1] in sets and p["metadata"]["name"] not in mine and "deletionTimestamp" not in p["metadata"]
        ]

    def _why(self, wanted: int) -> Cause | None:
        found = why_replicas_not_ready(self.lab.scene, self.name, self.lab.namespace, wanted)
        return found or next(filter(None, (why_flapping(self.lab.scene, pod) for pod in self.pods)), None)


def state_of(pod: Object) -> str:
    """One Pod's state in a few words: ``web-1 is Running, container app waits: ErrImagePull``."""
    name = pod["metadata"]["name"]
    for status in statuses(pod):
        reason = dig(status, "state", "waiting", "reason") or dig(status, "state", "terminated", "reason")
        if reason and not status.get("ready"):
            return f"{name}: container {status['name']} {reason}"
    if is_ready(pod):
        return f"{name}: Ready"
    return f"{name}: {dig(pod, 'status', 'phase', default='unknown')}, not Ready"


def plain_error(message: str) -> str:
    """The last part of a chain of Go errors: ``connect: connection refused``."""
    return message.rpartition(": ")[2] if "connection refused" in message else message[:200]


def _states(pods: list[Object]) -> str:
    waiting = [state_of(pod) for pod in pods if not is_ready(pod)]
    return f"; {waiting[0]}" if waiting else ""
