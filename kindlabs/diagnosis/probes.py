"""Why the kubelet's probes keep a container from being Ready, or end it."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import field_of, listening_ports, never_ends, port_number, spec_of
from kindlabs.diagnosis.events import innermost, last_time, newest, said, times
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig, statuses
from kindlabs.patience import LISTENS_SECONDS, SPEAKS_SECONDS

SLOW = re.compile(r"deadline exceeded|timed? ?out", re.I)
"""What a probe meets on a machine that is too busy."""
NEVER_PASSES = re.compile(
    r"statuscode: 4(?!08|12|23|25|29)\d\d|HTTP response to HTTPS client|executable file not found"
    r"|stat \S+: no such file or directory|exec: \S+: permission denied"
)
"""Answers that the same process gives to the same question again. 5xx and exit codes may change while it warms up, and
so may what says "not yet": agnhost's own /healthz is 412 for a moment (RFC 9110, 15.5; RFC 6585; RFC 8470)."""


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
        wrong = _wrong_question(scene, pod, status, kind)
        return wrong if wrong and (wrong.final or not final) else found
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


def why_readiness_lost(scene: Scene, pod: Object) -> Cause | None:
    """A readiness probe that failed in the newest life of a container; without an answer in time, it may be us."""
    for status in statuses(pod):
        if words := readiness_failure(scene, pod, status):
            text = f"The readiness probe of Pod {pod['metadata']['name']} does not pass every time: {_answer(words)}."
            return about(pod, "ReadinessFlaps", text, (*field_of(pod, status), "readinessProbe"))
    return None


def readiness_failure(scene: Scene, pod: Object, status: Object) -> str:
    """What a readiness probe got that failed in the newest life of a container; empty when it got no answer in time."""
    started = dig(status, "state", "running", "startedAt", default="")
    words = said(_last_failure(scene, pod, "readiness", started)) if spec_of(pod, status).get("readinessProbe") else ""
    return "" if SLOW.search(words) else words


def _wrong_question(scene: Scene, pod: Object, status: Object, kind: str) -> Cause | None:
    """A probe that asks where nothing is: a name that no port has, or a port on which nothing listens."""
    container = spec_of(pod, status)
    question = question_of(container, kind)
    if question is None:
        return None
    asked = question["port"]
    word, field = kind.removesuffix("Probe"), (*field_of(pod, status), kind)
    port = port_number(container, asked)
    if port is None:
        names = ", ".join(p["name"] for p in container.get("ports") or [] if p.get("name")) or "none"
        text = f"The {word} probe asks the port named {asked}; container {container['name']} names {names}."
        return about(pod, "ProbePortUnnamed", text, field)
    since = dig(status, "state", "running", "startedAt")
    failure = _last_failure(scene, pod, word, since) if since else {}
    if question.get("host"):
        return _other_host(pod, word, question["host"], failure, field)
    failed = since and (word == "liveness" or failure)
    if not failed or scene.listens(pod, port) is not False:
        return None
    text = f"The {word} probe asks port {port}, where nothing listens, {_CONSEQUENCES[kind]}."
    return about(pod, "NothingListens", text, field, final=_in_vain(scene, pod, status, kind))


def question_of(container: Object, kind: str) -> Object | None:
    """Where a probe of a container asks: what stands below httpGet, tcpSocket or grpc; None when it runs a command."""
    return next((q for how in ("httpGet", "tcpSocket", "grpc") if (q := dig(container, kind, how))), None)


def _other_host(pod: Object, word: str, host: str, failure: Object, field: Field) -> Cause | None:
    """A probe that the kubelet sends to a host, from the node, and not to the Pod."""
    if not failure:
        return None
    text = f"The {word} probe asks host {host} in place of the Pod, and fails: {_answer(said(failure))}."
    itself = host == "localhost" or host.startswith("127.")
    if itself:
        text = f"The {word} probe asks host {host}, which is the node itself and not the Pod: leave host out."
    return about(pod, "ProbesOtherHost", text, field, final=itself)


_CONSEQUENCES = {
    "readinessProbe": "so no Pod becomes Ready",
    "startupProbe": "so no Pod becomes Ready",
    "livenessProbe": "so the kubelet restarts the container again and again",
}


def _in_vain(scene: Scene, pod: Object, status: Object, kind: str) -> bool:
    """Whether the process listens elsewhere, or never will; one that listens nowhere yet may still be starting."""
    container = spec_of(pod, status)
    running = age(dig(status, "state", "running", "startedAt"))
    if running < dig(container, kind, "initialDelaySeconds", default=0) + LISTENS_SECONDS:
        return False
    alone = len(pod["spec"]["containers"]) == 1
    return never_ends(container) or (alone and bool(listening_ports(scene, pod)))


def _fails(scene: Scene, pod: Object, status: Object, kind: str) -> Cause | None:
    container, word = spec_of(pod, status), kind.removesuffix("Probe")
    probe, field = container[kind], (*field_of(pod, status), kind)
    started = dig(status, "state", "running", "startedAt", default="")
    running, delay = age(started), probe.get("initialDelaySeconds", 0)
    event = _last_failure(scene, pod, word, started)
    period = probe.get("periodSeconds", 10)
    holds_back = kind != "livenessProbe"  # nobody waits for that one
    if holds_back and running > LISTENS_SECONDS and (not event or age(last_time(event)) > 2 * period):
        late = _comes_late(scene, pod, word, running, field)
        if late:
            return late
    if not event:
        return None
    words = said(event)
    permanent = NEVER_PASSES.search(words) and (times(event) > 1 or running > delay + LISTENS_SECONDS)
    if "failed to connect service" in words and running > delay + SPEAKS_SECONDS:  # gRPC only says so
        permanent = bool(scene.listens(pod, probe["grpc"]["port"]))
    too_late = holds_back and period - age(last_time(event)) > scene.remaining()
    text = f"The {word} probe of Pod {pod['metadata']['name']} fails: {_answer(words)}."
    if not permanent:
        text = f"{text[:-1]}; it asks every {period} s."
    return about(pod, "ProbeFails", text, field, final=bool(permanent) or too_late)


def _comes_late(scene: Scene, pod: Object, word: str, running: float, field: Field) -> Cause | None:
    """A probe that fails in nothing, and lets a container that runs for *running* seconds be ready only later."""
    probe, name = dig(pod, *field), pod["metadata"]["name"]
    delay, period, passes = (
        probe.get("initialDelaySeconds", 0),
        probe.get("periodSeconds", 10),
        probe.get("successThreshold", 1),
    )
    ready_at = delay + (passes - 1) * period
    if ready_at <= running:
        return None
    own, when = "initialDelaySeconds", f"asks for the first time {delay} s after the start"
    if passes > 1:
        own, when = "successThreshold", f"has to pass {passes} times, and asks every {period} s"
    text = f"The {word} probe of Pod {name} {when}."
    return about(pod, "ProbeWaits", text, (*field, own), final=ready_at - running > scene.remaining())


def _last_failure(scene: Scene, pod: Object, word: str, since: str) -> Object:
    return newest(scene, pod, "Unhealthy", since=since, begins=word.capitalize())


def _answer(words: str) -> str:
    """What the probe got, in the kubelet's words, without the probe's name that they begin with."""
    answer = re.sub(r"^(Readiness|Liveness|Startup) probe (failed|errored)[^:]*: ?", "", words)
    return innermost(answer) or "its command ends with an error"
