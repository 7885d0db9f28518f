"""What a Pod names and cannot start without: Secrets, ConfigMaps, claims, and the volumes made of them."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.certificates import certificates_of
from kindlabs.diagnosis.events import innermost, newest, said
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, containers, dig
from kindlabs.kube.podspecs import Reference, references
from kindlabs.patience import APPLIED_SECONDS

UNMOUNTED = ("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox")
NO_PATH = re.compile(r'for volume "([^"]+)" : path "([^"]+)" does not exist')
"""The kubelet's words about a local volume (pkg/volume/local)."""
NEVER_MOUNTS = re.compile(r"non-existent config key|hostPath type check failed|unsupported volume|not supported")
"""The kubelet's words for what the next try cannot change (pkg/volume)."""


def why_reference_missing(scene: Scene, pod: Object) -> Cause | None:
    """A Secret, ConfigMap or claim that the Pod names and that is not there."""
    namespace = pod["metadata"]["namespace"]
    for kind, name, path, _ in _needed(pod["spec"]):
        if scene.world.get(kind, name, namespace) is None:
            issued = kind == "Secret" and bool(certificates_of(scene, name, namespace))
            return about(
                pod,
                f"{kind}NotFound",
                f"Pod {pod['metadata']['name']} needs {kind} {name}, which does not exist in {namespace}.",
                ("spec", *path),
                final=not issued and age(pod["metadata"].get("creationTimestamp")) > APPLIED_SECONDS,
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
    if found := _no_path(scene, pod, words):
        return found
    named = re.search(r'for volume "([^"]+)"', words)
    text = f"The node cannot prepare Pod {pod['metadata']['name']}: {innermost(words)[:300]}."
    settled = age(pod["metadata"].get("creationTimestamp")) > APPLIED_SECONDS
    final = settled and bool(NEVER_MOUNTS.search(words))
    if "OOM-killed" in words:
        return about(pod, "CannotStart", text, _limit(pod), final=settled)
    return about(pod, "CannotMount", text, _volume(pod, named.group(1) if named else ""), final=final)


def _no_path(scene: Scene, pod: Object, words: str) -> Cause | None:
    """A local volume whose folder is not on the Pod's node."""
    named = NO_PATH.search(words)
    volume = scene.world.get("PersistentVolume", named.group(1)) if named else None
    if named is None or volume is None:
        return None
    text = (
        f"Path {named.group(2)} of PersistentVolume {named.group(1)} does not exist on node {pod['spec']['nodeName']}."
    )
    return about(volume, "NoSuchPath", text, ("spec", "local", "path"))


def _limit(pod: Object) -> Field:
    """Where the first container's memory limit stands: the kernel counts what starts a container in too."""
    limited = (at for at, c in enumerate(pod["spec"]["containers"]) if dig(c, "resources", "limits", "memory"))
    return ("spec", "containers", next(limited, 0), "resources", "limits", "memory")


def _volume(pod: Object, name: str) -> Field:
    volumes = pod["spec"].get("volumes") or []
    return next((("spec", "volumes", at) for at, v in enumerate(volumes) if v["name"] == name), ("spec", "volumes"))


def _needed(spec: Object) -> list[Reference]:
    """What a Pod cannot start without: neither volumes that nobody mounts nor Secrets for pulling stop the kubelet."""
    mounts = {m["name"] for c in containers(spec) for m in c.get("volumeMounts") or []}
    volumes = enumerate(spec.get("volumes") or [])
    unmounted = {("volumes", at) for at, volume in volumes if volume["name"] not in mounts}
    named = [r for r in references(spec) if not r.optional and r.path[0] != "imagePullSecrets"]
    return [r for r in named if r.path[:2] not in unmounted]
