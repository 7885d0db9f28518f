"""What makes Pods, what these Pods name, and what of it they read when they start and not again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kindlabs.kube.api import Object
from kindlabs.kube.notes import Key
from kindlabs.tree import Path, walk

NAMED_IN = {
    "configMap": ("ConfigMap", "name"),
    "configMapRef": ("ConfigMap", "name"),
    "configMapKeyRef": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "secretRef": ("Secret", "name"),
    "secretKeyRef": ("Secret", "name"),
    "imagePullSecrets": ("Secret", "name"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
}
"""Fields of a Pod's spec that name another object: its kind, and the field below in which the name stands."""


class Reference(NamedTuple):
    """An object that a Pod's spec names: ``("containers", 0, "envFrom", 1, "secretRef")`` is the path to it."""

    kind: str
    name: str
    path: Path
    optional: bool


def pod_spec(manifest: Object) -> Object | None:
    """The spec of the Pods that *manifest* is or makes; None where it makes none."""
    spec: Any = manifest.get("spec")
    if manifest["kind"] == "Pod":
        return spec if isinstance(spec, dict) else None
    for step in ("jobTemplate", "spec") if manifest["kind"] == "CronJob" else ():
        spec = spec.get(step) if isinstance(spec, dict) else None
    for step in ("template", "spec"):
        spec = spec.get(step) if isinstance(spec, dict) else None
    return spec if isinstance(spec, dict) and "containers" in spec else None


def reads(manifest: Object) -> set[Key]:
    """The accounts, ConfigMaps, Secrets and claims that the Pods of *manifest* read."""
    spec = pod_spec(manifest)
    if spec is None:
        return set()
    namespace = manifest["metadata"]["namespace"]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    named = {Key(reference.kind, reference.name, namespace) for reference in references(spec)}
    return {Key("ServiceAccount", str(account), namespace), *named}


def references(spec: Object) -> Iterator[Reference]:
    """Each ConfigMap, Secret and claim that a Pod's *spec* names."""
    for path, below in walk(spec):
        kind, field = NAMED_IN.get(str(path[-1]), ("", "")) if path else ("", "")
        for source in below if isinstance(below, list) else [below]:
            # a projected Secret has a name where a mounted one has a secretName
            name = (source.get(field) or source.get("name")) if kind and isinstance(source, dict) else None
            if name:
                yield Reference(kind, str(name), path, bool(source.get("optional")))
