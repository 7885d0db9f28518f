"""What controllers leave behind when the object that they made it for asks for it no more.

A check that is run again must not pass on what an earlier version of the submission left.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from kindlabs.kube.api import Api, Object

CERTIFICATE = "Certificate.cert-manager.io"
ISSUER_ANNOTATIONS = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
STORED_FOR = "cert-manager.io/certificate-name"
"""cert-manager's annotation on the Secrets that it writes: the Certificate whose key and chain they hold."""


def sweep(api: Api, namespaces: Sequence[str], changed: AbstractSet[tuple[str, str]]) -> None:
    """Delete Certificates that no Ingress asks for any more, and the Secrets of Certificates that are gone.

    An Ingress that is in *changed* (namespace, name) asks anew: cert-manager keeps what it made for the earlier form
    where it can make nothing of the new one.

    cert-manager itself keeps the Certificate of an Ingress that lost its issuer annotation, and the Secret of any
    Certificate that was deleted (cert-manager.io/docs/usage/certificate).
    """
    if api.resource(CERTIFICATE) is None:
        return
    for namespace in namespaces:
        ingresses = {i["metadata"]["name"]: i for i in api.list("Ingress", namespace)}
        wanted = set()
        for certificate in api.list(CERTIFICATE, namespace):
            name = certificate["metadata"]["name"]
            if _is_wanted(certificate, ingresses, changed):
                wanted.add(name)
            else:
                api.delete(CERTIFICATE, name, namespace)
        for secret in api.list("Secret", namespace):
            stored_for = (secret["metadata"].get("annotations") or {}).get(STORED_FOR)
            if stored_for and stored_for not in wanted:
                api.delete("Secret", secret["metadata"]["name"], namespace)


def _is_wanted(certificate: Object, ingresses: dict[str, Object], changed: AbstractSet[tuple[str, str]]) -> bool:
    """Whether the Ingress that a Certificate was made for still asks for it; one that stands for itself is wanted."""
    for owner in certificate["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "Ingress":
            if (certificate["metadata"]["namespace"], owner["name"]) in changed:
                return False
            ingress = ingresses.get(owner["name"], {"metadata": {}, "spec": {}})
            annotated = any(key in (ingress["metadata"].get("annotations") or {}) for key in ISSUER_ANNOTATIONS)
            entries = ingress["spec"].get("tls") or []
            return annotated and any(e.get("secretName") == certificate["spec"]["secretName"] for e in entries)
    return True
