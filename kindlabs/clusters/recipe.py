"""What a cluster is made from, as a digest: a cluster with another one is out of date. Only what it uses counts.

Images are no part of it: those that a lab asks for are loaded into a cluster that runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from kindlabs.clusters.cluster import Facts
from kindlabs.clusters.profiles import KUBEADM
from kindlabs.images.lock import Lock, Node, path_of


def recipe(course_root: Path, facts: Facts) -> str:
    """The digest for a cluster of these facts: its profile, node image and add-ons, as the course has them now.

    Raises: UnreadableLab when the lock file cannot be read.
    """
    lock = Lock.load(course_root)
    digest = hashlib.sha256()
    for part in _parts(course_root, lock, facts):
        if not isinstance(part, Path):
            digest.update(f"{part}\n".encode())
        elif part.is_file():
            digest.update(f"{part.relative_to(course_root)}\n".encode() + part.read_bytes())
    return digest.hexdigest()[:16]


def _parts(course_root: Path, lock: Lock, facts: Facts) -> Iterator[Path | object]:
    folder = course_root / "clusters"
    yield folder / "profiles" / f"{facts.profile}.yaml"
    yield course_root / KUBEADM
    node = lock.nodes.get(facts.kubernetes)
    if node and facts.is_built:
        yield from _built(lock, node)
    elif node:
        yield node.pull
    for name in sorted(facts.addons):
        yield from sorted((folder / "addons" / name).glob("*.yaml"))


def _built(lock: Lock, node: Node) -> Iterator[Path | object]:
    """What :func:`kindlabs.images.nodebuild.key` is made of, without an engine's client to ask."""
    images = [lock.image(name) for name in node.preload]
    yield (node.build, node.version, node.debian, node.binaries, images)
    packages = [*chain(*node.binaries.values()), *(image.recipe.go for image in images if image.recipe.go)]
    for module in sorted({lock.module(package) for package in packages}):
        yield from (module / name for name in ("go.mod", "go.sum"))
    yield from sorted((lock.recipes / "node").rglob("*"))
    for image in images:
        if image.recipe.dockerfile:
            yield lock.recipes / image.recipe.dockerfile
        if image.recipe.go.startswith("./"):
            yield from sorted((lock.module(image.recipe.go) / path_of(image.recipe.go)).glob("*.go"))
