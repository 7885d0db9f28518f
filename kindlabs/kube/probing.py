"""Namespace ``kl-probe``: our own objects in it, and the requests that go through them.

Its Deployment ``probe`` is agnhost ``netexec``, which sends requests for whoever asks its ``/dial``, and says its Pod's
name, ``probe-…``, to whoever asks for ``/hostname``.
"""

from __future__ import annotations

import json
from typing import Any

from kindlabs.kube.transport import Object, Transport

NAMESPACE = "kl-probe"
PROBE = {"app": "probe"}
"""Labels of the probe's Pods."""
PORT = 8080
"""Where they listen."""
LOOK_AGAIN = 0.03
"""Seconds between two questions whether a change has come through."""
ANSWER_SECONDS = 2.0
"""What a request gets that may go nowhere."""


def host_of(service: str) -> str:
    """The DNS name of one of our Services inside the cluster."""
    return f"{service}.{NAMESPACE}.svc.cluster.local"


def dial(
    api: Transport,
    host: str,
    port: int,
    path: str = "/hostname",
    *,
    tries: int = 1,
    timeout: float,
    through: str = "services/probe:http",
) -> dict[str, list[str]]:
    """GET ``http://host:port/path`` inside the cluster *tries* times; what came back, as ``responses`` and ``errors``.

    Args:
        timeout: seconds, for all of them.
        through: who is asked to send them: the Service, or a Pod such as ``pods/probe-7x:8080``.

    Raises: ApiError, with status 400 when the name does not resolve; ApiUnreachable; ValueError for nonsense.
    """
    query = {"host": host, "port": str(port), "request": path.lstrip("/"), "protocol": "http", "tries": str(tries)}
    text = api.text("GET", f"/api/v1/namespaces/{NAMESPACE}/{through}/proxy/dial", query=query, timeout=timeout)
    said: dict[str, list[str]] = json.loads(text)
    return said


def own(api_version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
    """A manifest of our own in the namespace."""
    meta = {"name": name, "namespace": NAMESPACE, **metadata}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}


def service(name: str, selector: dict[str, str], port: int, target: int) -> Object:
    """A Service that leads from *port* to *target* of the selected Pods, ready or not."""
    ports = [{"port": port, "targetPort": target}]
    return own("v1", "Service", name, {"selector": selector, "ports": ports, "publishNotReadyAddresses": True})
