"""What the kubelet's probes say, and for how long nobody has to wait for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from worlds import Words, scene_with, thing

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.probes import why_readiness_lost
from kindlabs.expectations import Lab
from kindlabs.expectations.steady import Noted, first_unsteady, note
from kindlabs.kube import clock

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GET = {"httpGet": {"path": "/healthz", "port": 8080}}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster's clock stands at NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def ago(seconds: float) -> str:
    """A moment before NOW, as Kubernetes writes it."""
    return f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def pod(*, ready: bool = False, **probes: Any) -> Any:
    """A Pod that has run for 20 s, with one container that has *probes*, scheduled, on port 8080."""
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": ago(3)},
    ]
    state = {"name": "web", "ready": ready, "started": True, "state": {"running": {"startedAt": ago(20)}}}
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": [state]}
    return thing("Pod", "web-1", spec={"containers": [{"name": "web", **probes}]}, status=status)


def failed(word: str, words: str, seconds: float = 1) -> Any:
    """The kubelet's event about a probe that failed some seconds ago."""
    more = {"reason": "Unhealthy", "message": f"{word} probe failed: {words}", "lastTimestamp": ago(seconds)}
    return thing("Event", "e", involvedObject={"uid": "web-1"}, **more)


def why(a_pod: Any, *events: Any, listens: bool = True, remaining: float = 30) -> Cause | None:
    """The cause that the walk finds, with so many seconds left."""
    scene = scene_with(a_pod, *events, listens=lambda _pod, _port: listens, remaining=lambda: remaining)
    return why_pod_not_ready(scene, a_pod)


def test_a_probe_of_the_node_is_told_so() -> None:
    """A probe that names a host asks the node, not the Pod; where that is the node itself, it is in vain."""
    probe = {"httpGet": {"host": "127.0.0.1", "port": 8080}}
    cause = why(pod(readinessProbe=probe), failed("Readiness", "connect: connection refused"))

    assert cause is not None
    assert cause.final
    assert "asks host 127.0.0.1, which is the node itself and not the Pod" in cause.message


@pytest.mark.parametrize("listens", [True, False])
def test_a_grpc_probe_of_something_else_is_hopeless(words: Words, listens: bool) -> None:
    """A gRPC probe of a port where nothing listens is told so, and one of a server that never speaks gRPC ends too."""
    event = failed("Readiness", words["kubelet"]["probe-grpc"])
    cause = why(pod(readinessProbe={"grpc": {"port": 8081}}), event, listens=listens)

    assert cause is not None
    assert cause.final is listens
    assert cause.reason == ("ProbeFails" if listens else "NothingListens")


@pytest.mark.parametrize(("remaining", "final"), [(30, True), (300, False)])
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"initialDelaySeconds": 120}, "asks for the first time 120 s after the start"),
        ({"successThreshold": 12}, "has to pass 12 times, and asks every 10 s"),
    ],
)
def test_what_comes_after_the_deadline_is_not_waited_for(more: Any, says: str, remaining: float, final: bool) -> None:
    """A probe that lets nobody be ready before the run's deadline ends the wait; a slow one in time does not."""
    cause = why(pod(readinessProbe=GET | more), remaining=remaining)

    assert cause is not None
    assert cause.final is final
    assert says in cause.message


@pytest.mark.parametrize(("code", "final"), [(404, True), (401, True), (412, False), (429, False), (503, False)])
def test_not_yet_is_not_never(words: Words, code: int, final: bool) -> None:
    """What says "not yet", as a server on a busy machine does for a moment, is waited out; a wrong path is not."""
    event = failed("Readiness", words["kubelet"]["probe-status"].replace("503", str(code)), seconds=1)
    cause = why(pod(readinessProbe=GET | {"periodSeconds": 2}), event)
    assert cause is not None
    assert (cause.reason, cause.final) == ("ProbeFails", final)


def test_the_next_question_may_come_too_late(words: Words) -> None:
    """A probe that failed and asks again only after the deadline is not waited for."""
    event = failed("Readiness", words["kubelet"]["probe-status"], seconds=10)

    cause = why(pod(readinessProbe=GET | {"periodSeconds": 60}), event)
    assert cause is not None
    assert cause.final
    cause = why(pod(readinessProbe=GET | {"periodSeconds": 20}), event)
    assert cause is not None
    assert not cause.final


@pytest.mark.parametrize("more", [{"initialDelaySeconds": 300}, {"periodSeconds": 300}])
def test_nobody_waits_for_a_liveness_probe(words: Words, more: Any) -> None:
    """A liveness probe that asks late, or failed once and asks seldom, keeps no Pod from being ready."""
    event = failed("Liveness", words["kubelet"]["probe-status"], seconds=15)

    assert why(pod(ready=True, livenessProbe=GET | more), event) is None


@pytest.mark.parametrize(("recorded", "is_lost"), [("probe-status", True), ("too-late", False)])
def test_what_was_ready_stays_ready(words: Words, recorded: str, is_lost: bool) -> None:
    """A Pod that lost its readiness after it was found Ready is seen; an answer that a busy machine delays is not."""
    before = pod(ready=True, readinessProbe=GET)
    seen = {"web-1": note(before)._replace(ready_since=ago(15))}
    scene = scene_with(before, failed("Readiness", words["kubelet"][recorded]))

    assert bool(first_unsteady(scene, seen)) is is_lost
    assert first_unsteady(scene, {"web-1": note(before)}) is None
    assert bool(why_readiness_lost(scene, before)) is is_lost


def test_a_pod_is_held_to_what_it_was_first() -> None:
    """A Pod that is found Ready again has not made good what it lost in between."""
    noted = {"web-1": Noted(0, ago(60))}
    Lab.note_ready(cast("Lab", SimpleNamespace(noted=noted)), pod(ready=True))

    assert noted == {"web-1": Noted(0, ago(60))}
