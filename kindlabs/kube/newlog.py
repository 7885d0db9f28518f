"""What a controller writes to its log from some moment on."""

from __future__ import annotations

from contextlib import suppress

from kindlabs.kube.api import Api, ApiError

LINES = 500
"""That many of each Pod are read, the newest."""


class NewLog:
    """The log of the Pods of *labels* (a selector) from now on."""

    def __init__(self, api: Api, namespace: str, labels: str) -> None:
        self._api, self._namespace, self._labels = api, namespace, labels
        self._last = self._read(1)

    def __call__(self) -> str:
        """What has come since, by now."""
        return "\n".join(_after(self._last.get(pod), text) for pod, text in self._read(LINES).items())

    def _read(self, lines: int) -> dict[str, str]:
        """The end of each Pod's log, by uid; a Pod that has not started has none."""
        found = {}
        for pod in self._api.list("Pod", self._namespace, self._labels):
            path = f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}/log"
            with suppress(ApiError):
                found[pod["metadata"]["uid"]] = self._api.text("GET", path, query={"tailLines": str(lines)})
        return found


def _after(line: str | None, text: str) -> str:
    return text.rpartition(line)[2] if line else text
