"""A postStart hook that hangs or fails, told from what the kubelet says: it reports neither in the status."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.pods import why_pod_not_ready

LONG_AGO = "2026-11-25T23:17:59Z"
WAITS = {"waiting": {"reason": "ContainerCreating"}}
BACKS_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"exitCode": 0, "reason": "Completed", "startedAt": LONG_AGO, "finishedAt": LONG_AGO}


def said(reason: str, container: str = "app") -> Any:
    """An event about a container of the Pod."""
    about = {"uid": "hello", "fieldPath": f"spec.containers{{{container}}}"}
    return thing("Event", f"{reason}-{container}", reason=reason, lastTimestamp=LONG_AGO, involvedObject=about)


def hello(state: Any, command: list[str], last: Any = None) -> Any:
    """Pod ``hello``, whose container has a postStart hook that runs *command*."""
    app = {"name": "app", "lifecycle": {"postStart": {"exec": {"command": command}}}}
    own = {"name": "app", "state": state, "lastState": last or {}, "restartCount": 1 if last else 0}
    conditions = [{"type": "PodScheduled", "status": "True"}]
    status = {"phase": "Pending", "conditions": conditions, "containerStatuses": [own]}
    return thing("Pod", "hello", spec={"containers": [app]}, status=status)


@pytest.mark.parametrize(("command", "final"), [(["sleep", "infinity"], True), (["sh", "-c", "warm-up"], False)])
def test_a_hook_that_hangs_is_named(command: list[str], final: bool) -> None:
    """A container that was started and is not said to run waits for its hook; for ever where that is known."""
    pod = hello(WAITS, command)
    cause = why_pod_not_ready(scene_with(pod, said("Started")), pod)

    assert cause is not None
    assert (cause.reason, cause.final) == ("HookRuns", final)
    assert cause.field == ("spec", "containers", 0, "lifecycle", "postStart")
    assert why_pod_not_ready(scene_with(pod, said("Started", "other")), pod) is None


def test_a_hook_that_fails_is_named() -> None:
    """A container that ended because its hook failed is not told that its process crashed."""
    pod = hello(BACKS_OFF, ["false"], {"terminated": ENDED})
    cause = why_pod_not_ready(scene_with(pod, said("FailedPostStartHook")), pod)

    assert cause is not None
    assert cause.message == "The postStart hook of container app of Pod hello fails, so the kubelet ends the container."
    other = why_pod_not_ready(scene_with(pod), pod)
    assert other is not None
    assert other.reason == "CrashLoop"
