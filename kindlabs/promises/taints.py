"""Which taints of a node are Kubernetes' own."""

from __future__ import annotations

from kindlabs.kube.api import Object

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
OWN = "node.kubernetes.io/"
"""How the keys begin of those that the node controllers set and take away (kubernetes.io/docs/reference/
labels-annotations-taints): ``node.kubernetes.io/not-ready``."""
BY_HAND = ("node.kubernetes.io/unschedulable", "node.kubernetes.io/out-of-service")
"""Keys among these that follow from what somebody did: a cordon, a node declared dead."""


def is_own(taint: Object) -> bool:
    """Whether Kubernetes set it, and takes it away when what it says is over."""
    return taint["key"].startswith(OWN) and taint["key"] not in BY_HAND
