"""Containers of our own in Pods of a lab: requests start there as the Pod's own would, and its policies hold for them.

An ephemeral container shares the Pod's network and nothing else: no tool of the Pod is trusted, and it does not
restart.
"""

from __future__ import annotations

import secrets

from kindlabs.kube.api import Api, ApiTimeout, Object
from kindlabs.kube.objects import dig
from kindlabs.kube.ownership import GUEST_MANAGER
from kindlabs.kube.streams import Shells
from kindlabs.patience import LOOK_AGAIN, poll

GUEST = "kind-labs"
"""How containers of our own in Pods of a lab are named."""
GUEST_SECONDS, GUEST_START_SECONDS = 900, 10.0
"""How long such a container lives at most, and what it gets to start."""


def guest(api: Api, pod: Object, like: Object) -> Shells:
    """Shells in a container of our own in *pod*: one a run, which lives for as long as a run may take.

    Args:
        like: a container whose image and rights it has.

    Raises: ApiError when the Pod takes none; ApiTimeout when it does not start.
    """
    name, namespace, uid = (pod["metadata"][key] for key in ("name", "namespace", "uid"))
    if (namespace, uid) not in api.sessions:
        container = f"{GUEST}-{secrets.token_hex(4)}"
        api.add_container(name, namespace, _container(like, container), manager=GUEST_MANAGER)
        _await(api, name, namespace, container)
        api.sessions[namespace, uid] = Shells(api, name, namespace, container)
    shells: Shells = api.sessions[namespace, uid]
    return shells


def part(api: Api, pod: Object) -> None:
    """Leave the container of our own in *pod*: the next one who asks for it gets another."""
    api.sessions.pop((pod["metadata"]["namespace"], pod["metadata"]["uid"]), None)


def _container(like: Object, name: str) -> Object:
    """As Pod Security level restricted has it, under a user of its own, whom no process of the Pod is."""
    return {
        "name": name,
        "image": like["image"],
        "imagePullPolicy": like["imagePullPolicy"],
        "command": ["sleep", str(GUEST_SECONDS)],
        "securityContext": like["securityContext"] | {"runAsUser": 100_000 + secrets.randbelow(2**30)},
    }


def _await(api: Api, pod: str, namespace: str, container: str) -> None:
    def look() -> Object:
        found = dig(api.get("Pod", pod, namespace) or {}, "status", "ephemeralContainerStatuses", default=[])
        return next((status["state"] for status in found if status["name"] == container), {})

    state = poll(look, GUEST_START_SECONDS, LOOK_AGAIN, until=lambda state: "running" in state)
    if "running" not in state:
        raise ApiTimeout(f"container {container} of our own in Pod {pod} does not start: {state or 'nobody says why'}")
