"""Which Ingress asks for a Certificate, which field of it says what, and why cert-manager's ingress-shim makes none."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.certmanager import complaint_about_annotation, silent_about
from kindlabs.diagnosis.events import changed_at, newest, said
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

CERTIFICATE = "Certificate.cert-manager.io"
ISSUER_LIKE = re.compile(r"issuer", re.I)
ANNOTATIONS = {"ClusterIssuer": "cert-manager.io/cluster-issuer", "Issuer": "cert-manager.io/issuer"}
"""By which annotation an Ingress names an issuer of a kind."""


def names_issuer(ingress: Object) -> bool:
    """Whether an Ingress asks an issuer for Certificates."""
    return any(key in (ingress["metadata"].get("annotations") or {}) for key in ANNOTATIONS.values())


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


def written_at(scene: Scene, certificate: Object, key: str) -> tuple[Object, Field]:
    """Where somebody wrote what a Certificate's spec says under *key*: in its Ingress where it has one, else there."""
    ingress, spec = shim_of(scene, certificate), certificate["spec"]
    if ingress is None:
        return certificate, ("spec", key)
    entry = ("spec", "tls", tls_place(ingress, spec.get("secretName", "")))
    annotations = ("metadata", "annotations")
    issuer_kind = dig(spec, "issuerRef", "kind", default="Issuer")
    places: dict[str, Field] = {
        "secretName": (*entry, "secretName"),
        "dnsNames": (*entry, "hosts"),
        "issuerRef": (*annotations, ANNOTATIONS.get(issuer_kind, "")),
    }
    return ingress, places.get(key, (*annotations, f"cert-manager.io/{key}"))


def why_no_certificate_of(scene: Scene, ingress: Object, secret: str) -> Cause | None:
    """Why cert-manager makes no Certificate of an Ingress that names Secret *secret* under tls."""
    if not names_issuer(ingress):
        return _no_issuer_named(ingress, secret)
    found = _name_taken(scene, ingress, secret) or _unusable(scene, ingress)
    return found or silent_about(scene, ingress, "Certificate")


def _no_issuer_named(ingress: Object, secret: str) -> Cause:
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    annotations, labels = (ingress["metadata"].get(key) or {} for key in ("annotations", "labels"))
    alike = [f"; it has {key}" for key in annotations if ISSUER_LIKE.search(key)]
    alike += [f"; it has {key} as a label" for key in labels if ISSUER_LIKE.search(key)]
    text = f"Ingress {name} names Secret {secret} but no issuer: it has no annotation {ANNOTATIONS['ClusterIssuer']}"
    step = f"-n {namespace} get ingress {name} -o yaml"
    return about(ingress, "NoIssuerNamed", f"{text}{''.join(alike[:1])}.", ("metadata", "annotations"), next_step=step)


def _name_taken(scene: Scene, ingress: Object, secret: str) -> Cause | None:
    """Another Certificate of the name that cert-manager would take: the Secret's."""
    namesake = scene.world.get(CERTIFICATE, secret, ingress["metadata"]["namespace"])
    if namesake is None:
        return None
    stored, name = dig(namesake, "spec", "secretName"), ingress["metadata"]["name"]
    text = f"Certificate {secret} stores into {stored}; cert-manager makes no other {secret} for Ingress {name}."
    return about(namesake, "StoredElsewhere", text, ("spec", "secretName"))


def _unusable(scene: Scene, ingress: Object) -> Cause | None:
    """What cert-manager says of an Ingress that it cannot use: of tls in an event, of annotations in its log."""
    field: Field = ("metadata", "annotations")
    event = newest(scene, ingress, "BadConfig", since=changed_at(ingress))
    if event:
        words = said(event).rstrip(".")
        place = re.search(r"spec\.tls\[(\d+)\]\.(\w+)", words)
        field = ("spec", "tls", int(place.group(1)), place.group(2)) if place else field
    elif complaint := complaint_about_annotation(scene, ingress):
        key, words = complaint
        field = (*field, key)
    else:
        return None
    text = f"cert-manager makes no Certificate of Ingress {ingress['metadata']['name']}: {words}."
    return about(ingress, "IngressUnusable", text, field)
