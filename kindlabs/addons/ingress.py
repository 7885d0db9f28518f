"""Add-on ``ingress``: Traefik leads requests for a host to a Service."""

from __future__ import annotations

import urllib3

from kindlabs.kube import bounded, curl
from kindlabs.kube.api import ApiTimeout, Object
from kindlabs.kube.probing import ANSWER_SECONDS, NAMESPACE, own
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

CLASS, CONTROLLER = "traefik", "traefik.io/ingress-controller"
FIRST = {"traefik.ingress.kubernetes.io/router.priority": str(2**63 - 1 - 1000)}
"""Traefik takes the longest rule first, which one of the submission's for every host may be, or the one of the highest
priority; this is the highest that it takes (its pkg/server/router, maxUserPriority), which submissions may not have."""


def ingress(name: str, host: str) -> Object:
    """An Ingress that leads *host* to the probe, before any rule of a submission."""
    backend = {"service": {"name": "probe", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"ingressClassName": CLASS, "rules": [rule], "tls": [{"hosts": [host]}]}
    return own("networking.k8s.io/v1", "Ingress", name, spec, annotations=FIRST)


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


def _routes(trial: Trial) -> str | None:
    host = f"{trial.name}.localhost"
    trial.send(ingress(trial.name, host))
    missing = why_not_reached(host, trial.ports["https"])
    return missing and f"Ingress {trial.name} of our own in {NAMESPACE} is not served: {missing}"


def _serves(sight: Sight) -> str | None:
    return _silent(sight) or _foreign_class(sight)


def _silent(sight: Sight) -> str | None:
    """Any answer will do: what it answers is for the proof and for labs to judge."""
    port = sight.ports["http"]
    try:
        with urllib3.HTTPConnectionPool("127.0.0.1", port) as pool:
            # Not read: it may be a submission's that answers, and without an end.
            pool.urlopen("GET", "/", timeout=sight.left(), retries=False, redirect=False, preload_content=False).close()
    except urllib3.exceptions.HTTPError as error:
        refused = isinstance(error, urllib3.exceptions.NewConnectionError)  # a time-out by its class, not by its nature
        if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
            raise ApiTimeout(f"the Ingress controller sent no answer on port {port} in time") from error
        words = "connection refused" if refused else "it hung up"
        return f"the Ingress controller does not answer on port {port}: {words}"
    return None


def _foreign_class(sight: Sight) -> str | None:
    controller = sight.get(f"/apis/networking.k8s.io/v1/ingressclasses/{CLASS}")["spec"].get("controller")
    return None if controller == CONTROLLER else f"IngressClass {CLASS} belongs to {controller}"


PROMISES = (Promise("ingress-routes", "A new Ingress leads to its Service.", _routes, glance=_serves, lags=True),)
