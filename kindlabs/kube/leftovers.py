"""What controllers leave behind when the object that they made it for asks for it no more.

A check that is run again must not pass on what an earlier version of the submission left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from kindlabs.kube.api import Api, Object

CERTIFICATE = "Certificate.cert-manager.io"
ISSUER_ANNOTATIONS = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
REQUEST = "CertificateRequest.cert-manager.io"
CERTIFICATE_NAME = "cert-manager.io/certificate-name"
"""cert-manager's annotation on the requests and Secrets that it makes: the Certificate that they are for."""
MADE_BY_KUBERNETES = "endpointslice.kubernetes.io/managed-by in (endpointslice-controller.k8s.io)"
Changed = AbstractSet[tuple[str, str, str]]
"""Kind, namespace and name of what a submission changed."""


def sweep(api: Api, namespaces: Sequence[str], changed: Changed, before: AbstractSet[str]) -> Changed:
    """Delete what was made for the earlier form of an object in *changed*, or for one that is gone.

    Args:
        before: the Certificates that were there before anything changed, by uid.

    Returns: the Certificates that went.
    """
    for kind, namespace, name in changed:
        if kind == "Service":
            _forget_endpoints(api, namespace, name)
    swept: set[tuple[str, str, str]] = set()
    if api.resource(CERTIFICATE):
        for namespace in namespaces:
            swept |= _forget_certificates(api, namespace, changed, before)
    return swept


def certificates(api: Api, namespaces: Sequence[str]) -> set[str]:
    """The uids of all Certificates in *namespaces*; none on a cluster without cert-manager."""
    if not api.resource(CERTIFICATE):
        return set()
    return {c["metadata"]["uid"] for namespace in namespaces for c in api.list(CERTIFICATE, namespace)}


def forget_issued(api: Api, certificate: str, namespace: str) -> None:
    """Delete what was requested and stored for a Certificate that was deleted."""
    _forget_issued(api, namespace, lambda name: name == certificate)


def _forget_endpoints(api: Api, namespace: str, name: str) -> None:
    """Kubernetes leaves the endpoints of a Service that lost its selector as they were."""
    service = api.get("Service", name, namespace)
    if service is None or service["spec"].get("selector"):
        return
    api.delete("Endpoints", name, namespace)
    mine = f"kubernetes.io/service-name={name},{MADE_BY_KUBERNETES}"
    for piece in api.list("EndpointSlice.discovery.k8s.io", namespace, mine):
        api.delete("EndpointSlice.discovery.k8s.io", piece["metadata"]["name"], namespace)


def _forget_certificates(api: Api, namespace: str, changed: Changed, before: AbstractSet[str]) -> Changed:
    """Delete Certificates that no Ingress asks for any more, and what was issued for Certificates that are gone.

    cert-manager itself keeps the Certificate of an Ingress that lost its issuer annotation or of which it can make
    nothing any more, and the Secret of any Certificate that was deleted (cert-manager.io/docs/usage/certificate). So
    an Ingress that changed asks anew.
    """
    ingresses = {i["metadata"]["name"]: i for i in api.list("Ingress", namespace)}
    wanted, swept = set(), set()
    for certificate in api.list(CERTIFICATE, namespace):
        name = certificate["metadata"]["name"]
        asked_anew = changed if certificate["metadata"]["uid"] in before else set()
        if _is_wanted(certificate, ingresses, asked_anew):
            wanted.add(name)
        else:
            api.delete(CERTIFICATE, name, namespace)
            forget_issued(api, name, namespace)
            swept.add(("Certificate", namespace, name))
    known = wanted | {name for _, _, name in swept}
    _forget_issued(api, namespace, lambda certificate: certificate not in known)
    return swept


def _forget_issued(api: Api, namespace: str, concerned: Callable[[str], bool]) -> None:
    """Delete requests and Secrets by the name of the Certificate that they were made for.

    Not left to the garbage collector, which hears of kinds that are new in a cluster half a minute late; cert-manager
    makes no request while an earlier one of the same name is there.
    """
    for kind in ("Secret", REQUEST):
        for thing in api.list(kind, namespace):
            if (certificate := _certificate_of(thing)) and concerned(certificate):
                api.delete(kind, thing["metadata"]["name"], namespace)


def _certificate_of(thing: Object) -> str:
    return str((thing["metadata"].get("annotations") or {}).get(CERTIFICATE_NAME, ""))


def _is_wanted(certificate: Object, ingresses: dict[str, Object], asked_anew: Changed) -> bool:
    """Whether the Ingress that a Certificate was made for still asks for it; one that stands for itself is wanted."""
    for owner in certificate["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "Ingress":
            if ("Ingress", certificate["metadata"]["namespace"], owner["name"]) in asked_anew:
                return False
            ingress = ingresses.get(owner["name"], {"metadata": {}, "spec": {}})
            annotated = any(key in (ingress["metadata"].get("annotations") or {}) for key in ISSUER_ANNOTATIONS)
            entries = ingress["spec"].get("tls") or []
            return annotated and any(e.get("secretName") == certificate["spec"]["secretName"] for e in entries)
    return True
