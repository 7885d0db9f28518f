"""Namespace ``kl-probe``: our own objects in it, and the requests that go through them.

Its Pod ``mouth-0`` listens on nothing: it sends requests for us, typed into a shell over the API server's websocket.
Its Deployment ``probe``, the ear, can do nothing but say its Pod's name, ``probe-…``, to whoever asks. So no Pod of a
submission reaches what asks, and what it reaches can be told nothing.
"""

from __future__ import annotations

from typing import Any

from kindlabs.errors import InfraError
from kindlabs.kube import curl
from kindlabs.kube.api import Api
from kindlabs.kube.guests import guest, part
from kindlabs.kube.streams import Shells
from kindlabs.kube.transport import ApiError, Object, Transport

NAMESPACE = "kl-probe"
MOUTH = "mouth-0"
"""The Pod that asks."""
PROBE = {"app": "probe"}
"""Labels of the ear's Pods."""
PORT = 8080
"""Where they listen."""
ANSWER_SECONDS = 2.0
"""What a request gets that may go nowhere."""


def renew_ears(api: Api) -> None:
    """Give the ears new lives: connections whose other end went without a word are held for minutes by the old ones."""
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in PROBE.items())}
    api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods", query=query, body={"gracePeriodSeconds": 0})


def host_of(service: str) -> str:
    """The DNS name of one of our Services inside the cluster."""
    return f"{service}.{NAMESPACE}.svc.cluster.local"


def dial(
    api: Transport, host: str, port: int, path: str = "/hostname", *, tries: int = 1, timeout: float
) -> dict[str, list[str]]:
    """GET ``http://host:port/path`` inside the cluster *tries* times: see :func:`kindlabs.kube.curl.get`."""
    return curl.get(mouth(api), host, port, path, tries=tries, timeout=timeout)


def dial_from(
    api: Api, pod: Object, host: str, port: int, path: str = "/", *, tries: int = 1, timeout: float
) -> dict[str, list[str]]:
    """As :func:`dial`, sent from inside *pod*; see :mod:`kindlabs.kube.guests`."""
    return curl.get(inside(api, pod), host, port, path, tries=tries, timeout=timeout)


def inside(api: Api, pod: Object) -> Shells:
    """Shells in *pod*, for :mod:`kindlabs.kube.curl`. Raises: as :func:`kindlabs.kube.guests.guest`."""
    own = api.get("Pod", MOUTH, NAMESPACE)
    if own is None:
        raise ApiError(404, "NotFound", f"Pod {MOUTH} in {NAMESPACE} is not there")
    (like,) = own["spec"]["containers"]
    return guest(api, pod, like)


def leave(api: Api, pod: Object) -> None:
    """Leave the container of ours in *pod*: whatever is asked next from inside is asked by another one."""
    part(api, pod)


def mouth(api: Transport) -> Shells:
    """Shells in the Pod that asks, for :mod:`kindlabs.kube.curl`."""
    shells: Shells = api.sessions.setdefault((NAMESPACE, MOUTH), Shells(api, MOUTH, NAMESPACE))
    return shells


def container(api: Api) -> Object:
    """The ear's container as its Deployment has it: every node holds its image. Raises: ApiError, InfraError."""
    found = api.get("Deployment", "probe", NAMESPACE)
    if found is None:
        raise InfraError(f"no Deployment probe is in {NAMESPACE}", "make clean, then run the command again")
    return dict(found["spec"]["template"]["spec"]["containers"][0])


def own(api_version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
    """A manifest of our own in the namespace."""
    meta = {"name": name, "namespace": NAMESPACE, **metadata}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}


def service(name: str, selector: dict[str, str], port: int, target: int) -> Object:
    """A Service that leads from *port* to *target* of the selected Pods, ready or not."""
    ports = [{"port": port, "targetPort": target}]
    return own("v1", "Service", name, {"selector": selector, "ports": ports, "publishNotReadyAddresses": True})
