"""A node image, built: Debian, Kubernetes, a container runtime, and the control plane's images inside."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from kindlabs.asking import Ask
from kindlabs.images import debian, gobuild, imagebuild
from kindlabs.images.imagebuild import Ingredients
from kindlabs.images.lock import Lock, Node
from kindlabs.machine import containers
from kindlabs.progress import Steps

IMPORT = "/kind/import"
BUILDER = "kind-labs-node-builder"
CHANGES = [
    'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]',
    "CMD []",
    "ENV container=docker",
    "STOPSIGNAL SIGRTMIN+3",
]
FOLDERS = ("etc/cni/net.d", "etc/kubernetes/manifests", "opt/cni/bin")


def ensure(node: Node, lock: Lock, client: docker.DockerClient, arch: str, steps: Steps, ask: Ask) -> None:
    """Have the built node image in the engine.

    Raises:
        InfraError: something that the build needs is missing, or the build failed.
    """
    if imagebuild.built_key(node.build, client) == key(node, lock, arch):
        return
    preload = [lock.image(name) for name in node.preload]
    programs = imagebuild.ingredients(ingredients(node, lock), lock, client, arch, steps, ask)
    imagebuild.ensure(preload, lock, client, arch, steps, ask)
    with steps.step(f"Put the node image {node.build} together", total=4) as step, _builder(node, client) as builder:
        _copy_files(builder, node, lock, programs)
        step.advance(note="copying the control plane's images")
        for image in preload:
            containers.copy_image(image.reference, builder, f"{IMPORT}/{image.name}", client)
        step.advance(note="importing them")
        containers.run(builder, ["/kind/setup"])
        step.advance(note="committing")
        with imagebuild.replacing(node.build, client):
            _commit(builder, node, key(node, lock, arch))
        step.advance()


def ingredients(node: Node, lock: Lock) -> Ingredients:
    """What the node image is made of."""
    packages = frozenset(package for group in node.binaries.values() for package in group)
    preloaded = Ingredients.of([lock.image(name) for name in node.preload], lock)
    return preloaded | Ingredients(packages, frozenset({node.debian}))


def key(node: Node, lock: Lock, arch: str) -> str:
    """A digest of everything that goes into the node image."""
    digest = hashlib.sha256("\0".join([node.build, *CHANGES, debian.key(node.debian, arch)]).encode())
    for folder, packages in node.binaries.items():
        digest.update("\0".join([folder, *(gobuild.key(lock, package) for package in packages)]).encode())
    for name in node.preload:
        digest.update(imagebuild.key(lock.image(name), lock, arch).encode())
    for path in _files(lock):
        digest.update(str(path.relative_to(lock.recipes)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _files(lock: Lock) -> list[Path]:
    return sorted(path for path in (lock.recipes / "node").rglob("*") if path.is_file())


@contextmanager
def _builder(node: Node, client: docker.DockerClient) -> Iterator[Container]:
    """A container of plain Debian to turn into a node; what a killed build left goes first."""
    with suppress(NotFound):
        client.containers.get(BUILDER).remove(force=True, v=True)
    builder = client.containers.run(
        node.debian.reference,
        name=BUILDER,  # not a label: the image would hand it on to every node
        entrypoint=["sleep", "infinity"],
        network_mode="none",
        privileged=True,
        detach=True,
    )
    try:
        yield builder
    finally:
        builder.remove(force=True, v=True)


def _copy_files(builder: Container, node: Node, lock: Lock, programs: dict[str, Path]) -> None:
    with tempfile.TemporaryFile() as file:
        _write_files(file, node, lock, programs)
        builder.put_archive("/", file)
    # Without limits on processes' resources: raising them needs a capability that engines may not have.
    spec: dict[str, Any] = json.loads(containers.run(builder, ["ctr", "oci", "spec"]))
    spec["process"].pop("rlimits", None)
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            imagebuild.add_text(archive, "etc/containerd/base-spec.json", json.dumps(spec))
        file.seek(0)
        builder.put_archive("/", file)


def _write_files(file: IO[bytes], node: Node, lock: Lock, programs: dict[str, Path]) -> None:
    data = lock.recipes / "node" / "files"
    with tarfile.open(fileobj=file, mode="w") as archive:
        for folder in FOLDERS:
            imagebuild.add_folder(archive, folder)
        for path in sorted(data.rglob("*")):
            if path.is_file():
                mode = 0o755 if path.is_relative_to(data / "usr") else 0o644
                imagebuild.add_file(archive, str(path.relative_to(data)), path, mode)
        imagebuild.add_text(archive, "kind/version", node.version)
        imagebuild.add_file(archive, "kind/setup", lock.recipes / "node" / "setup", 0o755)
        for folder, packages in node.binaries.items():
            for package in packages:
                program = programs[package]
                imagebuild.add_file(archive, f"{folder.lstrip('/')}/{program.name}", program, 0o755)
    file.seek(0)


def _commit(builder: Container, node: Node, built_from: str) -> None:
    builder.stop(timeout=0)
    repository, _, tag = node.build.rpartition(":")
    builder.commit(repository=repository, tag=tag, changes=[*CHANGES, f"LABEL {debian.KEY_LABEL}={built_from}"])
