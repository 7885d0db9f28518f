"""What a Pod names and cannot start without: Secrets, ConfigMaps, claims, and the volumes made of them."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.certificates import certificates_of
from kindlabs.diagnosis.events import innermost, newest, said
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, containers, dig

SETTLED_SECONDS = 2.0
"""What is missing may have been applied a moment ago."""
UNMOUNTED = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox")
NEVER_MOUNTS = re.compile(r"non-existent config key|hostPath type check failed|unsupported volume|not supported")
"""The kubelet's words for what the next try cannot change (pkg/volume)."""


def why_reference_missing(scene: Scene, pod: Object) -> Cause | None:
    """A Secret, ConfigMap or claim that the Pod names and that is not there."""
    namespace = pod["metadata"]["namespace"]
    for kind, name, field in _references(pod["spec"]):
        if scene.world.get(kind, name, namespace) is None:
            issued = kind == "Secret" and bool(certificates_of(scene, name, namespace))
            return about(
                pod,
                f"{kind}NotFound",
                f"Pod {pod['metadata']['name']} needs {kind} {name}, which does not exist in {namespace}.",
                field,
                final=not issued and age(pod["metadata"].get("creationTimestamp")) > SETTLED_SECONDS,
                next_step=f"-n {namespace} get {kind.lower()}",
            )
    return None


def why_not_mounted(scene: Scene, pod: Object) -> Cause | None:
    """A volume that the kubelet cannot mount for a Pod none of whose containers has been made yet."""
    waits = [dig(s, "state", "waiting", "reason") for s in dig(pod, "status", "containerStatuses", default=[])]
    event = newest(scene, pod, *UNMOUNTED)
    if not event or not waits or any(reason not in {"ContainerCreating", "PodInitializing"} for reason in waits):
        return None
    words = said(event)
    named = re.search(r'for volume "([^"]+)"', words)
    text = f"The node cannot prepare Pod {pod['metadata']['name']}: {innermost(words)[:300]}."
    settled = age(pod["metadata"].get("creationTimestamp")) > SETTLED_SECONDS
    final = settled and bool(NEVER_MOUNTS.search(words))
    if "OOM-killed" in words:
        return about(pod, "CannotStart", text, _limit(pod), final=settled)
    return about(pod, "CannotMount", text, _volume(pod, named.group(1) if named else ""), final=final)


def _limit(pod: Object) -> Field:
    """Where the first container's memory limit stands: the kernel counts what starts a container in too."""
    limited = (at for at, c in enumerate(pod["spec"]["containers"]) if dig(c, "resources", "limits", "memory"))
    return ("spec", "containers", next(limited, 0), "resources", "limits", "memory")


def _volume(pod: Object, name: str) -> Field:
    volumes = pod["spec"].get("volumes") or []
    return next((("spec", "volumes", at) for at, v in enumerate(volumes) if v["name"] == name), ("spec", "volumes"))


def _references(spec: Object) -> list[tuple[str, str, Field]]:
    """What a Pod cannot start without, as (kind, name, field)."""
    found: list[tuple[str, str, Field]] = []
    for group in ("initContainers", "containers"):
        for at, container in enumerate(spec.get(group) or []):
            here: Field = ("spec", group, at)
            for number, source in enumerate(container.get("envFrom") or []):
                found += _named(source, ("configMapRef", "secretRef"), (*here, "envFrom", number))
            for number, variable in enumerate(container.get("env") or []):
                source = variable.get("valueFrom") or {}
                found += _named(source, ("configMapKeyRef", "secretKeyRef"), (*here, "env", number))
    mounts = {m["name"] for c in containers(spec) for m in c.get("volumeMounts") or []}
    for number, volume in enumerate(spec.get("volumes") or []):
        if volume["name"] not in mounts:  # the kubelet leaves such a volume alone
            continue
        here = ("spec", "volumes", number)
        found += _named(volume, ("configMap", "secret"), here)
        claim = dig(volume, "persistentVolumeClaim", "claimName")
        if claim:
            found.append(("PersistentVolumeClaim", claim, here))
        for source in dig(volume, "projected", "sources", default=[]):
            found += _named(source, ("configMap", "secret"), here)
    return found


def _named(source: Object, keys: tuple[str, str], field: Field) -> list[tuple[str, str, Field]]:
    kinds = {keys[0]: "ConfigMap", keys[1]: "Secret"}
    found = []
    for key, kind in kinds.items():
        reference = source.get(key) or {}
        name = reference.get("name") or reference.get("secretName")
        if name and not reference.get("optional"):
            found.append((kind, name, field))
    return found
