"""Why no CertificateRequest of a Certificate is signed, or none is made."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.certmanager import complaint_about_certificate, silent_about
from kindlabs.diagnosis.events import changed_at, last_time, said
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, is_true, owner_uids

REQUEST = "CertificateRequest.cert-manager.io"
NAMES = ("dnsNames", "commonName", "ipAddresses", "uris", "emailAddresses", "otherNames", "literalSubject")
"""Fields of a Certificate, at least one of which has to be set (cert-manager.io/docs/reference/api-docs)."""


def why_request_refused(scene: Scene, certificate: Object) -> Cause | None:
    """A request that failed, was denied, or that nobody can sign."""
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    for request in _requests(scene, certificate):
        ready = condition(request, "Ready")
        if ready.get("reason") in {"Failed", "Denied"}:
            text = f"The request for Certificate {own} was refused: {ready.get('message', '')}"
            return about(request, "RequestRefused", text)
    unsigned = max((e for e in scene.world.list("Event", namespace) if _is_unsigned(e, own)), key=last_time, default={})
    # Times are whole seconds, and a Certificate of the same name may have been there until just before.
    if unsigned and age(changed_at(certificate)) - age(last_time(unsigned)) > 1:
        text = f"No certificate can be signed for Certificate {own}: {said(unsigned)}."
        return about(certificate, "RequestRefused", text, ("spec",))
    return None


def why_no_request(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate of whose spec cert-manager can make no request; it says so in its log alone."""
    own, spec = certificate["metadata"]["name"], certificate["spec"]
    if is_true(certificate, "Ready"):
        return None
    if not any(spec.get(key) for key in NAMES):
        text = f"Certificate {own} names nothing that it is for: it needs dnsNames."
        return about(certificate, "CertificateForNothing", text, ("spec",))
    if _requests(scene, certificate):
        return None
    complaint = complaint_about_certificate(scene, certificate)
    if complaint:
        field, words = complaint
        text = f"cert-manager makes no request of Certificate {own}: {words}."
        return about(certificate, "CertificateUnusable", text, field)
    return silent_about(scene, certificate, "request")


def _requests(scene: Scene, certificate: Object) -> list[Object]:
    own, namespace = certificate["metadata"]["uid"], certificate["metadata"]["namespace"]
    found = scene.world.list(REQUEST, namespace)
    return [r for r in found if own in owner_uids(r)]


def _is_unsigned(event: Object, certificate: str) -> bool:
    """Whether an event is about a request of *certificate* that nobody can sign; it is made again and again."""
    request = event.get("involvedObject", {})
    mine = request.get("kind") == "CertificateRequest" and request.get("name", "").rpartition("-")[0] == certificate
    return mine and event.get("reason") == "SigningError"
