"""What controllers leave behind when the object that they made it for asks for it no more.

A check that is run again must not pass on what an earlier version of the submission left.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from kindlabs.kube.api import Api, Object
from kindlabs.kube.notes import Key
from kindlabs.kube.objects import is_true
from kindlabs.kube.ownership import LEARNER_MANAGER, is_written_by

CERTIFICATE = "Certificate.cert-manager.io"
ISSUER_ANNOTATIONS = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
REQUEST = "CertificateRequest.cert-manager.io"
CERTIFICATE_NAME = "cert-manager.io/certificate-name"
"""cert-manager's annotation on the requests and Secrets that it makes: the Certificate that they are for."""


def sweep(api: Api, namespaces: Sequence[str], *, restless: bool) -> set[Key]:
    """Delete Certificates that no Ingress asks for any more, and what was issued for Certificates that are gone.

    cert-manager itself keeps the Secret of any Certificate that was deleted (cert-manager.io/docs/usage/certificate),
    and the Certificate of an Ingress of which it can make nothing any more.

    Args:
        restless: whether those go too that were made for an Ingress and never became Ready: cert-manager tries these
            again after an hour.

    Returns: the Certificates that went; none on a cluster without cert-manager.
    """
    swept: set[Key] = set()
    for namespace in namespaces if api.resource(CERTIFICATE) else ():
        ingresses = {i["metadata"]["uid"]: i for i in api.list("Ingress.networking.k8s.io", namespace)}
        certificates = api.list(CERTIFICATE, namespace)
        for certificate in certificates:
            if not _is_wanted(certificate, ingresses, restless=restless):
                key = Key(CERTIFICATE, certificate["metadata"]["name"], namespace)
                api.delete(*key)
                swept.add(key)
        known = {certificate["metadata"]["name"] for certificate in certificates} - {key.name for key in swept}
        _forget_issued(api, namespace, known)
    return swept


def names_issuer(ingress: Object) -> bool:
    """Whether an Ingress asks an issuer for Certificates."""
    return any(key in (ingress["metadata"].get("annotations") or {}) for key in ISSUER_ANNOTATIONS)


def _forget_issued(api: Api, namespace: str, known: AbstractSet[str]) -> None:
    """Delete requests and Secrets that were made for a Certificate which is none of *known*.

    Not left to the garbage collector, which hears of kinds that are new in a cluster half a minute late; cert-manager
    makes no request while an earlier one of the same name is there.
    """
    for kind in ("Secret", REQUEST):
        for thing in api.list(kind, namespace):
            certificate = _certificate_of(thing)
            if certificate and certificate not in known and not is_written_by(thing, LEARNER_MANAGER):
                api.delete(kind, thing["metadata"]["name"], namespace)


def _certificate_of(thing: Object) -> str:
    return str((thing["metadata"].get("annotations") or {}).get(CERTIFICATE_NAME, ""))


def _is_wanted(certificate: Object, ingresses: dict[str, Object], *, restless: bool) -> bool:
    """Whether the Ingress that a Certificate was made for still asks for it; one that stands for itself is wanted."""
    for owner in certificate["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "Ingress":
            ingress = ingresses.get(owner["uid"], {"metadata": {}, "spec": {}})
            entries = ingress["spec"].get("tls") or []
            asked = names_issuer(ingress) and any(
                e.get("secretName") == certificate["spec"]["secretName"] for e in entries
            )
            return asked and (is_true(certificate, "Ready") or not restless)
    return True
