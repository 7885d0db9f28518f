"""Why another certificate is served than the one in a Secret: its names, and what the Ingress says under tls."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.certificates import certificate_of
from kindlabs.diagnosis.ingress import served_ingresses
from kindlabs.diagnosis.routes import rule_names
from kindlabs.diagnosis.shim import tls_place, written_at
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

PURPOSES = {"any", "server auth", "client auth", "code signing", "email protection", "s/mime", "timestamping"}
PURPOSES |= {"ocsp signing", "ipsec end system", "ipsec tunnel", "ipsec user"}
"""Usages that become the extended key usage; a certificate with none of them serves all (RFC 5280, 4.2.1.12).
OpenSSL takes ``any`` for no purpose of a server's."""

SIGNS = {"signing", "digital signature", "key encipherment", "key agreement"}
"""Key usages, one of which a server's certificate needs, where it names any (RFC 5246, 7.4.2; OpenSSL's KU_TLS)."""


def why_not_served(scene: Scene, host: str, secret: str, namespace: str) -> Cause | None:
    """Why the certificate in *secret* is not what is served for *host*; None when its objects say that it should be."""
    certificate = certificate_of(scene, secret, namespace)
    if certificate is None:
        return None
    return (
        _for_other_host(scene, certificate, host)
        or _not_for_servers(scene, certificate)
        or _tls_not_named(scene, host, secret, namespace)
        or _tls_not_read(scene, secret, namespace)
    )


def why_another_served(scene: Scene, host: str, others: list[str], namespace: str) -> Cause | None:
    """An Ingress that names one of the Secrets *others* under tls, which hold certificates for *host* too."""
    for ingress in served_ingresses(scene, namespace):
        for at, entry in enumerate(dig(ingress, "spec", "tls", default=[])):
            other = entry.get("secretName")
            if other in others:
                text = (
                    f"Ingress {ingress['metadata']['name']} names Secret {other} under tls, which holds a certificate "
                    f"for {host} too; which one is served is left to chance."
                )
                return about(ingress, "AnotherServed", text, ("spec", "tls", at, "secretName"))
    return None


def secrets_named(scene: Scene, namespace: str) -> set[str]:
    """The Secrets that Ingresses of a class that is there name under tls."""
    entries = [e for i in served_ingresses(scene, namespace) for e in dig(i, "spec", "tls", default=[])]
    return {entry["secretName"] for entry in entries if entry.get("secretName")}


def covers(names: list[str], host: str) -> bool:
    """Whether one of *names* stands for *host*: itself in any case, or a wildcard for its first label (RFC 6125, 6.4).

    TLS clients take no wildcard for all names of a top-level domain such as ``*.localhost``.
    """
    domain, known = host.partition(".")[2], {name.lower() for name in names}
    return host in known or ("." in domain and f"*.{domain}" in known)


def why_wildcard_fails(name: str, host: str) -> str:
    """Why the wildcard *name*, which does not cover *host*, does not; empty when it is about other hosts."""
    first, _, below = name.lower().partition(".")
    if "*" in below or ("*" in first and first != "*") or not below:
        return f"{name} is no wildcard: an asterisk is the whole of the first label"
    if below == host:
        return f"{name} stands for names below {host}, not for {host} itself"
    if host.endswith(f".{below}") and "." not in below:
        return f"TLS clients take no wildcard directly below a top-level name such as {below}"
    if host.endswith(f".{below}"):
        return f"a wildcard stands for one label only, and {host} has more before {below}"
    return ""


def _for_other_host(scene: Scene, certificate: Object, host: str) -> Cause | None:
    """A certificate whose dnsNames do not cover the host; browsers pass over a commonName (RFC 9110, 4.3.4)."""
    names = dig(certificate, "spec", "dnsNames", default=[])
    if covers(names, host):
        return None
    text = f"The certificate is for {', '.join(names) or 'no DNS name'}; the browser asks for {host}."
    wildcards = (why_wildcard_fails(name, host) for name in names if "*" in name)
    if why := next(filter(None, wildcards), ""):
        text = f"{text.removesuffix('.')}: {why}; name {host} itself."
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    if dig(certificate, "spec", "commonName") == host:
        text = f"Certificate {own} has {host} as its commonName alone; browsers look at dnsNames."
    thing, field = written_at(scene, certificate, "dnsNames")
    return about(thing, "CertificateForOtherHost", text, field, next_step=f"-n {namespace} describe certificate {own}")


def _not_for_servers(scene: Scene, certificate: Object) -> Cause | None:
    usages = set(dig(certificate, "spec", "usages", default=[]))
    purposes = PURPOSES & usages
    name = certificate["metadata"]["name"]
    if purposes and "server auth" not in purposes:
        text = f"Certificate {name} is for {', '.join(sorted(purposes))}; a server needs usage server auth."
    elif usages - PURPOSES and not usages & SIGNS:
        text = f"Certificate {name} is for {', '.join(sorted(usages))}; a server needs usage digital signature."
    else:
        return None
    thing, field = written_at(scene, certificate, "usages")
    return about(thing, "CertificateUsage", text, field)


def _tls_not_named(scene: Scene, host: str, secret: str, namespace: str) -> Cause | None:
    """An Ingress that routes the host, when none tells its controller about the Secret."""
    served = served_ingresses(scene, namespace)
    routes = [ingress for ingress in served if host in rule_names(ingress)]
    if not routes or any(e.get("secretName") == secret for i in served for e in dig(i, "spec", "tls", default=[])):
        return None
    name = routes[0]["metadata"]["name"]
    text = (
        f"Ingress {name} routes {host} but does not name Secret {secret} under tls, so another certificate is served."
    )
    step = f"-n {namespace} describe ingress {name}"
    return Cause("TlsNotNamed", "Ingress", name, namespace, text, ("spec", "tls"), next_step=step)


def _tls_not_read(scene: Scene, secret: str, namespace: str) -> Cause | None:
    """Traefik reads an Ingress' tls entries up to the first Secret that is not there (its getCertificates)."""
    for ingress in served_ingresses(scene, namespace):
        before = dig(ingress, "spec", "tls", default=[])[: tls_place(ingress, secret)]
        for at, entry in enumerate(before):
            first = entry.get("secretName")
            if first and scene.world.get("Secret", first, namespace) is None:
                name = ingress["metadata"]["name"]
                text = f"Ingress {name} names Secret {first} before {secret}; without {first}, Traefik reads neither."
                final = certificate_of(scene, first, namespace) is None
                return about(ingress, "TlsNotRead", text, ("spec", "tls", at, "secretName"), final=final)
    return None
