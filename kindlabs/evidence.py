"""What a failed run keeps for whoever asks later: events, the ends of logs, the requests that were sent; all capped."""

from __future__ import annotations

from typing import Any

from kindlabs.expectations import Lab
from kindlabs.kube.api import Object
from kindlabs.kube.objects import containers, dig, is_ready

EVENTS, PODS, LOG_CHARACTERS = 30, 5, 2000


def collect(lab: Lab) -> dict[str, Any]:
    """The evidence of the lab's namespaces as they are now.

    Returns: {events [{time, object, reason, message, count}], oldest first; logs {"pod/container": text} of Pods that
        are not ready; requests [{request, answer, times}], oldest first}.
    """
    return {"events": _events(lab), "logs": _logs(lab), "requests": lab.transcript.as_list()}


def _events(lab: Lab) -> list[dict[str, Any]]:
    events = [event for name in lab.namespaces for event in lab.world.list("Event", name)]
    return [
        {
            "time": _time(event),
            "object": f"{dig(event, 'involvedObject', 'kind')} {dig(event, 'involvedObject', 'name')}",
            "reason": event.get("reason", ""),
            "message": event.get("message", ""),
            "count": event.get("count") or 1,
        }
        for event in sorted(events, key=_time)[-EVENTS:]
    ]


def _logs(lab: Lab) -> dict[str, str]:
    pods = [pod for name in lab.namespaces for pod in lab.world.list("Pod", name) if not is_ready(pod)]
    found = {
        f"{pod['metadata']['name']}/{container['name']}": lab.scene.logs(pod, container["name"])[-LOG_CHARACTERS:]
        for pod in pods[:PODS]
        for container in containers(pod["spec"])
    }
    return {where: text for where, text in found.items() if text.strip()}


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])
