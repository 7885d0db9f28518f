"""One look at a cluster: a few questions to its API server, which share one time limit, none asked twice."""

from __future__ import annotations

import time
from collections.abc import Mapping

from kindlabs.kube.api import Api, ApiTimeout, Object

LEAST_SECONDS = 0.2
"""For one question: what is not answered sooner than that is not silent yet."""


class Sight:
    """What glances may ask.

    Args:
        ports: the host's ports on 127.0.0.1: ``{"http": 8080, "https": 8443}``.
        seconds: for all questions together.
    """

    def __init__(self, api: Api, ports: Mapping[str, int], seconds: float) -> None:
        self.api, self.ports = api, ports
        self._until = time.monotonic() + seconds
        self._lists: dict[tuple[str, str], list[Object]] = {}

    def left(self) -> float:
        """Seconds for the next question. Raises: ApiTimeout when earlier ones took them all, which says nothing yet."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise ApiTimeout("the cluster did not answer all questions in time")
        return max(LEAST_SECONDS, left)

    def get(self, path: str) -> Object:
        """The object at *path*. Raises: ApiError, ApiUnreachable."""
        return self.api.request("GET", path, timeout=self.left())

    def list(self, path: str, selector: str = "") -> list[Object]:
        """The items of a list. Raises: ApiError, ApiUnreachable."""
        if (path, selector) not in self._lists:
            query = {"labelSelector": selector} if selector else {}
            answer = self.api.request("GET", path, query=query, timeout=self.left())
            self._lists[path, selector] = answer.get("items") or []
        return self._lists[path, selector]

    def runs_no(self, label: str, name: str) -> str | None:
        """That no Pod of a component runs; not whether it is Ready: in a new cluster the kubelet looks late.

        Args:
            label: a value of a label that kubeadm gives to its Pods in kube-system.
            name: whose it is.
        """
        pods = self.list("/api/v1/namespaces/kube-system/pods")
        running = any(label in pod["metadata"].get("labels", {}).values() for pod in pods if _runs(pod))
        return None if running else f"no Pod of {name} runs"

    def has_endpoints(self, namespace: str, service: str) -> bool:
        """Whether a Service has an endpoint that is ready."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = self.list(path, f"kubernetes.io/service-name={service}")
        endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
        return any(endpoint.get("conditions", {}).get("ready") for endpoint in endpoints)


def _runs(pod: Object) -> bool:
    statuses = pod["status"].get("containerStatuses") or []
    return any("running" in (status.get("state") or {}) for status in statuses)
