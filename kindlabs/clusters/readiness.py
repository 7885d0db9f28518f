"""When a cluster may be used: not when objects say so, but when requests have come back from it.

A Pod has run, a name has resolved, a Service has answered from two endpoints, and each add-on has done its work once.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from kindlabs.clusters.profiles import Ports
from kindlabs.errors import InfraError
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, ApiUnreachable

POLL_SECONDS = 0.05
FIRST_ANSWER_SECONDS = 0.5
"""Before DNS and kube-proxy are up a request gets no answer at all, and the next one soon might."""
READY_SECONDS = 120.0
TRIES = 20
"""Requests through a Service of two endpoints: that all go to one of them happens twice in a million."""


@dataclass(frozen=True)
class Seen:
    """Where a check looks: the API server, and the Ingress controller's ports on 127.0.0.1."""

    api: Api
    ports: Ports


Check = Callable[[Seen], str | None]
"""None when the add-on has proven itself, else what is missing, as seen just now."""


def wait(seen: Seen, addons: list[str], timeout: float = READY_SECONDS) -> None:
    """Return when every add-on has proven itself. *timeout* is in seconds, for all together.

    Raises: InfraError that names what did not come, and what was seen last.
    """
    until = time.monotonic() + timeout
    wanted = [(name, CHECKS[name]) for name in addons]
    with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
        missing = list(pool.map(lambda item: _poll(item[1], seen, until), wanted))
    lines = [f"{name}: {what}" for (name, _), what in zip(wanted, missing, strict=True) if what]
    if lines:
        raise InfraError("\n".join([f"After {timeout:.0f} s the cluster is not ready.", *lines]), "make doctor")


def _poll(check: Check, seen: Seen, until: float) -> str | None:
    while True:
        try:
            missing = check(seen)
        except (ApiError, ApiUnreachable) as error:
            missing = error.message
        if missing is None or time.monotonic() > until:
            return missing
        time.sleep(POLL_SECONDS)


def service_answers(seen: Seen) -> str | None:
    """A Pod runs, a name resolves, and the Service of two endpoints answers from both."""
    host = probing.host_of("probe")
    try:
        probing.dial(seen.api, host, 80, timeout=FIRST_ANSWER_SECONDS)
        answer = probing.dial(seen.api, host, 80, tries=TRIES, timeout=probing.ANSWER_SECONDS)
    except ApiError:
        return _why_no_pod(seen.api)
    if errors := answer["errors"]:
        return f"requests to {host} fail: {errors[0]}"
    backends = set(answer["responses"])
    return None if len(backends) >= 2 else f"Service probe answers from {len(backends)} of its 2 Pods"


def ingress_answers(seen: Seen) -> str | None:
    """An HTTPS request to the mapped port reaches the probe."""
    return probing.why_not_reached("probe.localhost", seen.ports["https"])


def certificate_is_issued(seen: Seen) -> str | None:
    """ClusterIssuer lab-ca has issued a certificate, and its signature is the authority's."""
    authority = _certificate(seen.api, "lab-ca", "cert-manager")
    leaf = _certificate(seen.api, "probe-tls", probing.NAMESPACE)
    if authority is None:
        return "Secret lab-ca in cert-manager, the authority itself, is not there yet"
    if leaf is None:
        return f"ClusterIssuer lab-ca has not issued Certificate probe in {probing.NAMESPACE} yet"
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError) as error:
        return f"Certificate probe in {probing.NAMESPACE} is not issued by the authority in Secret lab-ca: {error}"
    return None


CHECKS: dict[str, Check] = {
    "probe": service_answers,
    "ingress": ingress_answers,
    "cert-manager": certificate_is_issued,
}


def _why_no_pod(api: Api) -> str:
    pods = api.list("Pod", probing.NAMESPACE, "app=mouth")
    if not pods:
        return "no Pod of StatefulSet mouth exists yet"
    status = pods[0]["status"]
    states = [container["state"] for container in status.get("containerStatuses", [])]
    waiting = [state["waiting"].get("reason", "waiting") for state in states if "waiting" in state]
    return f"Pod {pods[0]['metadata']['name']} cannot ask; it is {', '.join(waiting) or status['phase']}"


def _certificate(api: Api, secret: str, namespace: str) -> x509.Certificate | None:
    found = api.get("Secret", secret, namespace)
    data = (found or {}).get("data", {}).get("tls.crt")
    return x509.load_pem_x509_certificate(base64.b64decode(data)) if data else None
