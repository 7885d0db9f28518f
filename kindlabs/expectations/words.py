"""What was observed, in a few words."""

from __future__ import annotations

from kindlabs.errors import LabError
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, is_ready, statuses


def state_of(pod: Object) -> str:
    """One Pod's state: ``web-1: container app ErrImagePull``."""
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


def url_of(thing: object, address: str | None, port: int) -> str:
    """The URL of *thing*, which a lab brings along, so that it has an *address*. Raises: LabError without one."""
    if not address or address == "None":
        raise LabError(f"{thing} has no address")
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/"
