"""Expectations on Secrets that hold issued certificates."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.certificates import SHORTEST_SECONDS, certificates_of, why_not_issued
from kindlabs.errors import InfraError
from kindlabs.expectations.named import NamedObject
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig
from kindlabs.patience import ACTION_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

CA_SECRET, CA_NAMESPACE = "lab-ca", "cert-manager"


class IssuedSecret(NamedObject):
    """One Secret by name, into which cert-manager stores a certificate and its key."""

    kind = "Secret"

    def is_issued_by(self, cluster_issuer: str) -> None:
        """A Ready Certificate of ClusterIssuer *cluster_issuer* stores into the Secret, and the key fits."""

        def look() -> Look:
            certificates = certificates_of(self.lab.scene, self.name, self.namespace)
            if len(certificates) != 1:
                return Look(False, f"{len(certificates) or 'no'} Certificates store into Secret {self.name}")
            certificate = certificates[0]
            reference = dig(certificate, "spec", "issuerRef", default={})
            if (reference.get("kind"), reference.get("name")) != ("ClusterIssuer", cluster_issuer):
                return Look(False, f"its issuer is {reference.get('kind', 'Issuer')} {reference.get('name')}")
            ready = condition(certificate, "Ready")
            current = ready.get("observedGeneration") == certificate["metadata"]["generation"]
            if ready.get("status") != "True" or not current:
                return Look(False, ready.get("message", "the Certificate is not Ready yet"))
            problem = self._problem()
            return Look(not problem, problem or "issued, and the key fits")

        def why() -> Cause | None:
            return why_not_issued(self.lab.scene, self.name, self.namespace, cluster_issuer)

        expected = f"Secret {self.name} holds a certificate issued by ClusterIssuer {cluster_issuer}, and its key"
        self.lab.expect(expected, look, why)

    def delete(self) -> None:
        """Delete the Secret."""
        self.lab.deadline.grant(ACTION_SECONDS)
        self.lab.api.delete("Secret", self.name, self.namespace)

    def _problem(self) -> str:
        """What is wrong with what the Secret holds, in words; empty when nothing is."""
        secret = self.find()
        leaf = read_certificate(secret)
        if secret is None or leaf is None:
            return f"Secret {self.name} holds no certificate"
        if _public_half(secret["data"].get("tls.key", "")) != _public(leaf.public_key()):
            return f"the key in Secret {self.name} does not fit its certificate"
        ca = x509.load_pem_x509_certificate(lab_ca(self.lab).encode())
        try:
            leaf.verify_directly_issued_by(ca)
        except Exception:  # each key type raises its own
            return f"the certificate in Secret {self.name} is not signed by the lab's CA"
        if (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() < SHORTEST_SECONDS:
            return f"the certificate in Secret {self.name} is valid for less than an hour"
        return ""


def lab_ca(lab: Lab) -> str:
    """The certificate of the lab's CA, as PEM. Raises: InfraError when the cluster has none."""
    secret = lab.world.get("Secret", CA_SECRET, CA_NAMESPACE)
    if secret is None:
        raise InfraError(f"Secret {CA_SECRET} in {CA_NAMESPACE} is gone: the cluster has no lab CA", "make clean")
    return base64.b64decode(secret["data"]["tls.crt"]).decode()


def read_certificate(secret: Object | None) -> x509.Certificate | None:
    """The first certificate in a TLS Secret; None when there is none that can be read."""
    text = base64.b64decode(dig(secret, "data", "tls.crt", default=""))
    try:
        return x509.load_pem_x509_certificate(text)
    except ValueError:
        return None


def names_of(certificate: x509.Certificate) -> list[str]:
    """The DNS names of a certificate; its common name where it has none."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return found.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return [str(a.value) for a in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _public_half(data: str) -> bytes:
    """The public half of a Secret's key; that the private half is sound, a handshake shows in a tenth of the time."""
    try:
        key = serialization.load_pem_private_key(base64.b64decode(data), None, unsafe_skip_rsa_key_validation=True)
    except ValueError:  # no key at all
        return b""
    return _public(key.public_key())


def _public(key: object) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, form)  # type: ignore[attr-defined,no-any-return]
