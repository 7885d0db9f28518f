"""Images by name: in the Docker engine, from whichever side they come, and in a cluster's nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import docker
from docker.models.containers import Container
from filelock import FileLock, Timeout

from kindlabs.asking import Ask, nobody
from kindlabs.images import gobuild, imagebuild, nodebuild, registry
from kindlabs.images.lock import Image, Lock, course_root
from kindlabs.images.registry import source
from kindlabs.machine import containers, settings
from kindlabs.machine.engine import architecture
from kindlabs.progress import Steps

__all__ = ["Lock", "load", "node_image", "provide", "provide_all", "source"]

CTR = ("ctr", "--namespace=k8s.io")
LOADED_LABEL = "kind-labs.loaded"
"""Label of an image in a node: the id that the engine's image had when it was copied."""


def provide_all(
    version: str, names: Iterable[str], client: docker.DockerClient, steps: Steps, lock: Lock, ask: Ask = nobody
) -> tuple[str, dict[str, str]]:
    """:func:`node_image` and :func:`provide` for one cluster: where they are built, what both need is compiled at once.

    Two builds in a row compile what they share once, too, but each ends with one core idle.

    Raises:
        LabError, InfraError: as both.
    """
    names = list(names)
    arch = architecture(client)
    needed = imagebuild.Ingredients.of(_missing(names, client, lock, arch), lock)
    if _present_node(version, client, lock, arch) is None:
        needed |= nodebuild.ingredients(lock.node(version), lock)
    if needed and source() == "build":
        with _building(steps):
            imagebuild.ingredients(needed, lock, client, arch, steps, ask)
    return node_image(version, client, steps, lock, ask), provide(names, client, steps, lock, ask)


def provide(
    names: Iterable[str], client: docker.DockerClient, steps: Steps, lock: Lock | None = None, ask: Ask = nobody
) -> dict[str, str]:
    """Have images in the engine under their upstream names, pulled or built.

    Args:
        names: short names of the lock file.
        client: the engine.
        steps: where the progress goes.
        lock: the course's lock file; by default that of the working directory's course.
        ask: whether what building needs may be installed.

    Returns:
        short name → reference.

    Raises:
        LabError: a name is not in the lock file.
        InfraError: an image can be neither pulled nor built.
    """
    lock = lock or Lock.load(course_root())
    names = list(dict.fromkeys(names))
    arch = architecture(client)
    missing = _missing(names, client, lock, arch)
    if missing and source() == "pull":
        _pull(missing, client, steps)
    elif missing:
        with _building(steps):
            imagebuild.ensure(missing, lock, client, arch, steps, ask)
    return {name: lock.image(name).reference for name in names}


def node_image(
    version: str, client: docker.DockerClient, steps: Steps, lock: Lock | None = None, ask: Ask = nobody
) -> str:
    """Have a node image in the engine; its reference.

    Args:
        version: Kubernetes' minor version, ``1.36``.
        client: the engine.
        steps: where the progress goes.
        lock, ask: as for :func:`provide`.

    Raises:
        LabError: the lock file has no such version.
        InfraError: the image can be neither pulled nor built.
    """
    lock = lock or Lock.load(course_root())
    node = lock.node(version)
    arch = architecture(client)
    if present := _present_node(version, client, lock, arch):
        return present
    if source() == "pull":
        _pull([node.pull], client, steps)
        return node.pull.reference
    with _building(steps):
        nodebuild.ensure(node, lock, client, arch, steps, ask)
    return node.build


def load(references: Sequence[str], node_names: Sequence[str], client: docker.DockerClient) -> None:
    """Copy images of the engine into every node's container runtime; what a node has already is left alone.

    Args:
        references: names in the engine, with a tag.
        node_names: node containers.
        client: the engine.

    Raises:
        InfraError: a node does not take an image.
    """
    ids = {reference: str(client.images.get(reference).id) for reference in references}
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda name: _load_node(client.containers.get(name), ids, client), node_names))


@contextmanager
def _building(steps: Steps) -> Iterator[None]:
    """Held by the one command on this machine that builds; the next one finds the images there."""
    folder = gobuild.cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "images.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with steps.step("Wait for another command that builds images"):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _present_node(version: str, client: docker.DockerClient, lock: Lock, arch: str) -> str | None:
    """The node image that the engine has, as IMAGES wants it."""
    node = lock.node(version)
    if settings.images() != "build" and registry.holds(node.pull, client):
        return node.pull.reference
    is_built = imagebuild.built_key(node.build, client) == nodebuild.key(node, lock, arch)
    return node.build if is_built and settings.images() != "pull" else None


def _missing(names: Iterable[str], client: docker.DockerClient, lock: Lock, arch: str) -> list[Image]:
    return [image for image in map(lock.image, names) if not _fits(image, lock, arch, client)]


def _fits(image: Image, lock: Lock, arch: str, client: docker.DockerClient) -> bool:
    """Whether the engine has the image as IMAGES wants it: as published, as built here, or in either way."""
    built = imagebuild.built_key(image.reference, client)
    published = built == "" and (not image.digest or registry.holds(image, client))
    ours = bool(built) and built == imagebuild.key(image, lock, arch)
    return {"pull": published, "build": ours, "auto": published or ours}[settings.images()]


def _pull(images: Sequence[Image], client: docker.DockerClient, steps: Steps) -> None:
    names = ", ".join(image.reference.rpartition("/")[2] for image in images)
    with steps.step(f"Pull {names}") as step, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda image: registry.pull(image, client, step), images))


def _load_node(node: Container, ids: dict[str, str], client: docker.DockerClient) -> None:
    present = containers.run(node, [*CTR, "images", "ls"])
    for reference, image_id in ids.items():
        name = canonical(reference)
        if any(line.startswith(f"{name} ") and f"{LOADED_LABEL}={image_id}" in line for line in present.splitlines()):
            continue
        folder = f"/var/lib/kind-labs-import/{image_id.removeprefix('sha256:')[:16]}"
        containers.copy_image(reference, node, folder, client)
        read = f"tar -C {folder} -c . | {' '.join(CTR)} images import --local - && rm -rf {folder}"
        containers.run(node, ["sh", "-c", read])
        containers.run(node, [*CTR, "images", "label", name, f"{LOADED_LABEL}={image_id}"])


def canonical(reference: str) -> str:
    """A reference with its registry: ``nginx:1`` is ``docker.io/library/nginx:1``."""
    first, slash, _ = reference.partition("/")
    if slash and (any(sign in first for sign in ".:") or first == "localhost"):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"
