"""Expectations on hosts behind the Ingress controller, as a browser on this machine would reach them."""

from __future__ import annotations

import secrets
import socket
import ssl
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
    why_not_everything,
)
from kindlabs.diagnosis.services import why_strangers
from kindlabs.diagnosis.serving import covers, why_another_served, why_not_served
from kindlabs.expectations.backends import Backends
from kindlabs.expectations.certificates import lab_ca, names_of, read_certificate
from kindlabs.expectations.deployments import Deployment
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.services import Service
from kindlabs.kube import bounded
from kindlabs.waiting import ACTION_SECONDS, Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

REQUEST_SECONDS = 5.0


class Website:
    """``https://host`` through the host's mapped port, with SNI and Host header; addresses of nodes are not needed."""

    def __init__(self, lab: Lab, host: str) -> None:
        self.lab, self.host = lab, host

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 that is mapped to the Ingress controller's HTTPS port."""
        return self.lab.ports["https"]

    def answers(
        self,
        path: str,
        *,
        times: int,
        from_pods_of: Deployment | None = None,
        from_every_pod_of: Deployment | None = None,
    ) -> None:
        """All of *times* HTTPS requests are answered with 200, by Pods of a Deployment and by nobody else.

        Args: from_every_pod_of: in place of from_pods_of; each of its Pods has to answer at least once.
        """
        backends = Backends.of(from_pods_of, from_every_pod_of)
        scene, space, bodies = self.lab.scene, self.lab.namespace, list[str]()

        def look() -> Look:
            replies = self._ask(path, times)
            bodies[:] = replies.bodies
            return backends.have_sent(replies, times)

        def why() -> Cause | None:
            behind = service_behind(scene, self.host, space, path)
            return (
                why_host_does_not_answer(scene, self.host, space, path)
                or why_strangers(scene, behind, space, backends.deployment.pods)
                or backends.why_other_answer(self._url(path), bodies)
            )

        self.lab.expect_traffic(f"{times} of {times} answers 200 from {self._url(path)}, from {backends}", look, why)

    def leads_everywhere_to(self, service: Service) -> None:
        """Every path of the host is answered with 200, one that nobody can have named too, and by no other Service."""
        scene, space, paths = self.lab.scene, self.lab.namespace, ("/", _unknown_path())

        def look() -> Look:
            for path in paths:
                replies = self._ask(path, 1)
                if replies.errors:
                    return Look(False, f"{replies.errors[0]} from {self._url(path)}")
            parts = why_not_everything(scene, self.host, space, service.name)
            return Look(parts is None, parts.message if parts else "every path is answered")

        def why() -> Cause | None:
            found = next(
                filter(None, (why_host_does_not_answer(scene, self.host, space, path) for path in paths)), None
            )
            whole = why_not_everything(scene, self.host, space, service.name)
            # Which of two Ingresses is the wrong one, only the second walk can tell.
            return whole if whole and (found is None or found.reason == "RoutedTwice") else found

        self.lab.expect_traffic(f"{self._url('')} leads to Service {service.name} on every path", look, why)

    def is_refused(self, status: int = 404) -> None:
        """The Ingress controller answers *status* on every path for which a rule could let this host through."""

        def look() -> Look:
            ways = ways_to(self.lab.scene, self.host, self.lab.namespace)
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
            return why_host_answers(self.lab.scene, self.host, self.lab.namespace)

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
            own = read_certificate(self.lab.world.get("Secret", secret, self.lab.namespace))
            if own is None or own.serial_number != served.serial_number:
                return Look(False, f"serial {served.serial_number:x}, which is not the one in Secret {secret}")
            if another := self._why_another_served(secret):
                return Look(False, another.message)
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
        scene, space = self.lab.scene, self.lab.namespace
        found = why_not_issued(scene, secret, space, "lab-ca") or why_not_served(scene, self.host, secret, space)
        return found or self._why_another_served(secret)

    def _why_another_served(self, secret: str) -> Cause | None:
        """Why the certificate of another Secret may be served as well as the one in *secret*."""
        held = {s["metadata"]["name"]: read_certificate(s) for s in self.lab.world.list("Secret", self.lab.namespace)}
        others = [name for name, leaf in held.items() if name != secret and leaf and covers(names_of(leaf), self.host)]
        return why_another_served(self.lab.scene, self.host, others, self.lab.namespace)


def _unknown_path() -> str:
    """A path that no rule can have named."""
    return f"/{secrets.token_hex(4)}"


def _trusting_anybody() -> ssl.SSLContext:
    """For requests that ask who answers, not whether to trust it; the machine's own authorities take 30 ms to load."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
