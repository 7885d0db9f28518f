"""Requests inside the cluster, sent by a Pod of our own: the host needs no way to Pods or Services."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from urllib.parse import urlsplit

from kindlabs.errors import InfraError
from kindlabs.expectations.transcript import Transcript
from kindlabs.kube import curl, probing
from kindlabs.kube.api import Api, ApiError, ApiTimeout, Object
from kindlabs.kube.objects import dig
from kindlabs.patience import COMES_SECONDS

PATIENCE = (1.0, 2.0, 6.0)
"""Seconds that the first, the second and each later silent request gets: a packet that went nowhere should not cost
much, and a slow machine should get them in the end."""

LISTENS_SECONDS, LATE_SECONDS = 2.0, 0.3
"""What a connection gets until it is made or refused: while there is time, and afterwards."""

FROM_SECONDS = 1.0
"""What a request from inside a Pod gets; one that a policy drops takes all of it."""

RESOLVE_SECONDS = 2.0
"""What a name gets; the first server that is asked may be slow to wake."""

FRESH = 0.5
"""Seconds for which an answer about a Pod's port holds: walks ask again and again, about a dozen ports each."""


@dataclass(frozen=True)
class Replies:
    """What came back: the bodies of the answers, and the errors of the requests that got none."""

    bodies: tuple[str, ...]
    errors: tuple[str, ...]
    silent: bool = False
    """Whether the last request got no answer in time: neither yes nor no."""


class Probe:
    """Sends requests for one run, and notes them.

    Args:
        remaining: seconds that the run has left: a walk at its end asks many ports, and may not take as many time-outs.
    """

    def __init__(
        self, api: Api, transcript: Transcript | None = None, remaining: Callable[[], float] = lambda: inf
    ) -> None:
        self._api, self._remaining = api, remaining
        self._transcript = transcript or Transcript()
        self._silent = 0
        self._heard: dict[tuple[str, int], tuple[float, bool | None]] = {}
        self._mute: dict[str, float] = {}

    def get(self, host: str, port: int, path: str, times: int = 1) -> Replies:
        """GET ``http://host:port/path`` *times* times, each over a new connection; one failure ends it at once."""
        replies = self._dial(host, port, path, times)
        said = [*sorted(set(replies.bodies)), *sorted(set(replies.errors))]
        self._transcript.note(f"in the cluster: GET http://{host}:{port}{path}", "; ".join(said))
        return replies

    def get_from(self, pod: Object, url: str) -> Replies:
        """GET *url* once from inside *pod*, as the Pod itself would.

        Raises: InfraError when nothing of ours could ask there for COMES_SECONDS.
        """
        target = urlsplit(url)
        path = f"{target.path or '/'}{f'?{target.query}' if target.query else ''}"
        place = (target.hostname or "", target.port or 80, path)
        try:
            said = curl.get(probing.inside(self._api, pod), *place, timeout=FROM_SECONDS)
            replies = Replies(tuple(said["responses"]), tuple(said["errors"]))
            self._asked(pod)
        except curl.Silent as error:
            replies = Replies((), (error.message,), silent=True)
            self._asked(pod)
        except (ApiError, ApiTimeout) as error:
            replies = self._unasked(pod, error)
        self._transcript.note(
            f"from Pod {pod['metadata']['name']}: GET {url}", "; ".join([*replies.bodies, *replies.errors])
        )
        return replies

    def resolves_from(self, pod: Object, name: str) -> bool:
        """Whether *name* has an address, asked from inside *pod*. Raises: as :meth:`get_from`."""
        try:
            found = curl.resolves(probing.inside(self._api, pod), name, timeout=RESOLVE_SECONDS)
            self._asked(pod)
        except (ApiError, ApiTimeout) as error:
            self._unasked(pod, error)
            found = False
        self._transcript.note(
            f"from Pod {pod['metadata']['name']}: resolve {name}", "an address" if found else "no address"
        )
        return found

    def _asked(self, pod: Object) -> None:
        self._mute.pop(pod["metadata"]["uid"], None)

    def _unasked(self, pod: Object, error: ApiError | ApiTimeout) -> Replies:
        """Nobody has asked: that is no silence of anybody's. In a Pod that runs, it is ours or the machine's fault."""
        name, uid, now = pod["metadata"]["name"], pod["metadata"]["uid"], time.monotonic()
        if isinstance(error, ApiError):  # what is dead is left for another
            probing.leave(self._api, pod)
        if dig(pod, "status", "phase") != "Running":
            self._mute.pop(uid, None)
        elif now - self._mute.setdefault(uid, now) > COMES_SECONDS:
            text = f"Nothing of ours can ask from inside Pod {name}: {error.message}"
            raise InfraError(text, "run the same command again")
        return Replies((), (error.message,))

    def listens(self, pod: Object, port: int) -> bool | None:
        """Whether something accepts TCP on *port* of *pod*; None when the Pod has no address yet."""
        key, now = (pod["metadata"]["uid"], port), time.monotonic()
        when, answer = self._heard.get(key, (-FRESH, None))
        if now - when >= FRESH:
            answer = self._listens(pod, port)
            self._heard[key] = time.monotonic(), answer
        return answer

    def _listens(self, pod: Object, port: int) -> bool | None:
        address = dig(pod, "status", "podIP")
        if not address:
            return None
        timeout = LISTENS_SECONDS if self._remaining() > 0 else LATE_SECONDS
        try:
            return curl.listens(probing.mouth(self._api), address, port, timeout=timeout)
        except ApiError as error:
            raise _mute(error) from error

    def _dial(self, host: str, port: int, path: str, tries: int) -> Replies:
        patience = PATIENCE[min(self._silent, len(PATIENCE) - 1)]
        try:
            said = probing.dial(self._api, host, port, path, tries=tries, timeout=patience)
        except ApiTimeout as error:
            self._silent += 1
            return Replies((), (error.message,))
        except ApiError as error:
            raise _mute(error) from error
        self._silent = 0
        return Replies(tuple(said["responses"]), tuple(said["errors"]))


def _mute(error: ApiError) -> InfraError:
    text = f"Pod {probing.MOUTH} in {probing.NAMESPACE} cannot ask: {error.message}"
    return InfraError(text, "make clean, then run the command again")
