"""What a machine that is full or busy does to a Pod is nobody's mistake."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import Words, scene_with, thing

from kindlabs.diagnosis.pods import why_pod_not_ready

LONG_AGO = "2026-11-21T10:00:00Z"


def evicted(message: str) -> Any:
    """A Pod that the kubelet evicted, in its words (pkg/kubelet/eviction/helpers.go)."""
    return thing("Pod", "web-1", spec={}, status={"phase": "Failed", "reason": "Evicted", "message": message})


@pytest.mark.parametrize(
    ("recorded", "ours"),
    [
        ("evicted-by-the-node", True),
        ("evicted-by-a-limit", False),
    ],
)
def test_an_eviction_is_the_learners_fault_only_for_a_limit(words: Words, recorded: str, ours: bool) -> None:
    """A full node is the machine's fault; a limit that the manifest sets is not."""
    pod = evicted(words["kubelet"][recorded])
    cause = why_pod_not_ready(scene_with(pod), pod)

    assert cause is not None
    assert cause.ours is ours


@pytest.mark.parametrize("taint", ["node.kubernetes.io/disk-pressure", "example.com/mine"])
def test_a_node_that_is_unwell_is_the_machines_fault(words: Words, taint: str) -> None:
    """Kubernetes keeps Pods off a node that is out of disk, memory or reach; no learner may mark one so."""
    waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    waits["message"] = words["scheduler"]["untolerated"]
    pod = thing("Pod", "web-1", spec={}, status={"conditions": [waits | {"lastTransitionTime": LONG_AGO}]})
    node = thing("Node", "node-1", spec={"taints": [{"key": taint}]})
    cause = why_pod_not_ready(scene_with(pod, node), pod)

    assert cause is not None
    assert cause.ours is taint.startswith("node.kubernetes.io/")


@pytest.mark.parametrize(
    ("recorded", "says", "final"),
    [
        ("no-program", 'cannot start: exec: "netexec": executable file not found in $PATH.', True),
        ("too-late", "cannot start: context deadline exceeded.", False),
        ("name-reserved", "is reserved for", False),
    ],
)
def test_a_busy_runtime_gets_another_chance(words: Words, recorded: str, says: str, final: bool) -> None:
    """What the runtime cannot do at the moment is waited for; what it never can is told in its innermost words."""
    state = {
        "name": "web",
        "state": {"waiting": {"reason": "RunContainerError", "message": words["kubelet"][recorded]}},
    }
    status = {"containerStatuses": [state], "conditions": [{"type": "PodScheduled", "status": "True"}]}
    pod = thing("Pod", "web-1", spec={"containers": [{"name": "web", "command": ["netexec"]}]}, status=status)
    cause = why_pod_not_ready(scene_with(pod), pod)

    assert cause is not None
    assert says in cause.message
    assert cause.final is final
    assert cause.field[-1] == ("command" if final else 0)
