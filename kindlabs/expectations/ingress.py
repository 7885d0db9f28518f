"""Expectations on hosts behind the Ingress controller, as a browser on this machine would reach them."""

from __future__ import annotations

import secrets
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

import httpx
from cryptography import x509

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.certificates import why_not_issued
from kindlabs.diagnosis.ingress import (
    service_behind,
    ways_to,
    why_host_answers,
    why_host_does_not_answer,
    why_led_elsewhere,
)
from kindlabs.diagnosis.services import why_strangers
from kindlabs.diagnosis.serving import covers, secrets_named, why_another_served, why_not_served
from kindlabs.expectations.answers import Text, answers
from kindlabs.expectations.certificates import lab_ca, names_of, read_certificate
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.services import Service
from kindlabs.expectations.workloads import Workload
from kindlabs.kube import bounded
from kindlabs.patience import ACTION_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

REQUEST_SECONDS = 5.0


class Website:
    """``https://host`` through the host's mapped port, with SNI and Host header; addresses of nodes are not needed."""

    def __init__(self, lab: Lab, host: str, namespace: str) -> None:
        self.lab, self.host, self.namespace = lab, host, namespace

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that is mapped to the Ingress controller's HTTPS port."""
        return self.lab.ports["https"]

    def answers(
        self,
        path: str,
        *,
        times: int = 1,
        saying: Text | None = None,
        shares: Mapping[str, tuple[float, float]] | None = None,
        from_pods_of: Workload | None = None,
        from_every_pod_of: Workload | None = None,
        within: float | None = None,
    ) -> None:
        """All of *times* HTTPS requests are answered with 200; the answers are described as those of a Service."""
        wanted = answers(saying, shares, from_pods_of, from_every_pod_of)
        workload, scene, space, bodies = from_pods_of or from_every_pod_of, self.lab.scene, self.namespace, list[str]()

        def look() -> Look:
            replies = self._ask(path, times)
            bodies[:] = replies.bodies
            return wanted.have_come(replies, times)

        def why() -> Cause | None:
            behind = service_behind(scene, self.host, space, path)
            return (
                why_host_does_not_answer(scene, self.host, space, path)
                or (why_strangers(scene, behind, space, workload.pods) if workload else None)
                or wanted.why_others(self._url(path), bodies)
            )

        expected = f"{times} of {times} answers 200 from {self._url(path)}, {wanted}"
        self.lab.expect_traffic(expected, look, why, within=within)

    def leads_everywhere_to(self, service: Service, *, within: float | None = None) -> None:
        """Every path of the host is answered with 200, one that nobody can have named too, and by no other Service."""
        scene, space, unknown = self.lab.scene, self.namespace, _unknown_path()

        def look() -> Look:
            ways = [way for way in ways_to(scene, self.host, space) if way.host == self.host]
            for path in {"/": None, unknown: None} | {way.path: None for way in ways}:
                replies = self._ask(path, 1)
                if replies.errors:
                    return Look(False, f"{replies.errors[0]} from {self._url(path)}")
            astray = [way for way in ways if way.service != service.name]
            if astray:
                return Look(False, f"{self._url(astray[0].path)} leads to {astray[0].target}")
            return Look(True, "every path is answered")

        def why() -> Cause | None:
            walks = (why_host_does_not_answer(scene, self.host, space, path) for path in ("/", unknown))
            found = next(filter(None, walks), None)
            other = why_led_elsewhere(scene, self.host, space, service.name)
            # Which of two Ingresses is the wrong one, only the second walk can tell.
            return other if other and (found is None or found.reason == "RoutedTwice") else found

        self.lab.expect_traffic(f"{self._url('')} leads to {service} on every path", look, why, within=within)

    def is_refused(self, status: int = 404) -> None:
        """The Ingress controller answers *status* on every path for which a rule could let this host through."""

        def look() -> Look:
            ways = ways_to(self.lab.scene, self.host, self.namespace)
            named = [way.path if way.exact else way.path.rstrip("/") + _unknown_path() for way in ways]
            with self._client() as client:
                for path in ["/", *named]:
                    if self.lab.deadline.remaining() <= 0:
                        return Look(False, "not every path was asked in time")
                    found, body = self._get(path, client)
                    if found != status:
                        return Look(False, f"{found} {body[:80]!r} from {self._url(path)}" if found else body)
            return Look(True, f"{status} on every path")

        def why() -> Cause | None:
            return why_host_answers(self.lab.scene, self.host, self.namespace)

        self.lab.expect_traffic(f"{status} from {self._url('')} on every path", look, why)

    def serves(self, secret: str) -> x509.Certificate:
        """The chain served for the host ends in the lab's CA, is for the host, and its leaf is the one in *secret*."""
        held: list[x509.Certificate] = []

        def look() -> Look:
            problem = self._verify()
            served = self._leaf()
            self._note(f"TLS {self.host}:{self.port}", problem or "the chain ends in the lab's CA")
            if problem or served is None:
                return Look(False, problem or "no certificate")
            own = read_certificate(self.lab.world.get("Secret", secret, self.namespace))
            if own is None or own.serial_number != served.serial_number:
                return Look(False, f"serial {served.serial_number:x}, which is not the one in Secret {secret}")
            named = secrets_named(self.lab.scene, self.namespace)
            if rivals := [other for other in self._secrets_for_host(secret) if other in named]:
                return Look(False, f"Secret {rivals[0]} may be served as well")
            held.append(served)
            return Look(True, f"serial {served.serial_number:x}")

        expected = f"{self._url('')} serves the certificate in Secret {secret}, for {self.host}, of the lab's CA"
        self.lab.expect_traffic(expected, look, lambda: self._why_not_served(secret))
        return held[-1]

    def serves_another(self, than: x509.Certificate, secret: str) -> None:
        """A certificate with another serial than *than* is issued into *secret* and served."""
        self.lab.deadline.grant(ACTION_SECONDS)

        def look() -> Look:
            served = self._leaf()
            if served is None or served.serial_number == than.serial_number:
                return Look(False, f"still serial {than.serial_number:x}")
            return Look(self._verify() == "", f"serial {served.serial_number:x}: {self._verify() or 'verified'}")

        expected = f"{self._url('')} serves a new certificate after Secret {secret} was deleted"
        self.lab.expect_traffic(expected, look, lambda: self._why_not_served(secret))
        self.serves(secret)

    def _note(self, request: str, answer: str) -> None:
        self.lab.transcript.note(request, answer)

    def _url(self, path: str) -> str:
        return f"https://{self.host}:{self.port}{path}"

    def _ask(self, path: str, times: int) -> Replies:
        """Ask *times* times; the first request that is not answered with 200 ends it."""
        bodies: list[str] = []
        with self._client() as client:
            for number in range(times):
                if number and self.lab.deadline.remaining() <= 0:
                    return Replies(tuple(bodies), (f"the time was over after {number} of {times} requests",))
                status, body = self._get(path, client)
                if status != 200:
                    return Replies(tuple(bodies), (f"{status} {body.strip()[:80]}".strip() if status else body,))
                bodies.append(body)
        return Replies(tuple(bodies), ())

    def _get(self, path: str, client: httpx.Client) -> tuple[int, str]:
        """Status and body of one request; status 0 and the error in words where there was no answer."""
        try:
            status, body = bounded.get(client, path, self.host, seconds=REQUEST_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL, bounded.Endless) as error:
            self._note(f"GET {self._url(path)}", f"no answer: {error}")
            return 0, f"no answer: {error}"
        self._note(f"GET {self._url(path)}", f"{status} {body.strip()}")
        return status, body

    def _client(self) -> httpx.Client:
        base = f"https://127.0.0.1:{self.port}"
        return httpx.Client(base_url=base, verify=_trusting_anybody(), trust_env=False)

    def _leaf(self) -> x509.Certificate | None:
        """The certificate that is served, whoever issued it; None when no TLS is spoken."""
        try:
            return x509.load_der_x509_certificate(self._handshake(_trusting_anybody()))
        except OSError:
            return None

    def _verify(self) -> str:
        """What is wrong with the served chain, in words; empty when it is for the host and ends in the lab's CA."""
        context = ssl.create_default_context(cadata=lab_ca(self.lab))
        context.hostname_checks_common_name = False  # no browser does
        try:
            self._handshake(context)
        except ssl.SSLCertVerificationError as error:
            leaf = self._leaf()
            served = f"; served is a certificate for {', '.join(names_of(leaf))}" if leaf else ""
            return f"{error.verify_message}{served}"
        except OSError as error:
            return f"no TLS answer: {error}"
        return ""

    def _handshake(self, context: ssl.SSLContext) -> bytes:
        address = ("127.0.0.1", self.port)
        with (
            socket.create_connection(address, timeout=REQUEST_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=self.host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""

    def _why_not_served(self, secret: str) -> Cause | None:
        scene, space = self.lab.scene, self.namespace
        found = why_not_issued(scene, secret, space, "lab-ca") or why_not_served(scene, self.host, secret, space)
        others = self._secrets_for_host(secret)
        return found or why_another_served(scene, self.host, others, space)

    def _secrets_for_host(self, secret: str) -> list[str]:
        """The Secrets other than *secret* that hold a certificate for the host."""
        held = {s["metadata"]["name"]: read_certificate(s) for s in self.lab.world.list("Secret", self.namespace)}
        return [name for name, leaf in held.items() if name != secret and leaf and covers(names_of(leaf), self.host)]


def _unknown_path() -> str:
    """A path that no rule can have named."""
    return f"/{secrets.token_hex(4)}"


def _trusting_anybody() -> ssl.SSLContext:
    """For requests that ask who answers, not whether to trust it; the machine's own authorities take 30 ms to load."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
