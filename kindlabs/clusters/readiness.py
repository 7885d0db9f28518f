"""When a cluster may be used: not when objects say so, but when requests have come back from it.

A Pod has run, a name has resolved, a Service has answered from two endpoints, and each add-on has done its work once.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from kindlabs.clusters.health import PROBE, THROUGH_SERVICE
from kindlabs.clusters.profiles import Ports
from kindlabs.errors import InfraError
from kindlabs.kube.api import Api, ApiError, ApiUnreachable

POLL_SECONDS = 0.05
ANSWER_SECONDS = 2.0
FIRST_ANSWER_SECONDS = 0.5
"""Before DNS and kube-proxy are up a request gets no answer at all, and the next one soon might."""
READY_SECONDS = 120.0
TRIES = 20
"""Requests through a Service of two endpoints: that all go to one of them happens twice in a million."""

HOST = "probe.localhost"


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
    wanted = [(name, CHECKS[name]) for name in addons if name in CHECKS]
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
    try:
        _through_service(seen.api, 1, FIRST_ANSWER_SECONDS)
        answer = _through_service(seen.api, TRIES, ANSWER_SECONDS)
    except ApiError:
        return _why_no_pod(seen.api)
    if errors := answer.get("errors"):
        return f"requests to {THROUGH_SERVICE['host']} fail: {errors[0]}"
    backends = set(answer.get("responses") or [])
    return None if len(backends) >= 2 else f"Service probe answers from {len(backends)} of its 2 Pods"


def ingress_answers(seen: Seen, host: str = HOST) -> str | None:
    """An HTTPS request for *host* to the mapped port reaches the probe."""
    url = f"https://127.0.0.1:{seen.ports['https']}/hostname"
    try:
        # Whose certificate it is, labs ask; here it may be the controller's own.
        with httpx.Client(verify=False, trust_env=False, timeout=ANSWER_SECONDS) as client:  # noqa: S501
            answer = client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})
    except httpx.HTTPError as error:
        return f"{url} for {host} does not answer: {error}"
    if answer.status_code == 200 and answer.text.startswith("probe-"):
        return None
    return f"{url} for {host} answers {answer.status_code} {answer.text[:80].strip()!r}, not a probe's name"


def certificate_is_issued(seen: Seen) -> str | None:
    """ClusterIssuer lab-ca has issued a certificate, and its signature is the authority's."""
    authority = _certificate(seen.api, "lab-ca", "cert-manager")
    leaf = _certificate(seen.api, "probe-tls", "kl-probe")
    if authority is None:
        return "Secret lab-ca in cert-manager, the authority itself, is not there yet"
    if leaf is None:
        return "ClusterIssuer lab-ca has not issued Certificate probe in kl-probe yet"
    try:
        leaf.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError) as error:
        return f"Certificate probe in kl-probe is not issued by the authority in Secret lab-ca: {error}"
    return None


CHECKS: dict[str, Check] = {
    "probe": service_answers,
    "ingress": ingress_answers,
    "cert-manager": certificate_is_issued,
}


def _through_service(api: Api, tries: int, timeout: float) -> dict[str, list[str]]:
    query = THROUGH_SERVICE | {"tries": str(tries)}
    said: dict[str, list[str]] = json.loads(api.text("GET", PROBE, query=query, timeout=timeout))
    return said


def _why_no_pod(api: Api) -> str:
    pods = api.list("Pod", "kl-probe", "app=probe")
    if not pods:
        return "no Pod of Deployment probe exists yet"
    status = pods[0]["status"]
    states = [container["state"] for container in status.get("containerStatuses", [])]
    waiting = [state["waiting"].get("reason", "waiting") for state in states if "waiting" in state]
    return f"Pod {pods[0]['metadata']['name']} does not answer; it is {', '.join(waiting) or status['phase']}"


def _certificate(api: Api, secret: str, namespace: str) -> x509.Certificate | None:
    found = api.get("Secret", secret, namespace)
    data = (found or {}).get("data", {}).get("tls.crt")
    return x509.load_pem_x509_certificate(base64.b64decode(data)) if data else None
