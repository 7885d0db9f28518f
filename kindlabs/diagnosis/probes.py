"""Why the kubelet's probes keep a container from being Ready, or end it."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import field_of, listening_ports, never_ends, port_number, spec_of
from kindlabs.diagnosis.events import newest, said, times
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig, statuses

SETTLED_SECONDS = 2.0
"""The first probe may come before the process listens."""
NEVER_PASSES = re.compile(
    r"statuscode: 4\d\d|HTTP response to HTTPS client|executable file not found|no such file or directory"
)
"""Answers that the same process gives to the same question again; 5xx and exit codes may change while it warms up."""


def why_probe_fails(scene: Scene, pod: Object) -> Cause | None:
    """A startup or readiness probe that keeps a running container of *pod* from being Ready."""
    for status in statuses(pod):
        if status.get("ready") or not dig(status, "state", "running"):
            continue
        container = spec_of(pod, status)
        kind = "readinessProbe"
        if container.get("startupProbe") and not status.get("started"):
            kind = "startupProbe"
        if container.get(kind):
            found = _wrong_question(scene, pod, status, kind) or _fails(scene, pod, status, kind)
            if found:
                return found
    return None


def why_killed(scene: Scene, pod: Object, status: Object) -> Cause | None:
    """The probe for whose sake the kubelet ended a container."""
    for kind in ("livenessProbe", "startupProbe"):
        word = kind.removesuffix("Probe")
        container = spec_of(pod, status)
        begins = f"Container {status['name']} failed {word} probe"
        if not container.get(kind) or not newest(scene, pod, "Killing", begins=begins):
            continue
        words = said(newest(scene, pod, "Unhealthy", begins=word.capitalize()))
        own = f"container {status['name']} of Pod {pod['metadata']['name']}"
        text = f"The kubelet restarts {own}, because its {word} probe fails: {_answer(words)}."
        final = status.get("restartCount", 0) >= 2 or bool(NEVER_PASSES.search(words))
        found = about(pod, "ProbeKills", text, (*field_of(pod, status), kind), final=final)
        return _wrong_question(scene, pod, status, kind) or found
    return None


def why_not_alive(scene: Scene, pod: Object) -> Cause | None:
    """A liveness probe that fails now: the Pod may be Ready, but the kubelet is about to end its container."""
    for status in statuses(pod):
        if spec_of(pod, status).get("livenessProbe") and dig(status, "state", "running"):
            found = _wrong_question(scene, pod, status, "livenessProbe")
            found = found or _fails(scene, pod, status, "livenessProbe")
            if found and (found.final or found.reason == "NothingListens"):
                return found
    return None


def _wrong_question(scene: Scene, pod: Object, status: Object, kind: str) -> Cause | None:
    """A probe that asks where nothing is: a name that no port has, or a port on which nothing listens."""
    container = spec_of(pod, status)
    asked = dig(container, kind, "httpGet", "port") or dig(container, kind, "tcpSocket", "port")
    if asked is None:
        return None
    word, field = kind.removesuffix("Probe"), (*field_of(pod, status), kind)
    port = port_number(container, asked)
    if port is None:
        names = ", ".join(p["name"] for p in container.get("ports") or [] if p.get("name")) or "none"
        text = f"The {word} probe asks the port named {asked}; container {container['name']} names {names}."
        return about(pod, "ProbePortUnnamed", text, field)
    since = dig(status, "state", "running", "startedAt")
    failed = since and (word == "liveness" or _last_failure(scene, pod, word, since))
    if not failed or scene.listens(pod, port) is not False:
        return None
    text = f"The {word} probe asks port {port}, where nothing listens, {_CONSEQUENCES[kind]}."
    return about(pod, "NothingListens", text, field, final=_in_vain(scene, pod, status, kind))


_CONSEQUENCES = {
    "readinessProbe": "so no Pod becomes Ready",
    "startupProbe": "so no Pod becomes Ready",
    "livenessProbe": "so the kubelet restarts the container again and again",
}


def _in_vain(scene: Scene, pod: Object, status: Object, kind: str) -> bool:
    """Whether the process listens elsewhere, or never will; one that listens nowhere yet may still be starting."""
    container = spec_of(pod, status)
    running = age(dig(status, "state", "running", "startedAt"))
    if running < dig(container, kind, "initialDelaySeconds", default=0) + SETTLED_SECONDS:
        return False
    alone = len(pod["spec"]["containers"]) == 1
    return never_ends(container) or (alone and bool(listening_ports(scene, pod)))


def _fails(scene: Scene, pod: Object, status: Object, kind: str) -> Cause | None:
    container, word = spec_of(pod, status), kind.removesuffix("Probe")
    probe, field = container[kind], (*field_of(pod, status), kind)
    started = dig(status, "state", "running", "startedAt", default="")
    running, delay = age(started), probe.get("initialDelaySeconds", 0)
    event = _last_failure(scene, pod, word, started)
    if not event:
        return _asks_late(pod, word, delay, field) if delay > running > SETTLED_SECONDS else None
    words = said(event)
    permanent = NEVER_PASSES.search(words) and (times(event) > 1 or running > delay + SETTLED_SECONDS)
    period = probe.get("periodSeconds", 10)
    text = f"The {word} probe of Pod {pod['metadata']['name']} fails: {_answer(words)}."
    if not permanent:
        text = f"{text[:-1]}; it asks every {period} s."
    return about(pod, "ProbeFails", text, field, final=bool(permanent))


def _asks_late(pod: Object, word: str, delay: int, field: Field) -> Cause:
    text = f"The {word} probe of Pod {pod['metadata']['name']} asks for the first time {delay} s after the start."
    return about(pod, "ProbeWaits", text, (*field, "initialDelaySeconds"), final=False)


def _last_failure(scene: Scene, pod: Object, word: str, since: str) -> Object:
    return newest(scene, pod, "Unhealthy", since=since, begins=word.capitalize())


def _answer(words: str) -> str:
    """What the probe got, in the kubelet's words, without the probe's name that they begin with."""
    answer = re.sub(r"^(Readiness|Liveness|Startup) probe (failed|errored)[^:]*: ?", "", words).rstrip(".")
    return answer or "its command ends with an error"
