"""Namespace ``kl-probe``: our own objects in it, and the requests that go through them.

Its Deployment ``probe`` is agnhost ``netexec``, which sends requests for whoever asks its ``/dial``, and says its Pod's
name, ``probe-…``, to whoever asks for ``/hostname``.
"""

from __future__ import annotations

import json
from typing import Any

from kindlabs.errors import InfraError
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
FIRST = {"traefik.ingress.kubernetes.io/router.priority": str(2**63 - 1 - 1000)}
"""Traefik takes the longest rule first, which one of the submission's for every host may be, or the one of the highest
priority; this is the highest that it takes (its pkg/server/router, maxUserPriority)."""


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

    Raises: ApiError, with status 400 when the name does not resolve; ApiUnreachable; InfraError for nonsense.
    """
    query = {"host": host, "port": str(port), "request": path.lstrip("/"), "protocol": "http", "tries": str(tries)}
    text = api.text("GET", f"/api/v1/namespaces/{NAMESPACE}/{through}/proxy/dial", query=query, timeout=timeout)
    try:
        said: dict[str, list[str]] = dict(json.loads(text))
    except (ValueError, TypeError):
        raise InfraError(f"the probe in {NAMESPACE} answers what it never says: {text[:80]!r}") from None
    return said


def why_not_reached(host: str, port: int) -> str | None:
    """Why an HTTPS request for *host* to *port* of 127.0.0.1 does not reach the probe, None when it does."""
    import httpx  # 50 ms, which a look at a warm cluster does without

    url = f"https://127.0.0.1:{port}/hostname"
    try:
        # Whose certificate it is, labs ask; here it may be the controller's own.
        with httpx.Client(verify=False, trust_env=False, timeout=ANSWER_SECONDS) as client:  # noqa: S501
            answer = client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        return f"{url} for {host} does not answer: {error}"
    if answer.status_code == 200 and answer.text.startswith("probe-"):
        return None
    return f"{url} for {host} answers {answer.status_code} {answer.text[:80].strip()!r}, not a probe's name"


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
