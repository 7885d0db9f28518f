"""The pull side: which way images come, and getting one from a registry by its digest."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import docker
import httpx
from docker.errors import DockerException, NotFound

from kindlabs.errors import InfraError
from kindlabs.images.lock import Image
from kindlabs.machine import settings
from kindlabs.progress import Step

MIRROR = "KINDLABS_REGISTRY_MIRROR"
"""Environment variable: ``host:port[/path]`` of a registry that holds every image under its full upstream name, such as
``mirror:5000/registry.k8s.io/e2e-test-images/agnhost:2.63.0``."""

PROBE_SECONDS = 3.0
UPSTREAM = "registry-1.docker.io"


def source() -> str:
    """``pull`` or ``build``: what IMAGES says; by itself, ``pull`` where a registry answers.

    Raises:
        UsageError: IMAGES is another word.
    """
    said = settings.images()
    if said != "auto":
        return said
    return "pull" if _reachable(mirror()) else "build"


def mirror() -> str:
    """The registry to pull from instead of each image's own; empty for none."""
    return os.environ.get(MIRROR, "").strip().removeprefix("https://").removeprefix("http://").rstrip("/")


@functools.cache
def _reachable(registry: str) -> bool:
    """Whether a registry answers, by the environment's proxies. Asked once a command."""
    host = registry.split("/")[0] or UPSTREAM
    return any(_answers(f"{scheme}://{host}/v2/") for scheme in (("https", "http") if registry else ("https",)))


def _answers(url: str) -> bool:
    try:
        status = httpx.get(url, timeout=PROBE_SECONDS).status_code
    except (httpx.HTTPError, OSError):
        return False
    return status in (200, 401)  # the API's own answers, with and without a login; a proxy's refusal is another


@dataclass(frozen=True)
class Address:
    """Where an image is pulled from."""

    repository: str
    tag: str
    digest: str

    @classmethod
    def of(cls, image: Image) -> Address:
        """The image's own registry, or the mirror."""
        repository, _, tag = image.reference.rpartition(":")
        prefix = f"{mirror()}/" if mirror() else ""
        return cls(f"{prefix}{repository}", tag, image.digest)

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}" if self.digest else f"{self.repository}:{self.tag}"


def pull(image: Image, client: docker.DockerClient, step: Step) -> None:
    """Get an image from its registry, by its digest if the lock file has one, and give it its upstream name.

    Args:
        image: what to pull.
        client: the engine that pulls.
        step: advanced by each layer.

    Raises:
        InfraError: the registry does not answer, or has no such image, or one with another digest.
    """
    address = Address.of(image)
    try:
        for line in client.api.pull(address.repository, tag=address.digest or address.tag, stream=True, decode=True):
            _raise_what_failed(line.get("error", ""), image, address)
            if line.get("status") in ("Pull complete", "Already exists"):
                step.advance()
        name, _, tag = image.reference.rpartition(":")
        client.images.get(str(address)).tag(name, tag)
    except NotFound as error:
        raise _not_there(image, address) from error
    except DockerException as error:
        raise InfraError(f"Cannot pull {address}: {_reason(error)}", _advice()) from error


def holds(image: Image, client: docker.DockerClient) -> bool:
    """Whether the engine's image of this name is the one with the lock file's digest."""
    try:
        present = client.images.get(image.reference)
    except NotFound:
        return False
    return any(str(known).endswith(f"@{image.digest}") for known in present.attrs.get("RepoDigests") or [])


def _raise_what_failed(error: str, image: Image, address: Address) -> None:
    """Engines with containerd's image store answer first and tell in the stream that there is no such image."""
    if "not found" in error or "manifest unknown" in error:
        raise _not_there(image, address)
    if error:
        raise InfraError(f"Cannot pull {address}: {error}", _advice())


def _not_there(image: Image, address: Address) -> InfraError:
    if image.digest:
        return InfraError(
            f"Expected {image.reference} with digest {image.digest}, as clusters/images.lock.yaml says;\n"
            f"{address.repository} holds no image of this digest.",
            "If the mirror holds another copy, copy the image again with its digest kept (crane, oras, skopeo --all).",
        )
    return InfraError(f"No image {address} in its registry.", _advice())


def _reason(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _advice() -> str:
    return f"Set {MIRROR} to a registry that you reach, or IMAGES=build to build the images here."
