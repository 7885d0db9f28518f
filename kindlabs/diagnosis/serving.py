"""Why another certificate is served than the one in a Secret: its names, and what the Ingress says under tls."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.certificates import certificate_of, shim_of, tls_place
from kindlabs.diagnosis.routes import rule_names
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

PURPOSES = {"any", "server auth", "client auth", "code signing", "email protection", "timestamping", "ocsp signing"}
"""Usages that become the extended key usage; a certificate with none of them serves all (RFC 5280, 4.2.1.12)."""


def why_not_served(scene: Scene, host: str, secret: str, namespace: str) -> Cause | None:
    """Why the certificate in *secret* is not what is served for *host*; None when its objects say that it should be."""
    certificate = certificate_of(scene, secret, namespace)
    if certificate is None:
        return None
    names = [*dig(certificate, "spec", "dnsNames", default=[]), *filter(None, [dig(certificate, "spec", "commonName")])]
    if not covers(names, host):
        text = f"The certificate is for {', '.join(names) or 'no name'}; the browser asks for {host}."
        kind, name, field = _where_names_stand(scene, certificate, secret)
        step = f"-n {namespace} describe certificate {certificate['metadata']['name']}"
        return Cause("CertificateForOtherHost", kind, name, namespace, text, field, next_step=step)
    return _not_for_servers(certificate) or _tls_not_named(scene, host, secret, namespace)


def covers(names: list[str], host: str) -> bool:
    """Whether one of *names* stands for *host*: itself, or a wildcard for its first label (RFC 6125, 6.4.3).

    TLS clients take no wildcard for all names of a top-level domain such as ``*.localhost``.
    """
    domain = host.partition(".")[2]
    return host in names or ("." in domain and f"*.{domain}" in names)


def _not_for_servers(certificate: Object) -> Cause | None:
    purposes = PURPOSES & set(dig(certificate, "spec", "usages", default=[]))
    if not purposes or {"server auth", "any"} & purposes:
        return None
    name = certificate["metadata"]["name"]
    text = f"Certificate {name} is for {', '.join(sorted(purposes))}; a server needs usage server auth."
    return about(certificate, "CertificateUsage", text, ("spec", "usages"))


def _tls_not_named(scene: Scene, host: str, secret: str, namespace: str) -> Cause | None:
    """An Ingress that routes the host and does not tell its controller about the Secret."""
    routes = [i for i in scene.world.list("Ingress", namespace) if host in rule_names(i)]
    if not routes or any(e.get("secretName") == secret for i in routes for e in dig(i, "spec", "tls", default=[])):
        return None
    name = routes[0]["metadata"]["name"]
    text = (
        f"Ingress {name} routes {host} but does not name Secret {secret} under tls, so another certificate is served."
    )
    step = f"-n {namespace} describe ingress {name}"
    return Cause("TlsNotNamed", "Ingress", name, namespace, text, ("spec", "tls"), next_step=step)


def _where_names_stand(scene: Scene, certificate: Object, secret: str) -> tuple[str, str, Field]:
    ingress = shim_of(scene, certificate)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("spec", "tls", tls_place(ingress, secret), "hosts")
    return "Certificate", certificate["metadata"]["name"], ("spec", "dnsNames")
