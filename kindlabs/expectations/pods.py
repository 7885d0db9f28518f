"""Expectations on Pods."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.containers import answer_field
from kindlabs.diagnosis.labels import why_wrong_pods
from kindlabs.diagnosis.pods import why_pod_does_not_answer, why_pod_not_ready
from kindlabs.expectations.answers import Text, describe, says
from kindlabs.expectations.connections import Arrow, expect_arrow
from kindlabs.expectations.containers import Container
from kindlabs.expectations.eviction import expect_eviction
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.steady import is_steady, why_flapping
from kindlabs.expectations.words import plain_error, state_of, url_of
from kindlabs.expectations.workloads import Workload
from kindlabs.kube.api import Object
from kindlabs.kube.notes import note_disturbed
from kindlabs.kube.objects import dig, is_ready, labels_text, restarts
from kindlabs.patience import ACTION_SECONDS, ENDS_SECONDS, LOOK_AGAIN, READY_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


class Pod(Workload):
    """One Pod by name."""

    kind = "Pod"

    def is_ready(self, for_seconds: float = 0, *, within: float | None = None) -> None:
        """The Pod is Ready, and has been so without a restart for *for_seconds*."""

        def look(pod: Object) -> Look:
            return Look(is_steady(self.lab.scene, pod, for_seconds), state_of(pod))

        lasting = f" for {for_seconds:g} s without a restart" if for_seconds else ""
        self.lab.deadline.grant(for_seconds + READY_SECONDS)
        expected = f"{self} Ready{lasting}"
        self.lab.expect(expected, self.seen(look), self.explained(self._why_not_ready), within=within)
        self.lab.note_ready(*filter(None, [self.find()]))

    def answers(self, path: str, port: int, saying: Text | None = None, *, within: float | None = None) -> None:
        """GET *path* on *port* of the Pod's address is answered, with *saying* where it is given."""
        bodies: list[str] = []

        def look(pod: Object) -> Look:
            bodies.clear()
            address = dig(pod, "status", "podIP")
            if not address:
                return Look(False, state_of(pod))
            replies = self.lab.probe.get(address, port, path)
            if replies.errors:
                return Look(False, plain_error(replies.errors[0]))
            bodies[:] = replies.bodies
            return Look(says(bodies[0], saying), f"answer {bodies[0][:80]!r}")

        def why(pod: Object) -> Cause | None:
            found = why_pod_does_not_answer(self.lab.scene, pod, port)
            if found or not bodies or says(bodies[0], saying) or not self.lab.barrier.passed:
                return found
            text = f"{self} answers {path} with {bodies[0][:80]!r}, not with {describe(saying)}"
            named, field = answer_field(pod, port)
            return about(pod, "WrongAnswer", f"{text}{named}.", field)

        said = f" answers {describe(saying)}" if saying is not None else " answers"
        expected = f"http://<address of {self}>:{port}{path}{said}"
        self.lab.expect_traffic(expected, self.seen(look), self.explained(why), within=within)

    def container(self, name: str) -> Container:
        """Container *name* of the Pod: what runs in it, its files and logs."""
        return Container(self, name)

    @property
    def node(self) -> str:
        """The name of the node that it is on; empty while it has none."""
        return str(dig(self.find(), "spec", "nodeName", default=""))

    def at(self, port: int) -> str:
        """The URL of its address: ``http://10.244.0.7:8080/``. Raises: LabError while it has none."""
        return url_of(self, dig(self.find(), "status", "podIP"), port)

    def outlasts(self, taint: str, least: float, most: float) -> None:
        """When its node gets NoExecute *taint*, it leaves between *least* and *most* seconds later, the others at once.

        The others are what else runs there for the lab. The taint is taken away afterwards.
        """
        expect_eviction(self, taint, least, most)

    def reaches(self, url: str, saying: Text | None = None, *, within: float | None = None) -> None:
        """A request to *url* from inside the Pod is answered, with *saying* where it is given."""
        expect_arrow(Arrow(self, url, True, saying), within)

    def cannot_reach(self, url: str, *, within: float | None = None) -> None:
        """Requests to *url* from inside the Pod get no answer at all, 3 of 3; somebody must have reached it before."""
        expect_arrow(Arrow(self, url, False), within)

    def has_annotation(self, key: str, value: str, given_by: str) -> None:
        """The Pod carries annotation *key* with exactly *value*, which *given_by* told the learner."""

        def look(pod: Object) -> Look:
            found = dig(pod, "metadata", "annotations", key)
            return Look(found == value, f"{key} is {found!r}" if found is not None else f"no annotation {key}")

        def why(pod: Object) -> Cause | None:
            text = f"{key} differs from the value in {given_by}."
            if dig(pod, "metadata", "annotations", key) is None:
                text = f"Pod {self.name} has no annotation {key}."
            return about(pod, "WrongAnnotation", text, ("metadata", "annotations", key))

        self.lab.expect(f"annotation {key}: {value}", self.seen(look), self.explained(why))

    def exits(self, code: int, port: int) -> None:
        """Make the app end with *code*, and return once the kubelet has seen it."""
        before = self.restarts
        self.lab.deadline.grant(ACTION_SECONDS)
        note_disturbed(self.lab.api, self.namespace, "Pod", self.name)
        self.lab.noted.clear()
        address = dig(self.find(), "status", "podIP")
        replies = self.lab.probe.get(address, port, f"/exit?code={code}") if address else Replies((), ("no address",))
        answered = () if replies.errors else (time.monotonic(),)  # most processes end before they have answered

        def look(pod: Object) -> Look:
            apps = dig(pod, "status", "containerStatuses", default=[])  # an init container has ended long ago
            ended = any("terminated" in (status.get("state") or {}) for status in apps)
            return Look(ended or restarts(pod) > before, "the app still runs")

        def why(pod: Object) -> Cause | None:
            if not answered or time.monotonic() - answered[0] < ENDS_SECONDS:
                return None
            text = f"The app in Pod {self.name} answers /exit and runs on; the web server of the task would have ended."
            return about(pod, "RunsOn", text, answer_field(pod, port)[1])

        expected = f"the app ends with code {code}"
        self.lab.do(expected, self.seen(look), self.explained(why), every=LOOK_AGAIN)

    def has_restarted(self, since: int) -> None:
        """The Pod runs again after exactly one more restart than *since*."""

        def look(pod: Object) -> Look:
            return Look(restarts(pod) == since + 1 and is_ready(pod), f"{restarts(pod)} restarts, {state_of(pod)}")

        def why(pod: Object) -> Cause | None:
            found = self._why_not_ready(pod)
            if found and found.reason == "CrashLoop" and restarts(pod) <= since:  # our own crash, in its back-off
                return replace(found, final=False)
            return found

        expected = f"Pod {self.name} Ready again after restart {since + 1}"
        self.lab.expect(expected, self.seen(look), self.explained(why))

    @property
    def restarts(self) -> int:
        """How often its containers have been started again."""
        return restarts(self.find() or {})

    def _why_not_ready(self, pod: Object) -> Cause | None:
        return why_pod_not_ready(self.lab.scene, pod) or why_flapping(self.lab.scene, pod)


class Pods:
    """The Pods that carry some labels."""

    def __init__(self, lab: Lab, labels: dict[str, str], namespace: str) -> None:
        self.lab, self.labels, self.namespace = lab, labels, namespace

    def are(self, *names: str, within: float | None = None) -> None:
        """The labels select exactly the Pods *names*."""
        wanted = sorted(names)
        text = labels_text(self.labels)

        def look() -> Look:
            found = [p["metadata"]["name"] for p in self.lab.world.list("Pod", self.namespace, self.labels)]
            return Look(found == wanted, f"{text} selects {', '.join(found) or 'no Pod'}")

        def why() -> Cause | None:
            return why_wrong_pods(self.lab.scene, self.labels, self.namespace, wanted)

        self.lab.expect(f"{text} selects {', '.join(wanted)}", look, why, within=within)
