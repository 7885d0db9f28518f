"""Expectations on CertificateSigningRequests: whom the cluster takes their holder for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.expectations.access import Subject
from kindlabs.expectations.named import NamedObject
from kindlabs.kube import identity
from kindlabs.kube.api import ApiError, Object
from kindlabs.kube.objects import condition, dig
from kindlabs.patience import READY_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

CLIENT_AUTH = "client auth"


class CertificateRequest(NamedObject):
    """One CertificateSigningRequest by name. A person with the right to approves it; here the instructor does."""

    kind = identity.KIND

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab, name, "")

    def approve(self) -> None:
        """Approve it, as whoever looks after the cluster would."""
        request = self.find()
        if request is None or condition(request, "Approved"):
            return
        live = self.lab.api.get(self.kind, self.name) or request
        identity.approve(self.lab.api, live, "Instructor", "the lab's instructor")

    def makes_user(self, name: str, *groups: str) -> None:
        """The certificate that is signed for it makes its holder user *name*, a member of just *groups*."""
        self.lab.deadline.grant(READY_SECONDS)
        said = f"user {name} of group {', '.join(groups)}"

        def look(request: Object) -> Look:
            self._try_to_approve()
            leaf = _certificate(request)
            if leaf is None:
                return Look(False, "no certificate was signed for it")
            user, of = _identity(leaf.subject)
            return Look(user == name and set(of) == set(groups), f"a certificate for {_named(user, of)}")

        def why(request: Object) -> Cause | None:
            return _why_unsigned(request) or _why_somebody_else(request, name, groups)

        expected = f"a certificate for {said}, signed for {self}"
        self.lab.expect(expected, self.seen(look), self.explained(why))

    @property
    def holder(self) -> Subject:
        """Whom the API server takes the certificate's holder for; nobody where none was signed."""
        leaf = _certificate(self.find() or {})
        user, groups = _identity(leaf.subject) if leaf else ("system:anonymous", [])
        return Subject(self.lab, user, (*groups, "system:authenticated") if leaf else ("system:unauthenticated",))

    def _try_to_approve(self) -> None:
        try:
            self.approve()
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or changed meanwhile: the next look tries again
                raise


def _certificate(request: Object) -> x509.Certificate | None:
    pem = dig(request, "status", "certificate")
    return x509.load_pem_x509_certificate(base64.b64decode(pem)) if pem else None


def _identity(subject: x509.Name) -> tuple[str, list[str]]:
    """User and groups, as the API server reads a subject: common name and organizations."""
    names = [str(part.value) for part in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return (names[0] if names else ""), [
        str(part.value) for part in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ]


def _named(user: str, groups: list[str]) -> str:
    return f"user {user or 'without a name'} of {', '.join(groups) or 'no group'}"


def _why_unsigned(request: Object) -> Cause | None:
    name, spec = request["metadata"]["name"], request["spec"]
    what = f"CertificateSigningRequest {name}"
    if spec.get("signerName") != identity.SIGNER:
        text = f"{what} asks signer {spec.get('signerName')}; certificates of users come from {identity.SIGNER}."
        return about(request, "WrongSigner", text, ("spec", "signerName"))
    usages = spec.get("usages") or []
    if CLIENT_AUTH not in usages:
        text = f"{what} is for {', '.join(usages)}; whoever asks the API server needs {CLIENT_AUTH}."
        return about(request, "WrongUsage", text, ("spec", "usages"))
    failed = condition(request, "Failed").get("message") or condition(request, "Denied").get("message")
    return about(request, "NotSigned", f"{what} is not signed: {failed}.", ("spec",)) if failed else None


def _why_somebody_else(request: Object, name: str, groups: tuple[str, ...]) -> Cause | None:
    try:
        asked = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
    except ValueError:
        return None
    user, of = _identity(asked.subject)
    if user == name and set(of) == set(groups):
        return None
    text = f"CertificateSigningRequest {request['metadata']['name']} is for {_named(user, of)}"
    wanted = f"user {name} of {', '.join(groups)}: CN={name}, O={', O='.join(groups)}"
    return about(request, "WrongSubject", f"{text}; expected {wanted}.", ("spec", "request"))
