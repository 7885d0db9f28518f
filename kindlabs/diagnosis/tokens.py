"""Which ServiceAccount tokens a container has, and which field of its Pod puts them there."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import join
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause, Field, about
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

AUTOMATIC = "kube-api-access-"
"""How the volume's name begins that Kubernetes adds to a Pod (k8s.io/kubernetes, admission plugin ServiceAccount)."""


class Mounted(NamedTuple):
    """A token in a container: where it lies, and the source of a volume that makes it."""

    path: str
    field: Field
    automatic: bool


def tokens_of(pod: Object, container: str) -> list[Mounted]:
    """The tokens that the kubelet makes for a container."""
    volumes = list(enumerate(dig(pod, "spec", "volumes", default=[])))
    own: Object = next((c for c in pod["spec"]["containers"] if c["name"] == container), {})
    return [
        token
        for mount in own.get("volumeMounts") or []
        for at, volume in volumes
        if volume["name"] == mount["name"]
        for token in _made_by(volume, at, mount)
    ]


def why_wrong_token(pod: Object, container: str, path: str, account: str) -> Cause | None:
    """Why there is no token of *account* at *path*; None where what is there has to be looked at."""
    name, tokens = pod["metadata"]["name"], tokens_of(pod, container)
    if all(token.path != path for token in tokens):
        there = ", ".join(token.path for token in tokens) or "none"
        text = f"Container {container} of Pod {name} has no token at {path}; there is {there}."
        meant = next((token for token in tokens if not token.automatic), None)
        return about(pod, "NoToken", text, meant.field if meant else ("spec", "volumes"))
    own = dig(pod, "spec", "serviceAccountName", default="default")
    if own == account:
        return None
    text = f"Pod {name} runs as ServiceAccount {own}, not {account}, and its tokens are that one's."
    return about(pod, "OtherAccount", text, ("spec", "serviceAccountName"))


def why_other_token(pod: Object, container: str, path: str) -> Cause | None:
    """The token that a container has beside the one at *path*."""
    tokens = tokens_of(pod, container)
    if len(tokens) < 2:
        return None
    other = next((token for token in tokens if token.path != path), tokens[-1])
    text = f"Container {container} of Pod {pod['metadata']['name']} has another token, at {other.path}"
    if other.automatic:
        text += ": Kubernetes mounts one unless automountServiceAccountToken is false"
        return about(pod, "AutomaticToken", f"{text}.", ("spec", "automountServiceAccountToken"))
    return about(pod, "OtherToken", f"{text}.", other.field)


def token_field(pod: Object, container: str, path: str) -> Field:
    """What makes the token at *path*."""
    return next((token.field for token in tokens_of(pod, container) if token.path == path), ("spec", "volumes"))


def _made_by(volume: Object, at: int, mount: Object) -> Iterator[Mounted]:
    for place, source in enumerate(dig(volume, "projected", "sources", default=[])):
        file = dig(source, "serviceAccountToken", "path")
        path = _seen_at(file, mount) if file else None
        if path:
            field = ("spec", "volumes", at, "projected", "sources", place, "serviceAccountToken")
            yield Mounted(path, field, volume["name"].startswith(AUTOMATIC))


def _seen_at(file: str, mount: Object) -> str | None:
    """The path of a volume's file in a container; None where a subPath leaves it out."""
    part, at = str(mount.get("subPath") or "").strip("/"), str(mount["mountPath"]).rstrip("/")
    if not part:
        return join(at, file)
    if file == part:
        return at
    return join(at, file.removeprefix(f"{part}/")) if file.startswith(f"{part}/") else None
