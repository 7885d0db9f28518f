"""What cert-manager says in its log alone: that it can make nothing of an Ingress' annotations, or of a Certificate."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.events import changed_at
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig

LISTEN_SECONDS = 2.0
"""What cert-manager can use it answers within a second or so; before that nobody needs to read its log."""
SILENT_SECONDS = 30.0
"""What cert-manager says nothing about for so long, it cannot use. It tries again after 5 s and after 10 s when others
changed an object at the same time (its ``pkg/controller/util.go``), which is nobody's fault."""
SAYS = re.compile(r'^E.* err="((?:[^"\\]|\\.)*)"(.*)$', re.M)
"""An error in klog's structured form."""
PASSING = re.compile(r"has been modified|not found|already exists|connection|deadline|timed? ?out|unavailable", re.I)
"""Errors that it tries again after, and that are nobody's fault, or are told by objects too."""
DENIED = re.compile(r'^certificates\.cert-manager\.io "([^"]*)" is forbidden: .* denied request: spec\.(\w+): (.*)$')
"""What the API server says to it of a Certificate that a policy refuses."""
ANNOTATED = {
    "duration": "cert-manager.io/duration",
    "renewBefore": "cert-manager.io/renew-before",
    "renewBeforePercentage": "cert-manager.io/renew-before-percentage",
}
"""The annotations of an Ingress that become fields of its Certificate (pkg/apis/certmanager/v1/types.go)."""
KEY_SIZES = re.compile(r"key size specified(?: too big)?: (\d+)")
"""Of a private key's size it does not say whose it is."""


def complaint_about_annotation(scene: Scene, ingress: Object) -> tuple[str, str] | None:
    """The annotation of an Ingress that cert-manager cannot use, and why in its words."""
    annotations = ingress["metadata"].get("annotations") or {}
    for error, _ in _errors(scene, ingress):
        for name in annotations:
            if f'annotation "{name}"' in error:
                return name, error
        # It makes a Certificate of them, which the API server refuses; the Certificate has the name of a tls Secret.
        denied = DENIED.search(error)
        if denied and denied[1] in {entry.get("secretName") for entry in dig(ingress, "spec", "tls", default=[])}:
            name = ANNOTATED.get(denied[2], "")
            return (name, f"{name}: {denied[3].rstrip('.')}") if name in annotations else None
    return None


def complaint_about_certificate(scene: Scene, certificate: Object) -> tuple[Field, str] | None:
    """The field of a Certificate that cert-manager cannot use, as far as it can be told, and why in its words."""
    own = f"{certificate['metadata']['namespace']}/{certificate['metadata']['name']}"
    size = str(dig(certificate, "spec", "privateKey", "size", default=""))
    for error, more in _errors(scene, certificate):
        found = KEY_SIZES.search(error)
        if found and found.group(1) == size:
            return ("spec", "privateKey", "size"), error
        if f'key="{own}"' in more:
            return ("spec",), error
    return None


def complaint_about_secret(scene: Scene, certificate: Object) -> str:
    """Why cert-manager cannot write the Secret of a Certificate, in its words; empty when it has said nothing."""
    said = f"failed to apply secret {certificate['metadata']['namespace']}/{certificate['spec']['secretName']}: "
    return next((error.partition(said)[2] for error, _ in _errors(scene, certificate) if said in error), "")


def silent_about(scene: Scene, thing: Object, what: str) -> Cause | None:
    """The cause that nothing was made of *thing* for SILENT_SECONDS; nobody's but ours where the log has no error.

    Args:
        what: what cert-manager makes no *what* of: ``request``, ``Certificate``.
    """
    if age(changed_at(thing)) < SILENT_SECONDS:
        return None
    error = next((words for words, _ in _errors(scene, thing)), "")
    told = f"the newest error in its log is: {error}" if error else "its log has no error"
    name = f"{thing['kind']} {thing['metadata']['name']}"
    text = f"cert-manager has made no {what} of {name} for {SILENT_SECONDS:.0f} s; {told}."
    step = "-n cert-manager logs deployment/cert-manager"
    return about(thing, "CertManagerSilent", text, ("spec",), next_step=step, ours=not error)


def _errors(scene: Scene, thing: Object) -> Iterator[tuple[str, str]]:
    """Errors of this run, the newest first, each with what else its line says; none about what changed just now."""
    if age(changed_at(thing)) >= LISTEN_SECONDS:
        for quoted, more in reversed(SAYS.findall(scene.addon_logs.get("cert-manager", str)())):
            if not PASSING.search(quoted):
                yield ast.literal_eval(f'"{quoted}"'), more  # Go's escapes are Python's
