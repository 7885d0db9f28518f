"""A process beside a validator that looks every 20 ms, and says when it first saw what it looks for.

``python -m tests.bench.observer KUBECONFIG HTTPS_PORT outcomes`` waits for lab 03's outcomes, ``... MUTANT`` for the
first sign of that fault in the API. It writes ``ready`` when it begins to look, and in the end one JSON object: the
moment of each outcome on the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kindlabs.kube import probing
from kindlabs.kube.transport import ApiError, ApiUnreachable, Transport
from tests.bench.rawapi import RawApi

EVERY = 0.02
GIVE_UP = 90.0
NAMESPACE, HOST, OTHER, SECRET = "lab-03", "web.localhost", "other.localhost", "web-tls"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
GROUPS = "/apis/{}/namespaces/" + NAMESPACE
CERT_MANAGER = GROUPS.format("cert-manager.io/v1")

Question = Callable[[], bool]


class Outcomes:
    """Lab 03's outcomes that come by themselves, each a question; for one thread."""

    def __init__(self, kubeconfig: Path, port: int) -> None:
        self._api, self._prober, self._port = RawApi(kubeconfig), Transport(kubeconfig), port
        self._inside: set[str] = set()
        self._outside: set[str] = set()
        authority = self._api.get("/api/v1/namespaces/cert-manager/secrets/lab-ca")["data"]["tls.crt"]
        self._verifying = ssl.create_default_context(cadata=base64.b64decode(authority).decode())

    def by_objects(self) -> dict[str, Question]:
        """What objects tell."""
        return {"pods": lambda: len(self._ready()) == 2, "certificate": self._certificate}

    def by_requests(self) -> dict[str, Question]:
        """What only requests tell; asked once the Pods are Ready, to load the machine no longer than needed."""
        return {"service": self._service, "https": self._https, "served": self._served, "other": self._other}

    def _ready(self) -> set[str]:
        return {pod["metadata"]["name"] for pod in self._api.items(f"{CORE}/pods") if _is_true(pod, "Ready")}

    def _certificate(self) -> bool:
        return _is_true(self._api.get(f"{CERT_MANAGER}/certificates/{SECRET}"), "Ready")

    def _service(self) -> bool:
        host = f"web.{NAMESPACE}.svc.cluster.local"
        self._inside |= set(probing.dial(self._prober, host, 80, tries=4, timeout=2)["responses"])
        return self._inside == self._ready()

    def _https(self) -> bool:
        for _ in range(2):
            status, body = self._get(HOST)
            self._outside |= {body} if status == 200 else set()
        return self._outside == self._ready()

    def _served(self) -> bool:
        data = (self._api.get(f"{CORE}/secrets/{SECRET}").get("data") or {}).get("tls.crt", "")
        leaf, end, _ = base64.b64decode(data).decode().partition("-----END CERTIFICATE-----")
        with self._tls(HOST, self._verifying) as secure:
            return secure.getpeercert(binary_form=True) == ssl.PEM_cert_to_DER_cert(leaf + end)

    def _other(self) -> bool:
        return self._get(OTHER)[0] == 404

    def _get(self, host: str) -> tuple[int, str]:
        """Status and body of one HTTPS request over its own connection, whatever certificate is served."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self._tls(host, context) as secure:
            secure.sendall(f"GET /hostname HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(secure)
            answer.begin()
            return answer.status, answer.read().decode().strip()

    def _tls(self, host: str, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self._port), timeout=2)
        return context.wrap_socket(plain, server_hostname=host)


def sign(api: RawApi, mutant: str) -> Question:
    """Whether the API holds the first sign of a mutant's fault."""

    def of_pod(seen: Callable[[dict[str, Any]], bool]) -> bool:
        return any(seen(pod) for pod in api.items(f"{CORE}/pods"))

    def not_mounted() -> bool:
        pods = {pod["metadata"]["uid"] for pod in api.items(f"{CORE}/pods")}
        events = api.items(f"{CORE}/events?fieldSelector=reason%3DFailedMount")
        return any(event["involvedObject"].get("uid") in pods for event in events)

    def no_issuer() -> bool:
        requests = api.items(f"{CERT_MANAGER}/certificaterequests")
        return any("not found" in c.get("message", "") for r in requests for c in _conditions(r))

    signs: dict[str, Question] = {
        "no-such-tag": lambda: of_pod(lambda pod: any("Pull" in _reason(s) for s in _statuses(pod))),
        "crashes": lambda: of_pod(lambda pod: any(_has_ended(s) for s in _statuses(pod))),
        "asks-too-much": lambda: of_pod(lambda pod: any(c.get("reason") == "Unschedulable" for c in _conditions(pod))),
        "missing-secret": not_mounted,
        "wrong-class": lambda: bool(api.items(GROUPS.format("networking.k8s.io/v1") + "/ingresses")),
        "unknown-issuer": no_issuer,
    }
    return signs[mutant]


def watch(questions: dict[str, Question], until: float) -> dict[str, float]:
    """The moment of each question's first yes; those that were not answered by *until* are left out."""
    moments: dict[str, float] = {}
    while len(moments) < len(questions) and time.monotonic() < until:
        for name, question in questions.items():
            if name not in moments and _yes(question):
                moments[name] = time.monotonic()
        time.sleep(EVERY)
    return moments


def watch_each(questions: Iterable[dict[str, Question]], until: float) -> dict[str, float]:
    """As :func:`watch`, each dictionary in a thread of its own, so that none waits for another's answer."""
    every = list(questions)
    with ThreadPoolExecutor(len(every)) as pool:
        found = pool.map(lambda mine: watch(mine, until), every)
    return {name: moment for moments in found for name, moment in moments.items()}


def main(kubeconfig: str, port: str, what: str) -> None:
    """Look, and print the moments."""
    with contextlib.suppress(OSError):
        os.nice(-10)  # so that it looks every 20 ms on a busy machine too, where it may
    until = time.monotonic() + GIVE_UP
    if what == "outcomes":
        outcomes = Outcomes(Path(kubeconfig), int(port))
        requests = [
            {name: Outcomes(Path(kubeconfig), int(port)).by_requests()[name]} for name in outcomes.by_requests()
        ]
        _say("ready")
        moments = watch(outcomes.by_objects(), until) | watch_each(requests, until)
    else:
        api = RawApi(Path(kubeconfig))
        _say("ready")
        moments = watch({what: sign(api, what)}, until)
    _say(json.dumps(moments))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _yes(question: Question) -> bool:
    try:
        return question()
    except (OSError, http.client.HTTPException, ApiError, ApiUnreachable):
        return False


def _conditions(thing: dict[str, Any]) -> list[dict[str, Any]]:
    return (thing.get("status") or {}).get("conditions") or []


def _is_true(thing: dict[str, Any], kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in _conditions(thing))


def _statuses(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return pod["status"].get("containerStatuses") or []


def _reason(status: dict[str, Any]) -> str:
    return str(status["state"].get("waiting", {}).get("reason", ""))


def _has_ended(status: dict[str, Any]) -> bool:
    return "terminated" in status["state"] or status["restartCount"] > 0


if __name__ == "__main__":
    main(*sys.argv[1:])
