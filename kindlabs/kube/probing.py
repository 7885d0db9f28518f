"""Namespace ``kl-probe``: our own objects in it, and the requests that go through them.

Its Pod ``mouth-0`` listens on nothing: it sends requests for us, typed into a shell over the API server's websocket.
Its Deployment ``probe``, the ear, can do nothing but say its Pod's name, ``probe-…``, to whoever asks. So no Pod of a
submission reaches what asks, and what it reaches can be told nothing.
"""

from __future__ import annotations

from typing import Any

from kindlabs.kube import bounded, curl
from kindlabs.kube.api import Api
from kindlabs.kube.guests import guest
from kindlabs.kube.streams import Shells
from kindlabs.kube.transport import ApiError, Object, Transport

NAMESPACE = "kl-probe"
MOUTH = "mouth-0"
"""The Pod that asks."""
PROBE = {"app": "probe"}
"""Labels of the ear's Pods."""
PORT = 8080
"""Where they listen."""
LOOK_AGAIN = 0.03
"""Seconds between two questions whether a change has come through."""
ANSWER_SECONDS = 2.0
"""What a request gets that may go nowhere."""
FIRST = {"traefik.ingress.kubernetes.io/router.priority": str(2**63 - 1 - 1000)}
"""Traefik takes the longest rule first, which one of the submission's for every host may be, or the one of the highest
priority; this is the highest that it takes (its pkg/server/router, maxUserPriority), which submissions may not have."""


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
    own = api.get("Pod", MOUTH, NAMESPACE)
    if own is None:
        raise ApiError(404, "NotFound", f"Pod {MOUTH} in {NAMESPACE} is not there")
    (like,) = own["spec"]["containers"]
    return curl.get(guest(api, pod, like), host, port, path, tries=tries, timeout=timeout)


def mouth(api: Transport) -> Shells:
    """Shells in the Pod that asks, for :mod:`kindlabs.kube.curl`."""
    shells: Shells = api.sessions.setdefault((NAMESPACE, MOUTH), Shells(api, MOUTH, NAMESPACE))
    return shells


def why_not_reached(host: str, port: int) -> str | None:
    """Why an HTTPS request for *host* to *port* of 127.0.0.1 does not reach the probe, None when it does."""
    import httpx  # 50 ms, which a look at a warm cluster does without

    url = f"https://127.0.0.1:{port}/hostname"
    try:
        # Whose certificate it is, labs ask; here it may be the controller's own.
        with httpx.Client(verify=False, trust_env=False) as client:  # noqa: S501
            status, body = bounded.get(client, url, host, seconds=ANSWER_SECONDS, most=curl.ANSWER_BYTES)
    except (httpx.HTTPError, bounded.Endless) as error:
        return f"{url} for {host} does not answer: {error}"
    if status == 200 and body.startswith("probe-"):
        return None
    return f"{url} for {host} answers {status} {body[:80].strip()!r}, not a probe's name"


def own(api_version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
    """A manifest of our own in the namespace."""
    meta = {"name": name, "namespace": NAMESPACE, **metadata}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}


def service(name: str, selector: dict[str, str], port: int, target: int) -> Object:
    """A Service that leads from *port* to *target* of the selected Pods, ready or not."""
    ports = [{"port": port, "targetPort": target}]
    return own("v1", "Service", name, {"selector": selector, "ports": ports, "publishNotReadyAddresses": True})


def ingress(name: str, host: str) -> Object:
    """An Ingress that leads *host* to the probe, before any rule of a submission."""
    backend = {"service": {"name": "probe", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"ingressClassName": "traefik", "rules": [rule], "tls": [{"hosts": [host]}]}
    return own("networking.k8s.io/v1", "Ingress", name, spec, annotations=FIRST)
