"""What can be read of work that ends: which Pods succeeded, what they said, how many ran at once."""

from __future__ import annotations

from collections.abc import Sequence

from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig


def succeeded(pod: Object) -> bool:
    """Whether all containers of a Pod ended well."""
    return bool(dig(pod, "status", "phase") == "Succeeded")


def said_by(pod: Object) -> list[str]:
    """The lines of the termination messages of a Pod's containers: what they wrote to ``/dev/termination-log``."""
    messages = [str(ended.get("message") or "") for ended in _ends(pod)]
    return [line.strip() for message in messages for line in message.splitlines() if line.strip()]


def exit_codes(pod: Object) -> list[int]:
    """The exit codes of the containers of a Pod that ended."""
    return [ended.get("exitCode", 0) for ended in _ends(pod)]


def most_at_once(pods: Sequence[Object]) -> int:
    """How many of *pods* were there at one moment and had not ended, as far as whole seconds tell: never too many."""
    turns = [turn for pod in pods for turn in _turns(pod)]
    at_once = most = 0
    for _, step in sorted(turns):  # at the same second, who ends goes before who starts
        at_once += step
        most = max(most, at_once)
    return most


def _turns(pod: Object) -> list[tuple[str, int]]:
    """When a Pod was made (+1), and when its last container ended (-1): how soon it starts is the node's affair."""
    made, ended = pod["metadata"]["creationTimestamp"], max((e.get("finishedAt") or "" for e in _ends(pod)), default="")
    return [(made, 1), (ended, -1)] if ended > made else []


def _ends(pod: Object) -> list[Object]:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return [ended for status in statuses if (ended := dig(status, "state", "terminated"))]
