"""Why a Secret holds no issued certificate: Ingress → Certificate → Issuer → CertificateRequest."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.certmanager import complaint_about_secret
from kindlabs.diagnosis.issuers import why_wrong_issuer
from kindlabs.diagnosis.shim import (
    CERTIFICATE,
    ingress_with_tls,
    names_issuer,
    shim_of,
    why_no_certificate_of,
    written_at,
)
from kindlabs.diagnosis.signing import why_no_request, why_request_refused
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig, is_true

SHORTEST_SECONDS = 3600
"""The shortest duration of a Certificate (cert-manager.io/docs/reference/api-docs, CertificateSpec). cert-manager's
webhook would refuse a shorter one; the controller, which runs alone here, issues it."""


def why_not_issued(scene: Scene, secret: str, namespace: str, issuer: str) -> Cause | None:
    """The first link that keeps ClusterIssuer *issuer* from issuing into *secret*; None when it is only on its way."""
    mine = certificates_of(scene, secret, namespace)
    if not mine:
        return _nothing_issues(scene, secret, namespace)
    certificate = certificate_of(scene, secret, namespace) or mine[0]
    found = (
        _two_of_them(scene, mine)
        or why_wrong_issuer(scene, certificate, issuer)
        or why_request_refused(scene, certificate)
        or why_no_request(scene, certificate)
        or _no_password(scene, certificate)
        or _not_stored(scene, certificate)
        or _short_lived(scene, certificate)
    )
    return found.behind(f"Secret {secret} waits for Certificate {certificate['metadata']['name']}") if found else None


def certificate_of(scene: Scene, secret: str, namespace: str) -> Object | None:
    """The Certificate that stores into *secret*: a Ready one before one that is not."""
    mine = certificates_of(scene, secret, namespace)
    return min(mine, key=lambda c: not is_true(c, "Ready"), default=None)


def certificates_of(scene: Scene, secret: str, namespace: str) -> list[Object]:
    """All Certificates that store into *secret*."""
    return [c for c in scene.world.list(CERTIFICATE, namespace) if dig(c, "spec", "secretName") == secret]


def _nothing_issues(scene: Scene, secret: str, namespace: str) -> Cause | None:
    certificates = scene.world.list(CERTIFICATE, namespace)
    by_hand = [c for c in certificates if shim_of(scene, c) is None]
    ingress = ingress_with_tls(scene, namespace, secret)
    refused = scene.why_refused(namespace, "Certificate", *(() if ingress else ("Ingress",)))
    if refused and not by_hand:
        return refused
    if ingress and (not by_hand or names_issuer(ingress)):
        return why_no_certificate_of(scene, ingress, secret)
    if certificates:
        return _stored_elsewhere(scene, secret, (by_hand or certificates)[0])
    return _nobody_asks(scene, secret, namespace)


def _stored_elsewhere(scene: Scene, secret: str, certificate: Object) -> Cause:
    text = f"The certificate is stored in {dig(certificate, 'spec', 'secretName')}; nothing issues {secret}."
    step = f"-n {certificate['metadata']['namespace']} get certificate"
    thing, field = written_at(scene, certificate, "secretName")
    return about(thing, "StoredElsewhere", text, field, next_step=step)


def _nobody_asks(scene: Scene, secret: str, namespace: str) -> Cause:
    text = f"Nothing issues {secret}: no Certificate and no Ingress names it."
    if scene.world.get("Secret", secret, namespace):
        text = f"Secret {secret} was made by hand: no Certificate and no Ingress with an issuer names it."
    name = next((ingress["metadata"]["name"] for ingress in scene.world.list("Ingress", namespace)), "")
    step = f"-n {namespace} get certificate,ingress"
    return Cause("NothingIssues", "Ingress", name, namespace, text, ("spec", "tls"), next_step=step)


def _two_of_them(scene: Scene, mine: list[Object]) -> Cause | None:
    """Two Certificates that store into one Secret: each undoes what the other did. One that was written is to blame."""
    if len(mine) < 2:
        return None
    rival = max(mine, key=lambda c: shim_of(scene, c) is None)
    names = " and ".join(c["metadata"]["name"] for c in mine)
    text = f"Certificates {names} both store into Secret {rival['spec']['secretName']}; only one of them can be issued."
    thing, field = written_at(scene, rival, "secretName")
    return about(thing, "SecretShared", text, field, next_step=f"-n {rival['metadata']['namespace']} get certificate")


def _no_password(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate that is never stored, because the password of a keystore beside it is not there."""
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    for form, keystore in dig(certificate, "spec", "keystores", default={}).items():
        secret = dig(keystore, "passwordSecretRef", "name")
        if keystore.get("create") and secret and scene.world.get("Secret", secret, namespace) is None:
            text = f"Certificate {own} wants a password for {form} from Secret {secret}, which does not exist."
            return about(certificate, "PasswordNotFound", text, ("spec", "keystores", form, "passwordSecretRef"))
    return None


def _not_stored(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate that was signed, and whose Secret cert-manager cannot write."""
    name, secret = certificate["metadata"]["name"], certificate["spec"]["secretName"]
    if is_true(certificate, "Ready"):
        return None
    held = scene.world.get("Secret", secret, certificate["metadata"]["namespace"])
    if held and held.get("immutable"):
        text = f"cert-manager cannot store Certificate {name} into Secret {secret}: it is immutable."
        return about(held, "SecretImmutable", text, ("immutable",))
    words = complaint_about_secret(scene, certificate)
    if not words:
        return None
    field = ("spec", "secretTemplate") if "metadata." in words else ("spec",)
    text = f"cert-manager cannot store Certificate {name} into Secret {secret}: {words.rstrip('.')}."
    return about(certificate, "NotStored", text, field)


def _short_lived(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate that cert-manager's webhook would refuse, were there one."""
    first, last = (dig(certificate, "status", key) for key in ("notBefore", "notAfter"))
    if not first or not last or age(first) - age(last) >= SHORTEST_SECONDS:
        return None
    own, seconds = certificate["metadata"]["name"], age(first) - age(last)
    text = f"Certificate {own} is valid for {seconds:.0f} s; an hour is the shortest that cert-manager takes."
    thing, field = written_at(scene, certificate, "duration")
    return about(thing, "TooShort", text, field)
