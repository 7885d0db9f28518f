"""Why the issuer that a Certificate names does not issue it, or is not the one that should."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.shim import written_at
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, is_true

GROUP = "cert-manager.io"
ISSUER, CLUSTER_ISSUER = f"Issuer.{GROUP}", f"ClusterIssuer.{GROUP}"

KINDS = ("Issuer", "ClusterIssuer")


def why_wrong_issuer(scene: Scene, certificate: Object, issuer: str) -> Cause | None:
    """Why a Certificate is not issued by ClusterIssuer *issuer*, as far as it is a matter of issuers."""
    own, namespace = certificate["metadata"]["name"], certificate["metadata"]["namespace"]
    reference = dig(certificate, "spec", "issuerRef", default={})
    kind, named = reference.get("kind") or "Issuer", reference.get("name", "")
    group = reference.get("group") or GROUP
    cluster_issuer = scene.world.get(CLUSTER_ISSUER, named)
    exists = cluster_issuer if kind == "ClusterIssuer" else scene.world.get(ISSUER, named, namespace)
    if kind not in KINDS:
        reason = "IssuerKindWrong"
        text = f"Certificate {own} names an issuer of kind {kind}; cert-manager knows {' and '.join(KINDS)}."
    elif not exists and kind == "Issuer" and cluster_issuer:
        reason = "IssuerKindWrong"
        text = f"cert-manager looks for an Issuer {named} in {namespace}; {named} is a ClusterIssuer."
    elif not exists:
        reason = "IssuerNotFound"
        text = f"Certificate {own} waits for {kind} {named}, which does not exist."
    elif group != GROUP:
        reason = "IssuerGroupWrong"
        text = f"Certificate {own} names an issuer of group {group}; {kind} {named} is of group {GROUP}."
    elif (kind, named) != ("ClusterIssuer", issuer):
        reason = "WrongIssuer"
        text = f"Certificate {own} is issued by {kind} {named}; ClusterIssuer {issuer} is required."
    else:
        return _not_ready(exists)
    thing, field = written_at(scene, certificate, "issuerRef")
    return about(thing, reason, text, field, next_step=f"-n {namespace} describe certificate {own}")


def _not_ready(issuer: Object) -> Cause | None:
    if is_true(issuer, "Ready"):
        return None
    name = issuer["metadata"]["name"]
    said = condition(issuer, "Ready").get("message", "it is not Ready")
    return Cause("IssuerNotReady", "ClusterIssuer", name, "", f"ClusterIssuer {name}: {said}", final=False, ours=True)
