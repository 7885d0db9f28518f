"""Why a Secret holds no issued certificate, or another one is served: Ingress TLS → Secret → Certificate → Issuer."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.diagnosis.ingress import rule_names
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, is_true

CERTIFICATE = "Certificate.cert-manager.io"
REQUEST = "CertificateRequest.cert-manager.io"
ISSUER = "Issuer.cert-manager.io"
CLUSTER_ISSUER = "ClusterIssuer.cert-manager.io"
ANNOTATIONS = {"ClusterIssuer": "cert-manager.io/cluster-issuer", "Issuer": "cert-manager.io/issuer"}


def why_not_issued(scene: Scene, secret: str, namespace: str, issuer: str) -> Cause | None:
    """The first link that keeps ClusterIssuer *issuer* from issuing into *secret*; None when it is only on its way."""
    certificates = scene.world.list(CERTIFICATE, namespace)
    certificate = next((c for c in certificates if dig(c, "spec", "secretName") == secret), None)
    if certificate is None:
        return _nothing_issues(scene, secret, namespace, certificates)
    found = _wrong_issuer(scene, certificate, issuer) or _request_refused(scene, certificate)
    return found.behind(f"Secret {secret} waits for Certificate {certificate['metadata']['name']}") if found else None


def why_not_served(scene: Scene, host: str, secret: str, namespace: str) -> Cause | None:
    """Why the certificate in *secret* is not what is served for *host*; None when its objects say that it should be."""
    certificates = scene.world.list(CERTIFICATE, namespace)
    certificate = next((c for c in certificates if dig(c, "spec", "secretName") == secret), None)
    if certificate is None:
        return None
    names = [*dig(certificate, "spec", "dnsNames", default=[]), *filter(None, [dig(certificate, "spec", "commonName")])]
    if not covers(names, host):
        text = f"The certificate is for {', '.join(names) or 'no name'}; the browser asks for {host}."
        kind, name, field = _where_names_stand(scene, certificate, secret, namespace)
        step = f"-n {namespace} describe certificate {certificate['metadata']['name']}"
        return Cause("CertificateForOtherHost", kind, name, namespace, text, field, next_step=step)
    return _tls_not_named(scene, host, secret, namespace)


def covers(names: list[str], host: str) -> bool:
    """Whether one of *names* stands for *host*: itself, or a wildcard for its first label (RFC 6125, 6.4.3)."""
    return host in names or "*." + host.partition(".")[2] in names


def _nothing_issues(scene: Scene, secret: str, namespace: str, certificates: list[Object]) -> Cause | None:
    refused = next((name for kind, space, name in scene.refused if kind in {"Certificate", "Ingress"}), None)
    if refused:
        kind = next(kind for kind, _, name in scene.refused if name == refused and kind in {"Certificate", "Ingress"})
        return scene.missing(kind, refused, namespace)
    ingress = _ingress_with_tls(scene, namespace, secret)
    if ingress:
        return _shim_silent(ingress, secret)
    for certificate in certificates:
        stored = dig(certificate, "spec", "secretName")
        text = f"The certificate is stored in {stored}; nothing issues {secret}."
        kind, name, field = _where_secret_stands(scene, certificate, stored, namespace)
        step = f"-n {namespace} get certificate"
        return Cause("StoredElsewhere", kind, name, namespace, text, field, next_step=step)
    own = scene.world.get("Secret", secret, namespace)
    text = f"Nothing issues {secret}: no Certificate and no Ingress names it."
    if own:
        text = f"Secret {secret} was made by hand: no Certificate and no Ingress with an issuer names it."
    step = f"-n {namespace} get certificate,ingress"
    ingresses = scene.world.list("Ingress", namespace)
    name = ingresses[0]["metadata"]["name"] if ingresses else ""
    return Cause("NothingIssues", "Ingress", name, namespace, text, ("spec", "tls"), next_step=step)


def _shim_silent(ingress: Object, secret: str) -> Cause | None:
    """An Ingress that names the Secret, and for which cert-manager makes no Certificate."""
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    annotations = ingress["metadata"].get("annotations") or {}
    if any(key in annotations for key in ANNOTATIONS.values()):
        return None
    text = f"Ingress {name} names Secret {secret} but no issuer: it has no annotation {ANNOTATIONS['ClusterIssuer']}."
    step = f"-n {namespace} get ingress {name} -o yaml"
    return Cause("NoIssuerNamed", "Ingress", name, namespace, text, ("metadata", "annotations"), next_step=step)


def _wrong_issuer(scene: Scene, certificate: Object, issuer: str) -> Cause | None:
    namespace = certificate["metadata"]["namespace"]
    reference = dig(certificate, "spec", "issuerRef", default={})
    kind, named = reference.get("kind") or "Issuer", reference.get("name", "")
    own = certificate["metadata"]["name"]
    if kind == "ClusterIssuer":
        exists = scene.world.get(CLUSTER_ISSUER, named) is not None
    else:
        exists = scene.world.get(ISSUER, named, namespace) is not None
    step = f"-n {namespace} describe certificate {own}"
    where, name, field = _where_issuer_stands(scene, certificate, kind)
    if not exists and kind == "Issuer" and scene.world.get(CLUSTER_ISSUER, named):
        text = f"cert-manager looks for an Issuer {named} in {namespace}; {named} is a ClusterIssuer."
        return Cause("IssuerKindWrong", where, name, namespace, text, field, next_step=step)
    if not exists:
        text = f"Certificate {own} waits for {kind} {named}, which does not exist."
        return Cause("IssuerNotFound", where, name, namespace, text, field, next_step=step)
    if (kind, named) != ("ClusterIssuer", issuer):
        text = f"Certificate {own} is issued by {kind} {named}; ClusterIssuer {issuer} is required."
        return Cause("WrongIssuer", where, name, namespace, text, field, next_step=step)
    return _issuer_not_ready(scene, named)


def _issuer_not_ready(scene: Scene, name: str) -> Cause | None:
    issuer = scene.world.get(CLUSTER_ISSUER, name)
    if issuer is None or is_true(issuer, "Ready"):
        return None
    said = condition(issuer, "Ready").get("message", "it is not Ready")
    return Cause("IssuerNotReady", "ClusterIssuer", name, "", f"ClusterIssuer {name}: {said}", final=False, ours=True)


def _request_refused(scene: Scene, certificate: Object) -> Cause | None:
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    for request in scene.world.list(REQUEST, namespace):
        ready = condition(request, "Ready")
        owners = dig(request, "metadata", "ownerReferences", default=[])
        if any(o.get("name") == own for o in owners) and ready.get("reason") in {"Failed", "Denied"}:
            text = f"The request for Certificate {own} was refused: {ready.get('message', '')}"
            name = request["metadata"]["name"]
            step = f"-n {namespace} describe certificaterequest {name}"
            return Cause("RequestRefused", "CertificateRequest", name, namespace, text, next_step=step)
    return None


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


def _ingress_with_tls(scene: Scene, namespace: str, secret: str) -> Object | None:
    ingresses = scene.world.list("Ingress", namespace)
    return next(
        (i for i in ingresses if any(e.get("secretName") == secret for e in dig(i, "spec", "tls", default=[]))), None
    )


def _shim_of(scene: Scene, certificate: Object) -> Object | None:
    """The Ingress that cert-manager made a Certificate for."""
    for reference in dig(certificate, "metadata", "ownerReferences", default=[]):
        if reference.get("kind") == "Ingress":
            return scene.world.get("Ingress", reference["name"], certificate["metadata"]["namespace"])
    return None


def _tls_place(ingress: Object, secret: str) -> int:
    entries = dig(ingress, "spec", "tls", default=[])
    return next((at for at, entry in enumerate(entries) if entry.get("secretName") == secret), 0)


def _where_names_stand(scene: Scene, certificate: Object, secret: str, namespace: str) -> tuple[str, str, Field]:
    ingress = _shim_of(scene, certificate) or _ingress_with_tls(scene, namespace, secret)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("spec", "tls", _tls_place(ingress, secret), "hosts")
    return "Certificate", certificate["metadata"]["name"], ("spec", "dnsNames")


def _where_secret_stands(scene: Scene, certificate: Object, secret: str, namespace: str) -> tuple[str, str, Field]:
    ingress = _shim_of(scene, certificate) or _ingress_with_tls(scene, namespace, secret)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("spec", "tls", _tls_place(ingress, secret), "secretName")
    return "Certificate", certificate["metadata"]["name"], ("spec", "secretName")


def _where_issuer_stands(scene: Scene, certificate: Object, kind: str) -> tuple[str, str, Field]:
    ingress = _shim_of(scene, certificate)
    if ingress:
        return "Ingress", ingress["metadata"]["name"], ("metadata", "annotations", ANNOTATIONS.get(kind, ""))
    return "Certificate", certificate["metadata"]["name"], ("spec", "issuerRef")
