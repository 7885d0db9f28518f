"""Requests inside the cluster, sent by the probe Pod: the host needs no way to Pods or Services."""

from __future__ import annotations

import time
from dataclasses import dataclass

from kindlabs.errors import InfraError
from kindlabs.expectations.transcript import Transcript
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, ApiTimeout, Object
from kindlabs.kube.objects import is_ready
from kindlabs.kube.world import World

PATIENCE = (1.0, 2.0, 6.0)
"""Seconds that the first, the second and each later silent request gets: a packet that went nowhere should not cost
agnhost's own 5 s (test/images/agnhost/netexec/netexec.go), and a slow machine should get them in the end."""

FRESH = 0.5
"""Seconds for which an answer about a Pod's port holds: walks ask again and again, about a dozen ports each."""


@dataclass(frozen=True)
class Replies:
    """What came back: the bodies of the answers, and the errors of the requests that got none."""

    bodies: tuple[str, ...]
    errors: tuple[str, ...]


def replies_in(said: dict[str, list[str]], tries: int) -> Replies:
    """What agnhost says about *tries* requests; it leaves the answers out when the last one was empty."""
    errors = tuple(said.get("errors", ()))
    empty = ("",) * (tries - len(errors))
    return Replies(tuple(said.get("responses", empty)), errors)


class Probe:
    """One of the probe's Pods that is Ready, and sends requests for us."""

    def __init__(self, api: Api, world: World, transcript: Transcript | None = None) -> None:
        self._api, self._world = api, world
        self._transcript = transcript or Transcript()
        self._silent = 0
        self._heard: dict[tuple[str, int], tuple[float, bool | None]] = {}

    def get(self, host: str, port: int, path: str, times: int = 1) -> Replies:
        """GET ``http://host:port/path`` *times* times, each over a new connection; one failure ends it at once."""
        replies = self._dial(host, port, path, 1)
        if times > 1 and not replies.errors:
            rest = self._dial(host, port, path, times - 1)
            replies = Replies(replies.bodies + rest.bodies, rest.errors)
        said = [*sorted(set(replies.bodies)), *sorted(set(replies.errors))]
        self._transcript.note(f"in the cluster: GET http://{host}:{port}{path}", "; ".join(said))
        return replies

    def listens(self, pod: Object, port: int) -> bool | None:
        """Whether something accepts TCP on *port* of *pod*; None when the Pod has no address yet."""
        key, now = (pod["metadata"]["uid"], port), time.monotonic()
        when, answer = self._heard.get(key, (-FRESH, None))
        if now - when >= FRESH:
            answer = self._listens(pod, port)
            self._heard[key] = now, answer
        return answer

    def _listens(self, pod: Object, port: int) -> bool | None:
        if not pod.get("status", {}).get("podIP"):
            return None
        try:
            self._api.ask_pod(pod["metadata"]["name"], pod["metadata"]["namespace"], port, "/", timeout=2)
        except ApiTimeout:
            return None
        except ApiError as error:
            return "connection refused" not in error.message
        return True

    def _dial(self, host: str, port: int, path: str, tries: int) -> Replies:
        patience = PATIENCE[min(self._silent, len(PATIENCE) - 1)]
        try:
            pod = f"pods/{self._pod()}:{probing.PORT}"
            said = probing.dial(self._api, host, port, path, tries=tries, timeout=patience, through=pod)
        except ApiTimeout:
            self._silent += 1
            return Replies((), (f"no answer within {patience:g} s",))
        except ApiError as error:
            if error.status == 400:  # the name does not resolve
                return Replies((), (error.message,))
            raise InfraError(f"the probe Pod in {probing.NAMESPACE} does not answer: {error.message}") from error
        self._silent = 0
        return replies_in(said, tries)

    def _pod(self) -> str:
        ready = [p for p in self._world.list("Pod", probing.NAMESPACE, probing.PROBE) if is_ready(p)]
        if not ready:
            raise InfraError(f"no probe Pod is Ready in {probing.NAMESPACE}", "make clean, then run the command again")
        return str(ready[0]["metadata"]["name"])
