"""What is wrong with a submission's objects before any of them is applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kindlabs import portfields, quantities
from kindlabs.manifests import Manifest
from kindlabs.perimeter import Thing
from kindlabs.tree import shown


@dataclass(frozen=True)
class Source:
    """A place in the learner's files: ``work/03/web.yaml`` as the learner sees it, line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Finding:
    """One sentence about an object that is left out of what is applied, where it stands, and which it is."""

    message: str
    source: Source
    object: str = ""

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


Locate = Callable[[Manifest, tuple[str | int, ...]], Source]
"""From a manifest and a field of it to the place that the learner knows."""


WRITTEN_AS = {
    "apiVersion": re.compile(r"(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9.-]+"),
    "kind": re.compile(r"[A-Za-z][A-Za-z0-9]*"),
}
LONGEST_NAME = 253
CLUSTER_WIDE = {
    "": ("Node", "PersistentVolume"),
    "admissionregistration.k8s.io": (
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"),
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apiregistration.k8s.io": ("APIService",),
    "certificates.k8s.io": ("CertificateSigningRequest", "ClusterTrustBundle"),
    "flowcontrol.apiserver.k8s.io": ("FlowSchema", "PriorityLevelConfiguration"),
    "gateway.networking.k8s.io": ("GatewayClass",),
    "networking.k8s.io": ("IngressClass", "IPAddress", "ServiceCIDR"),
    "node.k8s.io": ("RuntimeClass",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding"),
    "resource.k8s.io": ("DeviceClass", "ResourceSlice"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"),
}
"""Kinds that are in no namespace, by group (kubectl api-resources --namespaced=false)."""


def lint(
    objects: list[Manifest], namespaces: Sequence[str], locate: Locate, granted: Sequence[Thing] = ()
) -> tuple[list[Manifest], list[Finding]]:
    """Split *objects* into those to apply and findings about the others; at most one finding an object.

    An object without a namespace gets the lab's first, as ``kubectl -n`` would give it.

    Args:
        namespaces: the lab's.
        granted: the cluster-wide objects that may be handed in; these have no namespace.
    """
    kept: dict[tuple[str, str, str, str], Manifest] = {}
    findings = []
    for manifest in objects:
        fault = _shape_fault(manifest)
        wide = fault is None and _is_cluster_wide(manifest, granted)
        fault = fault or (_grant_fault(manifest, granted) if wide else _namespace_fault(manifest, namespaces))
        fault = fault or _value_fault(manifest)
        if fault is None:
            if wide:
                manifest.document["metadata"].pop("namespace", None)
            else:
                manifest.document["metadata"]["namespace"] = manifest.namespace or namespaces[0]
            key = (manifest.api_version.partition("/")[0], manifest.kind, manifest.namespace, manifest.name)
            if key not in kept:
                kept[key] = manifest
                continue
            first = locate(kept[key], ())
            fault = f"{manifest.kind} {manifest.name} stands at {first} already; keep one of the two.", ()
        message, field = fault
        named = f"{manifest.kind} {manifest.name}" if manifest.kind and manifest.name else ""
        findings.append(Finding(message, locate(manifest, field), named))
    return list(kept.values()), findings


_Fault = tuple[str, tuple[str | int, ...]]


def _shape_fault(manifest: Manifest) -> _Fault | None:
    document = manifest.document
    if fault := _miswritten(document, ("apiVersion", "kind", "metadata", "spec")):
        return fault
    for key, example in (("apiVersion", "apps/v1"), ("kind", "Deployment")):
        if not isinstance(document.get(key), str) or not document[key]:
            return f"the object has no {key}; expected a text such as {example}{_found(document.get(key))}.", (key,)
        if not WRITTEN_AS[key].fullmatch(document[key]):
            return f"{document[key]!r} is no {key}; expected a text such as {example}.", (key,)
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return f"{manifest.kind} has no metadata; expected at least metadata.name{_found(metadata)}.", ("metadata",)
    if fault := _miswritten(metadata, ("name", "namespace", "labels", "annotations"), "metadata"):
        return fault
    if "generateName" in metadata and "name" not in metadata:
        return (
            f"{manifest.kind} has metadata.generateName, so its name is new each time; give it a metadata.name.",
            ("metadata", "generateName"),
        )
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        found = _found(metadata.get("name"))
        return f"{manifest.kind} has no metadata.name; expected a text{found}.", ("metadata", "name")
    if not _is_path_segment(metadata["name"]):
        named = f"{manifest.kind} cannot be named {metadata['name'][:60]!r}"
        return f"{named}; expected lower-case letters, digits, - and . such as web-1.", ("metadata", "name")
    return _server_fault(manifest, metadata) or _metadata_fault(manifest, metadata)


def _miswritten(mapping: dict[str, Any], keys: Sequence[str], *above: str) -> _Fault | None:
    """A key in other letters than Kubernetes': to the API server it is another key."""
    for found in mapping:
        meant = next((key for key in keys if key.lower() == str(found).lower()), found)
        if meant != found:
            return f"{found!r} has to be written {'.'.join((*above, meant))}: keys are case-sensitive.", (*above, found)
    return None


def _is_path_segment(name: str) -> bool:
    """Whether a name can be one in the API server's paths (k8s.io/apimachinery, api/validation/path/name.go)."""
    fits = name not in (".", "..") and len(name) <= LONGEST_NAME
    return fits and name.isprintable() and not set(name) & set("/%?#\\")


def _server_fault(manifest: Manifest, metadata: dict[str, Any]) -> _Fault | None:
    """What ``kubectl get -o yaml`` shows and only the API server writes: nobody can apply it a second time."""
    for field in ("resourceVersion", "uid", "managedFields"):
        if metadata.get(field):
            text = f"{manifest.kind} {manifest.name}: metadata.{field} is written by Kubernetes alone; remove it."
            return text, ("metadata", field)
    return None


def _metadata_fault(manifest: Manifest, metadata: dict[str, Any]) -> _Fault | None:
    """Labels and annotations are texts; numbers and booleans that want quotes are the usual slip."""
    what = f"{manifest.kind} {manifest.name}"
    for field in ("labels", "annotations"):
        values = metadata.get(field) or {}
        if not isinstance(values, dict):
            return f"{what}: metadata.{field} has to be a mapping of texts{_found(values)}.", ("metadata", field)
        for key, value in values.items():
            if not isinstance(value, str):
                fix = f'write {key}: "…" in quotes' if value is not None else "give it a value"
                return (
                    f"{what}: metadata.{field}.{key} has to be a text{_found(value)}; {fix}.",
                    ("metadata", field, key),
                )
    if not isinstance(metadata.get("namespace", ""), str):
        found = _found(metadata["namespace"])
        return f"{what}: metadata.namespace has to be a text{found}.", ("metadata", "namespace")
    return None


def _thing(manifest: Manifest) -> Thing:
    group = manifest.api_version.rpartition("/")[0]
    return Thing(f"{manifest.kind}.{group}" if group else manifest.kind, manifest.name)


def _is_cluster_wide(manifest: Manifest, granted: Sequence[Thing]) -> bool:
    kind = _thing(manifest).kind
    known = CLUSTER_WIDE.get(manifest.api_version.rpartition("/")[0], ())
    return manifest.kind in known or any(thing.kind == kind for thing in granted)


def _grant_fault(manifest: Manifest, granted: Sequence[Thing]) -> _Fault | None:
    if _thing(manifest) in granted:
        return None
    wide = f"{manifest.kind} {manifest.name} is cluster-wide"
    alike = [thing for thing in granted if thing.kind == _thing(manifest).kind]
    if alike:
        return f"{wide}, and this lab lets you make {_listed(alike)}; give it that name.", ("metadata", "name")
    told = f"this lab lets you make {_listed(granted)}" if granted else "this lab lets you make nothing of the kind"
    return f"{wide}; {told}.", ("kind",)


def _listed(things: Sequence[Thing]) -> str:
    return " and ".join(map(str, things))


def _namespace_fault(manifest: Manifest, namespaces: Sequence[str]) -> _Fault | None:
    if manifest.kind == "Namespace" and manifest.api_version == "v1":
        return f"Namespace {manifest.name}: namespaces are made by the lab ({', '.join(namespaces)}); remove it.", ()
    if manifest.namespace and manifest.namespace not in namespaces:
        message = (
            f"{manifest.kind} {manifest.name} is for namespace {manifest.namespace}; this lab uses "
            f"{' and '.join(namespaces)}."
        )
        return message, ("metadata", "namespace")
    return None


def _value_fault(manifest: Manifest) -> _Fault | None:
    """Values that Kubernetes would take for something else, or refuse with advice that leads nowhere."""
    if found := quantities.misread(manifest.document) or portfields.misnamed(manifest.document):
        why, field = found
        return f"{manifest.kind} {manifest.name}: {shown(field)}: {why}.", field
    return None


def _found(value: object) -> str:
    """``, found the number 8``; empty for what is absent."""
    match value:
        case None:
            return ""
        case bool():
            return f", found the boolean {str(value).lower()} (yes, no, on, off, y and n are booleans in YAML)"
        case int() | float():
            return f", found the number {value}"
        case dict():
            return ", found a mapping"
        case list():
            return ", found a list"
    return f", found {value!r}"
