"""Why a certificate is not issued, or another is served: from objects as a real cluster sent them (recorded/)."""

from __future__ import annotations

import copy
import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from worlds import scene_with, thing

from kindlabs.diagnosis.cause import Scene
from kindlabs.diagnosis.certificates import why_not_issued
from kindlabs.diagnosis.serving import covers, why_another_served, why_not_served, why_wildcard_fails
from kindlabs.kube.world import World

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "certificates.json").read_text())
CLASS = {"kind": "IngressClass", "metadata": {"name": "traefik"}, "spec": {}}


class RecordedWorld:
    """A world of one recorded submission, whose objects a test may change."""

    def __init__(self, name: str) -> None:
        self.objects = [CLASS, *copy.deepcopy(RECORDED[name])]

    def get(self, kind: str, name: str, _namespace: str | None = None) -> Any:
        """The object of that name."""
        return next((o for o in self.list(kind) if o["metadata"]["name"] == name), None)

    def list(self, kind: str, _namespace: str | None = None, _labels: object = None) -> list[Any]:
        """The objects of a kind."""
        return [o for o in self.objects if o["kind"] == kind.partition(".")[0]]


@pytest.mark.parametrize(
    ("name", "reason", "says", "at"),
    [
        ("two-certificates", "SecretShared", "Certificates one and two both store into Secret web-tls", "secretName"),
        ("two-issuers", "IngressUnusable", 'cluster-issuer" may not be set.', "annotations"),
        ("other-group", "IssuerGroupWrong", "names an issuer of group cert-manager.k8s.io", "issuerRef"),
        ("short", "TooShort", "Certificate web-tls is valid for 1800 s; an hour is the shortest", "duration"),
    ],
)
def test_what_is_never_issued_is_told(name: str, reason: str, says: str, at: str) -> None:
    """Each mistake that cert-manager does not mend has its own final cause, at its own field."""
    cause = why_not_issued(Scene(cast("World", RecordedWorld(name))), "web-tls", "lab-03", "lab-ca")

    assert cause is not None
    assert (cause.reason, cause.final, cause.ours, cause.field[-1]) == (reason, True, False, at)
    assert says in cause.message


def test_two_certificates_are_told_while_one_is_ready() -> None:
    """That two Certificates share a Secret shows in their specs, before one of them undoes what the other did."""
    world = RecordedWorld("two-certificates")
    for certificate in world.list("Certificate"):
        certificate["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    cause = why_not_issued(Scene(cast("World", world)), "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.reason == "SecretShared"


def test_a_password_that_is_not_there_is_told() -> None:
    """cert-manager stores nothing of a Certificate while it cannot make the keystore that is to stand beside it."""
    world = RecordedWorld("short")
    keystore = {"create": True, "passwordSecretRef": {"name": "mine", "key": "password"}}
    world.get("Certificate", "web-tls")["spec"]["keystores"] = {"pkcs12": keystore}
    scene = Scene(cast("World", world))
    cause = why_not_issued(scene, "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.reason == "PasswordNotFound"
    world.objects.append({"kind": "Secret", "metadata": {"name": "mine"}})
    cause = why_not_issued(scene, "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.reason == "TooShort"


def test_a_certificate_in_the_way_is_told() -> None:
    """cert-manager leaves a Certificate alone that has the name of the one that it would make of an Ingress."""
    world = RecordedWorld("short")
    world.get("Ingress", "web")["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": "lab-ca"}
    world.get("Certificate", "web-tls")["spec"]["secretName"] = "mine"
    cause = why_not_issued(Scene(cast("World", world)), "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.message == "Certificate web-tls stores into mine; cert-manager makes no other web-tls for Ingress web."


@pytest.mark.parametrize(("namespace", "reason"), [("lab-03", "Refused"), ("lab-03-b", "NothingIssues")])
def test_what_was_refused_elsewhere_is_no_cause(namespace: str, reason: str) -> None:
    """Of a lab's namespaces only the one where the Secret is asked for counts."""
    refused = {("Certificate", namespace, "web-tls"): ("its spec is wrong", ())}
    cause = why_not_issued(scene_with(refused=refused), "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.reason == reason


@pytest.mark.parametrize(
    ("secret", "log", "says", "field"),
    [
        ({"immutable": True}, "", "into Secret web-tls: it is immutable.", ("immutable",)),
        (
            {},
            'err="failed to apply secret lab-03/web-tls: Secret is invalid: metadata.labels: Invalid value"',
            "into Secret web-tls: Secret is invalid: metadata.labels: Invalid value.",
            ("spec", "secretTemplate"),
        ),
        ({}, 'err="failed to apply secret lab-03/another: it is invalid"', "", ()),
    ],
    ids=["immutable", "template", "another"],
)
def test_a_secret_that_cannot_be_written_is_told(secret: dict[str, Any], log: str, says: str, field: Any) -> None:
    """What was signed and cannot be stored is told by the Secret, or by cert-manager's log, and not waited for."""
    world = RecordedWorld("short")
    certificate = world.get("Certificate", "web-tls")
    certificate["status"] = {}
    certificate["metadata"]["ownerReferences"] = []
    mine = {"name": "r", "namespace": "lab-03", "ownerReferences": [{"uid": certificate["metadata"]["uid"]}]}
    world.objects.append({"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": mine})
    world.objects = [o for o in world.objects if (o["kind"], o["metadata"]["name"]) != ("Secret", "web-tls")]
    if secret:
        meta = {"name": "web-tls", "namespace": "lab-03"}
        world.objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": meta, **secret})
    scene = Scene(cast("World", world), addon_logs={"cert-manager": lambda: f"E1125 12:00:00 controller.go:1] {log}\n"})
    cause = why_not_issued(scene, "web-tls", "lab-03", "lab-ca")
    assert says in (cause.message if cause else "")
    assert (cause.field if cause else ()) == field


def test_a_refused_ingress_of_another_purpose_is_no_cause() -> None:
    """Where an Ingress names the Secret, that one is looked at, whatever else was refused."""
    spec = {"tls": [{"secretName": "web-tls"}]}
    mine = thing("Ingress", "web", spec=spec)
    refused = {("Ingress", "lab-02", "old"): ("its spec is wrong", ())}
    cause = why_not_issued(scene_with(mine, refused=refused), "web-tls", "lab-02", "lab-ca")
    assert cause is not None
    assert cause.reason == "NoIssuerNamed"


def test_a_kind_of_issuer_that_is_none_is_told() -> None:
    """A misspelt kind is told as such: no object of it can ever be there."""
    world = RecordedWorld("short")
    world.get("Certificate", "web-tls")["spec"]["issuerRef"] = {"kind": "clusterissuer", "name": "lab-ca"}
    cause = why_not_issued(Scene(cast("World", world)), "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    says = "Certificate web-tls names an issuer of kind clusterissuer; cert-manager knows Issuer and ClusterIssuer."
    assert cause.message == says


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"dnsNames": [], "commonName": "web.localhost"}, "has web.localhost as its commonName alone"),
        ({"dnsNames": ["a.localhost"], "commonName": "web.localhost"}, "has web.localhost as its commonName alone"),
        (
            {"dnsNames": ["*.localhost"]},
            "is for *.localhost; the browser asks for web.localhost: TLS clients take no wildcard directly below a "
            "top-level name such as localhost; name web.localhost itself.",
        ),
        (
            {"dnsNames": ["a.localhost", "*.LOCALHOST"]},
            "no wildcard directly below a top-level name such as localhost;",
        ),
        (
            {"dnsNames": ["*.web.localhost"]},
            ": *.web.localhost stands for names below web.localhost, not for web.local",
        ),
        ({"dnsNames": ["w*.localhost"]}, ": w*.localhost is no wildcard: an asterisk is the whole of the first label;"),
        ({"dnsNames": ["web.*"]}, ": web.* is no wildcard: an asterisk is the whole of the first label;"),
        ({"dnsNames": ["*"]}, ": * is no wildcard: an asterisk is the whole of the first label;"),
        ({"dnsNames": ["*.example.com"]}, "is for *.example.com; the browser asks for web.localhost."),
        ({"dnsNames": ["*.localhost", "web.localhost"]}, ""),
        ({"dnsNames": [], "uris": ["spiffe://web.localhost"]}, "is for no DNS name; the browser asks for"),
        ({"usages": ["client auth"]}, "is for client auth; a server needs usage server auth."),
        ({"usages": ["any", "digital signature"]}, "is for any; a server needs usage server auth."),
        ({"usages": ["any", "server auth"]}, ""),
        ({"usages": ["digital signature"]}, ""),
        ({"usages": ["cert sign"]}, "is for cert sign; a server needs usage digital signature."),
        ({"usages": ["cert sign", "key encipherment"]}, ""),
        ({"dnsNames": ["WEB.localhost"]}, ""),
        ({"dnsNames": ["a.localhost", "web.localhost"], "commonName": "a.localhost"}, ""),
    ],
)
def test_a_certificate_that_no_browser_takes_is_told(spec: dict[str, Any], says: str) -> None:
    """A certificate is for the host by its dnsNames alone, and for servers."""
    world = RecordedWorld("short")
    world.get("Certificate", "web-tls")["spec"] |= spec
    cause = why_not_served(Scene(cast("World", world)), "web.localhost", "web-tls", "lab-03")
    assert says in (cause.message if cause else "")
    assert bool(cause) == bool(says)


def test_a_secret_that_is_not_there_hides_the_next() -> None:
    """Of an Ingress' tls entries Traefik reads none after the first whose Secret does not exist."""
    world = RecordedWorld("short")
    world.get("Ingress", "web")["spec"]["tls"].insert(0, {"hosts": ["a.localhost"], "secretName": "a-tls"})
    cause = why_not_served(Scene(cast("World", world)), "web.localhost", "web-tls", "lab-03")
    assert cause is not None
    assert (cause.reason, cause.final, cause.field) == ("TlsNotRead", True, ("spec", "tls", 0, "secretName"))


@pytest.mark.parametrize(
    ("named", "served", "is_told"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_second_certificate_for_the_host_is_told(named: bool, served: bool, is_told: bool) -> None:
    """Another Secret for the host counts where an Ingress that is served names it under tls."""
    world = RecordedWorld("short")
    spec = world.get("Ingress", "web")["spec"]
    spec["tls"] += [{"hosts": [], "secretName": "b-tls"}] * named
    spec["ingressClassName"] = "traefik" if served else "nginx"
    cause = why_another_served(Scene(cast("World", world)), "web.localhost", ["b-tls"], "lab-03")
    assert bool(cause) == is_told


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("*.localhost", "web.localhost", False),
        ("*.web.localhost", "web.localhost", False),
        ("*.web.localhost", "a.web.localhost", True),
        ("*.web.localhost", "a.b.web.localhost", False),
        ("*.WEB.localhost", "a.web.localhost", True),
        ("a*.web.localhost", "ab.web.localhost", False),
        ("*.*.localhost", "a.web.localhost", False),
        ("*", "web.localhost", False),
        ("web.*", "web.localhost", False),
        ("WEB.localhost", "web.localhost", True),
    ],
)
def test_wildcards_are_as_a_tls_client_has_them(name: str, host: str, covered: bool) -> None:
    """What is said to be for a host is what a TLS client takes for it, and what it does not take has a reason."""
    assert (_handshake(name, host) == "") == covered == covers([name], host)
    assert covered or why_wildcard_fails(name, host)


def _handshake(name: str, host: str) -> str:
    """What a TLS client that asks for *host* says of a certificate for *name*; empty when it takes it."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    day, now = timedelta(days=1), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now - day, now + day)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as place:
        pem = Path(place, "tls.pem")
        pem.write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, *plain))
        server.load_cert_chain(pem)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        ssl.create_default_context(cadata=certificate.decode()).wrap_bio(back, there, server_hostname=host),
        server.wrap_bio(there, back, server_side=True),
    ]
    for end in (*ends, *ends, ends[0]):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""
