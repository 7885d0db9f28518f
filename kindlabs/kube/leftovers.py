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


MADE_BY_KUBERNETES = "endpointslice.kubernetes.io/managed-by in (endpointslice-controller.k8s.io)"
Changed = AbstractSet[tuple[str, str, str]]
"""Kind, namespace and name of what a submission changed."""


def sweep(api: Api, namespaces: Sequence[str], changed: Changed) -> set[tuple[str, str, str]]:
    """Delete what was made for the earlier form of an object in *changed*, or for one that is gone.

    Returns: kind, namespace and name of the Certificates that went.
    """
    for kind, namespace, name in changed:
        if kind == "Service":
            _forget_endpoints(api, namespace, name)
    swept: set[tuple[str, str, str]] = set()
    if api.resource(CERTIFICATE):
        for namespace in namespaces:
            swept |= _forget_certificates(api, namespace, changed)
    return swept


def _forget_endpoints(api: Api, namespace: str, name: str) -> None:
    """Kubernetes leaves the endpoints of a Service that lost its selector as they were."""
    service = api.get("Service", name, namespace)
    if service is None or service["spec"].get("selector"):
        return
    api.delete("Endpoints", name, namespace)
    mine = f"kubernetes.io/service-name={name},{MADE_BY_KUBERNETES}"
    for piece in api.list("EndpointSlice.discovery.k8s.io", namespace, mine):
        api.delete("EndpointSlice.discovery.k8s.io", piece["metadata"]["name"], namespace)


def _forget_certificates(api: Api, namespace: str, changed: Changed) -> set[tuple[str, str, str]]:
    """Delete Certificates that no Ingress asks for any more, and the Secrets of Certificates that are gone.

    cert-manager itself keeps the Certificate of an Ingress that lost its issuer annotation or of which it can make
    nothing any more, and the Secret of any Certificate that was deleted (cert-manager.io/docs/usage/certificate). So
    an Ingress that changed asks anew.
    """
    ingresses = {i["metadata"]["name"]: i for i in api.list("Ingress", namespace)}
    wanted, swept = set(), set()
    for certificate in api.list(CERTIFICATE, namespace):
        name = certificate["metadata"]["name"]
        if _is_wanted(certificate, ingresses, changed):
            wanted.add(name)
        else:
            api.delete(CERTIFICATE, name, namespace)
            swept.add(("Certificate", namespace, name))
    for secret in api.list("Secret", namespace):
        if (stored_for := _stored_for(secret)) and stored_for not in wanted:
            api.delete("Secret", secret["metadata"]["name"], namespace)
    return swept


def forget_issued(api: Api, certificate: str, namespace: str) -> None:
    """Delete the Secrets that hold what was issued for a Certificate."""
    for secret in api.list("Secret", namespace):
        if _stored_for(secret) == certificate:
            api.delete("Secret", secret["metadata"]["name"], namespace)


def _stored_for(secret: Object) -> str:
    return str((secret["metadata"].get("annotations") or {}).get(STORED_FOR, ""))


def _is_wanted(certificate: Object, ingresses: dict[str, Object], changed: Changed) -> bool:
    """Whether the Ingress that a Certificate was made for still asks for it; one that stands for itself is wanted."""
    for owner in certificate["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "Ingress":
            if ("Ingress", certificate["metadata"]["namespace"], owner["name"]) in changed:
                return False
            ingress = ingresses.get(owner["name"], {"metadata": {}, "spec": {}})
            annotated = any(key in (ingress["metadata"].get("annotations") or {}) for key in ISSUER_ANNOTATIONS)
            entries = ingress["spec"].get("tls") or []
            return annotated and any(e.get("secretName") == certificate["spec"]["secretName"] for e in entries)
    return True
