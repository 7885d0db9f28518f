"""Why a Secret holds no issued certificate: Ingress → Certificate → Issuer → CertificateRequest."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.certmanager import complaint_about_annotation, complaint_about_certificate, silent_about
from kindlabs.diagnosis.events import changed_at, last_time, newest, said
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, dig, is_true

CERTIFICATE = "Certificate.cert-manager.io"
REQUEST = "CertificateRequest.cert-manager.io"
ISSUER = "Issuer.cert-manager.io"
CLUSTER_ISSUER = "ClusterIssuer.cert-manager.io"
ISSUER_LIKE = re.compile(r"issuer", re.I)
ANNOTATIONS = {"ClusterIssuer": "cert-manager.io/cluster-issuer", "Issuer": "cert-manager.io/issuer"}


def why_not_issued(scene: Scene, secret: str, namespace: str, issuer: str) -> Cause | None:
    """The first link that keeps ClusterIssuer *issuer* from issuing into *secret*; None when it is only on its way."""
    mine = certificates_of(scene, secret, namespace)
    if not mine:
        return _nothing_issues(scene, secret, namespace, scene.world.list(CERTIFICATE, namespace))
    certificate = certificate_of(scene, secret, namespace) or mine[0]
    found = (
        _two_of_them(mine, secret, scene)
        or _wrong_issuer(scene, certificate, issuer)
        or _request_refused(scene, certificate)
        or _no_request(scene, certificate)
        or _no_password(scene, certificate)
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


def _nothing_issues(scene: Scene, secret: str, namespace: str, certificates: list[Object]) -> Cause | None:
    refused = next((name for kind, space, name in scene.refused if kind in {"Certificate", "Ingress"}), None)
    if refused:
        kind = next(kind for kind, _, name in scene.refused if name == refused and kind in {"Certificate", "Ingress"})
        return scene.missing(kind, refused, namespace)
    ingress = ingress_with_tls(scene, namespace, secret)
    by_hand = [c for c in certificates if shim_of(scene, c) is None]
    if ingress and (not by_hand or _names_issuer(ingress)):
        return _shim_silent(scene, ingress, secret)
    for certificate in by_hand or certificates:
        stored = dig(certificate, "spec", "secretName")
        text = f"The certificate is stored in {stored}; nothing issues {secret}."
        kind, name, field = _where_secret_stands(scene, certificate, stored)
        step = f"-n {namespace} get certificate"
        return Cause("StoredElsewhere", kind, name, namespace, text, field, next_step=step)
    own = scene.world.get("Secret", secret, namespace)
    text = f"Nothing issues {secret}: no Certificate and no Ingress names it."
    if own:
        text = f"Secret {secret} was made by hand: no Certificate and no Ingress with an issuer names it."
    step = f"-n {namespace} get certificate,ingress"
    ingresses = scene.world.list("Ingress", namespace)
    name = ingresses[0]["metadata"]["name"] if ingresses else ""
    return Cause("NothingIssues", "Ingress", name, namespace, text, ("spec", "tls"), next_step=step)


def _names_issuer(ingress: Object) -> bool:
    annotations = ingress["metadata"].get("annotations") or {}
    return any(key in annotations for key in ANNOTATIONS.values())


def _shim_silent(scene: Scene, ingress: Object, secret: str) -> Cause | None:
    """An Ingress that names the Secret, and for which cert-manager makes no Certificate."""
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    annotations = ingress["metadata"].get("annotations") or {}
    field: Field = ("metadata", "annotations")
    if not _names_issuer(ingress):
        alike = next((f"; it has {key}" for key in annotations if ISSUER_LIKE.search(key)), "")
        labels = dig(ingress, "metadata", "labels", default={})
        alike = alike or next((f"; it has {key} as a label" for key in labels if ISSUER_LIKE.search(key)), "")
        text = (
            f"Ingress {name} names Secret {secret} but no issuer: it has no annotation {ANNOTATIONS['ClusterIssuer']}"
        )
        step = f"-n {namespace} get ingress {name} -o yaml"
        return about(ingress, "NoIssuerNamed", f"{text}{alike}.", field, next_step=step)
    namesake = scene.world.get(CERTIFICATE, secret, namespace)
    if namesake:  # cert-manager names the one that it makes after the Secret
        stored = dig(namesake, "spec", "secretName")
        text = f"Certificate {secret} stores into {stored}; cert-manager makes no other {secret} for Ingress {name}."
        return about(namesake, "StoredElsewhere", text, ("spec", "secretName"))
    event = newest(scene, ingress, "BadConfig", since=changed_at(ingress))
    if event:
        words = said(event).rstrip(".")
        place = re.search(r"spec\.tls\[(\d+)\]\.(\w+)", words)
        field = ("spec", "tls", int(place.group(1)), place.group(2)) if place else field
        return about(
            ingress, "IngressUnusable", f"cert-manager makes no Certificate of Ingress {name}: {words}.", field
        )
    complaint = complaint_about_annotation(scene, ingress)
    if complaint:
        key, words = complaint
        text = f"cert-manager makes no Certificate of Ingress {name}: {words}."
        return about(ingress, "IngressUnusable", text, ("metadata", "annotations", key))
    return silent_about(scene, ingress, "Certificate")


def _wrong_issuer(scene: Scene, certificate: Object, issuer: str) -> Cause | None:
    namespace = certificate["metadata"]["namespace"]
    reference = dig(certificate, "spec", "issuerRef", default={})
    kind, named = reference.get("kind") or "Issuer", reference.get("name", "")
    own = certificate["metadata"]["name"]
    if kind == "ClusterIssuer":
        exists = scene.world.get(CLUSTER_ISSUER, named) is not None
    else:
        exists = scene.world.get(ISSUER, named, namespace) is not None
    step = f"-n {namespace} describe certificate {own}"
    where, name, field = _where_issuer_stands(scene, certificate, kind)
    if not exists and kind == "Issuer" and scene.world.get(CLUSTER_ISSUER, named):
        text = f"cert-manager looks for an Issuer {named} in {namespace}; {named} is a ClusterIssuer."
        return Cause("IssuerKindWrong", where, name, namespace, text, field, next_step=step)
    if not exists:
        text = f"Certificate {own} waits for {kind} {named}, which does not exist."
        return Cause("IssuerNotFound", where, name, namespace, text, field, next_step=step)
    group = reference.get("group") or "cert-manager.io"
    if group != "cert-manager.io":
        text = f"Certificate {own} names an issuer of group {group}; {kind} {named} is of group cert-manager.io."
        return Cause("IssuerGroupWrong", where, name, namespace, text, field, next_step=step)
    if (kind, named) != ("ClusterIssuer", issuer):
        text = f"Certificate {own} is issued by {kind} {named}; ClusterIssuer {issuer} is required."
        return Cause("WrongIssuer", where, name, namespace, text, field, next_step=step)
    return _issuer_not_ready(scene, named)


def _issuer_not_ready(scene: Scene, name: str) -> Cause | None:
    issuer = scene.world.get(CLUSTER_ISSUER, name)
    if issuer is None or is_true(issuer, "Ready"):
        return None
    said = condition(issuer, "Ready").get("message", "it is not Ready")
    return Cause("IssuerNotReady", "ClusterIssuer", name, "", f"ClusterIssuer {name}: {said}", final=False, ours=True)


def _request_refused(scene: Scene, certificate: Object) -> Cause | None:
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    for request in _requests(scene, certificate):
        ready = condition(request, "Ready")
        if ready.get("reason") in {"Failed", "Denied"}:
            text = f"The request for Certificate {own} was refused: {ready.get('message', '')}"
            name = request["metadata"]["name"]
            step = f"-n {namespace} describe certificaterequest {name}"
            return Cause("RequestRefused", "CertificateRequest", name, namespace, text, next_step=step)
    unsigned = max((e for e in scene.world.list("Event", namespace) if _is_unsigned(e, own)), key=last_time, default={})
    # Times are whole seconds, and a Certificate of the same name may have been there until just before.
    if unsigned and age(changed_at(certificate)) - age(last_time(unsigned)) > 1:
        text = f"No certificate can be signed for Certificate {own}: {said(unsigned)}."
        return about(certificate, "RequestRefused", text, ("spec",))
    return None


def _is_unsigned(event: Object, certificate: str) -> bool:
    """Whether an event is about a request of *certificate* that nobody can sign; it is made again and again."""
    request = event.get("involvedObject", {})
    mine = request.get("kind") == "CertificateRequest" and request.get("name", "").rpartition("-")[0] == certificate
    return mine and event.get("reason") == "SigningError"


def _two_of_them(mine: list[Object], secret: str, scene: Scene) -> Cause | None:
    """Two Certificates that store into one Secret: each undoes what the other did. One that was written is to blame."""
    if len(mine) < 2:
        return None
    rival = max(mine, key=lambda c: shim_of(scene, c) is None)
    names = " and ".join(c["metadata"]["name"] for c in mine)
    kind, name, field = _where_secret_stands(scene, rival, secret)
    text = f"Certificates {names} both store into Secret {secret}; only one of them can be issued."
    return Cause("SecretShared", kind, name, rival["metadata"]["namespace"], text, field, next_step="get certificate")


def _no_request(scene: Scene, certificate: Object) -> Cause | None:
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


def _no_password(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate that is never stored, because the password of a keystore beside it is not there."""
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    for form, keystore in dig(certificate, "spec", "keystores", default={}).items():
        secret = dig(keystore, "passwordSecretRef", "name")
        if keystore.get("create") and secret and scene.world.get("Secret", secret, namespace) is None:
            text = f"Certificate {own} wants a password for {form} from Secret {secret}, which does not exist."
            return about(certificate, "PasswordNotFound", text, ("spec", "keystores", form, "passwordSecretRef"))
    return None


def _short_lived(scene: Scene, certificate: Object) -> Cause | None:
    """A Certificate that cert-manager's webhook would refuse, were there one."""
    first, last = (dig(certificate, "status", key) for key in ("notBefore", "notAfter"))
    if not first or not last or age(first) - age(last) >= SHORTEST_SECONDS:
        return None
    own = certificate["metadata"]["name"]
    seconds = age(first) - age(last)
    text = f"Certificate {own} is valid for {seconds:.0f} s; an hour is the shortest that cert-manager takes."
    ingress = shim_of(scene, certificate)
    if ingress:
        return about(ingress, "TooShort", text, ("metadata", "annotations", "cert-manager.io/duration"))
    return about(certificate, "TooShort", text, ("spec", "duration"))


SHORTEST_SECONDS = 3600
"""The shortest duration of a Certificate (cert-manager.io/docs/reference/api-docs, CertificateSpec)."""
NAMES = ("dnsNames", "commonName", "ipAddresses", "uris", "emailAddresses", "otherNames", "literalSubject")
"""Fields of a Certificate, at least one of which has to be set (cert-manager.io/docs/reference/api-docs)."""


def _requests(scene: Scene, certificate: Object) -> list[Object]:
    own, namespace = certificate["metadata"]["uid"], certificate["metadata"]["namespace"]
    found = scene.world.list(REQUEST, namespace)
    return [r for r in found if any(o["uid"] == own for o in dig(r, "metadata", "ownerReferences", default=[]))]


def ingress_with_tls(scene: Scene, namespace: str, secret: str) -> Object | None:
    """The first Ingress that names *secret* under tls."""
    ingresses = scene.world.list("Ingress", namespace)
    return next(
        (i for i in ingresses if any(e.get("secretName") == secret for e in dig(i, "spec", "tls", default=[]))), None
    )


def shim_of(scene: Scene, certificate: Object) -> Object | None:
    """The Ingress that cert-manager made a Certificate for."""
    for reference in dig(certificate, "metadata", "ownerReferences", default=[]):
        if reference.get("kind") == "Ingress":
            return scene.world.get("Ingress", reference["name"], certificate["metadata"]["namespace"])
    return None


def tls_place(ingress: Object, secret: str) -> int:
    """Which of its tls entries names *secret*."""
    entries = dig(ingress, "spec", "tls", default=[])
    return next((at for at, entry in enumerate(entries) if entry.get("secretName") == secret), 0)


def _where_secret_stands(scene: Scene, certificate: Object, secret: str) -> tuple[str, str, Field]:
    ingress = shim_of(scene, certificate)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("spec", "tls", tls_place(ingress, secret), "secretName")
    return "Certificate", certificate["metadata"]["name"], ("spec", "secretName")


def _where_issuer_stands(scene: Scene, certificate: Object, kind: str) -> tuple[str, str, Field]:
    ingress = shim_of(scene, certificate)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("metadata", "annotations", ANNOTATIONS.get(kind, ""))
    return "Certificate", certificate["metadata"]["name"], ("spec", "issuerRef")
