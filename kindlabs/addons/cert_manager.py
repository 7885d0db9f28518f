"""Add-on ``cert-manager``: ClusterIssuer ``lab-ca`` signs certificates.

What cert-manager leaves behind goes before a run, so that no check passes on what an earlier version of the submission
left; what it made for an Ingress is known here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kindlabs.diagnosis.shim import names_issuer
from kindlabs.kube.api import Api, Object
from kindlabs.kube.leftovers import Leftovers
from kindlabs.kube.notes import Key
from kindlabs.kube.objects import condition, dig, is_true, owner_uids
from kindlabs.kube.ownership import LEARNER_MANAGER, is_written_by
from kindlabs.kube.probing import NAMESPACE, own
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

ISSUER = "lab-ca"
"""The ClusterIssuer, and the Secret in AUTHORITY that holds its CA."""
AUTHORITY = "cert-manager"
"""The namespace of the add-on."""
INGRESS, CERTIFICATE = "Ingress.networking.k8s.io", "Certificate.cert-manager.io"
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
        ingresses = {i["metadata"]["uid"]: i for i in api.list(INGRESS, namespace)}
        certificates = api.list(CERTIFICATE, namespace)
        for certificate in certificates:
            if not _is_wanted(certificate, ingresses, restless=restless):
                key = Key(CERTIFICATE, certificate["metadata"]["name"], namespace)
                api.delete(*key)
                swept.add(key)
        known = {certificate["metadata"]["name"] for certificate in certificates} - {key.name for key in swept}
        _forget_issued(api, namespace, known)
    return swept


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


def _is_served(live: Object, there: Mapping[Key, Object]) -> bool:
    """Whether an Ingress has the Certificates that it asks for; where another's was, nobody looks again."""
    if live["kind"] != "Ingress" or not names_issuer(live):
        return True
    uid = live["metadata"]["uid"]
    mine = [t for t in there.values() if uid in owner_uids(t)]
    made = {dig(thing, "spec", "secretName") for thing in mine if thing["kind"] == "Certificate"}
    return {entry.get("secretName") for entry in dig(live, "spec", "tls", default=[])} <= made


def _signs(trial: Trial) -> str | None:
    """A new request, and with the key in Secret ``lab-ca``."""
    request = trial.now(trial.send(_request(trial.name)))
    which = f"CertificateRequest {trial.name} of our own in {NAMESPACE}"
    if not is_true(request, "Ready"):
        said = condition(request, "Ready").get("message", "cert-manager says nothing about it")
        return f"ClusterIssuer {ISSUER} does not sign {which}: {said}"
    authority = trial.api.get("Secret", ISSUER, AUTHORITY)
    if authority is None:
        return f"Secret {ISSUER} in {AUTHORITY}, the authority itself, is not there"
    leaf, issuer = _certificate(request["status"]["certificate"]), _certificate(authority["data"]["tls.crt"])
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError) as error:
        return f"{which} is not signed by the authority in Secret {ISSUER}: {error}"
    return None


def _request(name: str) -> Object:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(f"{name}.localhost")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    pem = csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    issuer = {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": ISSUER}
    spec = {"request": base64.b64encode(pem).decode(), "issuerRef": issuer}
    return own("cert-manager.io/v1", "CertificateRequest", name, spec)


def _certificate(data: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(base64.b64decode(data))


def _issues(sight: Sight) -> str | None:
    """The authority is ready to issue, somebody is there who does it, and it is still the same one."""
    issuer = sight.get(f"/apis/cert-manager.io/v1/clusterissuers/{ISSUER}")
    if not is_true(issuer, "Ready"):
        return f"ClusterIssuer {ISSUER} is not ready"
    if not any(is_true(pod, "Ready") for pod in sight.list(f"/api/v1/namespaces/{AUTHORITY}/pods")):
        return "no Pod of cert-manager is ready"
    return _other_authority(sight)


def _other_authority(sight: Sight) -> str | None:
    """The authority is the one that issued the probe's certificate; a new one would disown what it issued to others."""
    own, issued = ((AUTHORITY, ISSUER), (NAMESPACE, "probe-tls"))
    authority, leaf = (sight.get(f"/api/v1/namespaces/{n}/secrets/{s}").get("data", {}) for n, s in (own, issued))
    same = authority.get("tls.crt") and authority.get("tls.crt") == leaf.get("ca.crt")
    return None if same else "the lab's CA is not the one that issued the probe's certificate"


PROMISES = (Promise("lab-ca-signs", f"ClusterIssuer {ISSUER} signs a new request.", _signs, glance=_issues),)
MADE_OF = {INGRESS: (CERTIFICATE, REQUEST, "Secret"), CERTIFICATE: (REQUEST, "Secret")}
LEFTOVERS = Leftovers(sweep, _is_served, MADE_OF)
