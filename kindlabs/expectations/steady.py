"""When a Pod counts as Ready to stay: readiness is a moment, and a crash shows only in the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.containers import port_number, spec_of
from kindlabs.diagnosis.events import last_time, newest
from kindlabs.diagnosis.probes import question_of, readiness_failure, why_readiness_lost
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, dig, is_going, is_ready, restarts, statuses
from kindlabs.patience import OUTLIVE_SECONDS, RECENT_SECONDS, UNPROBED_SECONDS


def is_steady(scene: Scene, pod: Object, for_seconds: float = 0) -> bool:
    """Whether a Pod has been Ready for *for_seconds*, and nothing says that it will not stay so."""
    held = ready_seconds(pod)
    patience = max(for_seconds, _unprobed(pod), *(_last_life(status) for status in statuses(pod)))
    return is_ready(pod) and held >= patience and not any(_fails_liveness(scene, pod, s) for s in statuses(pod))


class Noted(NamedTuple):
    """What a Pod was when it was found Ready: how often restarted, and Ready since when."""

    restarts: int
    ready_since: str


def note(pod: Object) -> Noted:
    """What to remember of a Pod that was found Ready."""
    return Noted(restarts(pod), condition(pod, "Ready").get("lastTransitionTime", ""))


def first_unsteady(scene: Scene, noted: Mapping[str, Noted]) -> Object | None:
    """The first Pod of those in *noted* (by uid) of which a container has ended since, or whose readiness went."""
    for pod in scene.world.list("Pod"):
        before = noted.get(pod["metadata"]["uid"])
        if before is None or is_going(pod):
            continue
        ended = any("terminated" in (s.get("state") or {}) for s in dig(pod, "status", "containerStatuses", default=[]))
        failed = any(readiness_failure(scene, pod, status) for status in statuses(pod))
        flaps = note(pod).ready_since != before.ready_since and failed
        if ended or restarts(pod) > before.restarts or flaps:
            return pod
    return None


def why_flapping(scene: Scene, pod: Object) -> Cause | None:
    """Why a Pod that is Ready was not so a moment ago."""
    found = why_readiness_lost(scene, pod) if is_ready(pod) and ready_seconds(pod) < RECENT_SECONDS else None
    return replace(found, final=False) if found else None


def ready_seconds(pod: Object) -> float:
    """For how long a Pod has been Ready since its newest container start, in seconds."""
    if not is_ready(pod):
        return 0.0
    starts = [age(dig(status, "state", "running", "startedAt")) for status in statuses(pod)]
    running = [seconds for seconds in starts if seconds]
    return min([age(condition(pod, "Ready").get("lastTransitionTime")), *running])


def _unprobed(pod: Object) -> float:
    probed = any(c.get("readinessProbe") for c in dig(pod, "spec", "containers", default=[]))
    return 0.0 if probed else UNPROBED_SECONDS


def _last_life(status: Object) -> float:
    """How long a container lived before it was started again, and a little more; 0 when it never was."""
    ended = dig(status, "lastState", "terminated")
    if not ended or not ended.get("startedAt"):
        return 0.0
    return min(age(ended["startedAt"]) - age(ended.get("finishedAt")) + UNPROBED_SECONDS, OUTLIVE_SECONDS)


def _fails_liveness(scene: Scene, pod: Object, status: Object) -> bool:
    """Whether a liveness probe asks where nothing listens, or failed when it asked last.

    A refused connection in an event alone may be from before the process listened.
    """
    container = spec_of(pod, status)
    probe, since = container.get("livenessProbe") or {}, dig(status, "state", "running", "startedAt", default="")
    if not probe or not since:
        return False
    question = question_of(container, "livenessProbe")
    elsewhere = bool(dig(question, "host"))
    if question is not None and not elsewhere:
        port = port_number(container, question["port"])
        if port is None or scene.listens(pod, port) is False:
            return True
    event = newest(scene, pod, "Unhealthy", since=since, begins="Liveness")
    refused = "connection refused" in str(event.get("message")) and not elsewhere
    return bool(event) and not refused and age(last_time(event)) <= probe.get("periodSeconds", 10) + 1
