"""``clusters/images.lock.yaml`` as data: which images there are, and how each is pulled or built."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from kindlabs.errors import UnreadableLab
from kindlabs.machine import settings

LOCK_FILE = Path("clusters") / "images.lock.yaml"
FORMAT = "kind-labs/images/v1"


@dataclass(frozen=True)
class Recipe:
    """How an image is built.

    Attributes:
        go: package path of the program, ``./name`` for one of this project; empty where there is none. ``@1.37`` at its
            end: it is built in the Go module of that Kubernetes version (:meth:`Lock.module`).
        path: where the program stands in the image.
        dockerfile: file in ``clusters/images``; empty for an image of the program alone.
        user: number of the user that it runs as; empty for root.
    """

    go: str = ""
    path: str = ""
    dockerfile: str = ""
    user: str = ""

    @property
    def program(self) -> str:
        """The file name that ``go build`` gives: the last part of the package path that is no major version."""
        return program_of(self.go) if self.go else ""


@dataclass(frozen=True)
class Image:
    """One image: its short name, the reference that manifests use, its digest if one is known, how it is built."""

    name: str
    reference: str
    digest: str = ""
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class Debian:
    """A Debian that built images stand on or take files from: a release, and packages beside the minimal ones."""

    suite: str
    packages: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Its image in the engine: ``kind-labs/debian:bookworm``."""
        return f"kind-labs/debian:{self.suite}"


@dataclass(frozen=True)
class Node:
    """The node image of one Kubernetes version.

    Attributes:
        pull: the published image.
        build: the reference of the built one.
        version: Kubernetes' version in the built one, ``v1.36.3``.
        debian: what the built one stands on.
        preload: names of the images in it.
        binaries: folder in the image → Go packages.
        published: what clusters of the published image can do, and not every cluster can: ``network-policy``.
        built: the same of the built image.
    """

    pull: Image
    build: str
    version: str
    debian: Debian
    preload: tuple[str, ...]
    binaries: dict[str, list[str]]
    published: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lock:
    """The lock file of one course."""

    course_root: Path
    images: dict[str, Image]
    nodes: dict[str, Node]
    default: str
    debian: dict[str, Debian]

    @classmethod
    def load(cls, course_root: Path) -> Lock:
        """Read the course's lock file.

        Raises:
            UnreadableLab: it is not there, or not of this format.
        """
        path = course_root / LOCK_FILE
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise UnreadableLab(f"{path} cannot be read: {error}") from error
        if not isinstance(values, dict) or values.get("version") != FORMAT:
            raise UnreadableLab(f"{path}: expected version: {FORMAT}")
        try:
            debian = {suite: Debian(suite, tuple(names.split())) for suite, names in values["debian"].items()}
            return cls(
                course_root=course_root,
                images={name: _image(name, entry) for name, entry in values["images"].items()},
                nodes={version: _node(entry, debian) for version, entry in values["nodes"].items()},
                default=values["default"],
                debian=debian,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise UnreadableLab(f"{path}: missing or misplaced: {error}") from error

    @property
    def recipes(self) -> Path:
        """The folder of recipes: Go module, Dockerfiles, the node's files."""
        return self.course_root / "clusters" / "images"

    def module(self, package: str) -> Path:
        """The folder of the Go module that *package* is built in: ``kubelet@1.37`` in ``kubernetes-1.37``."""
        _, _, version = package.partition("@")
        return self.recipes / f"kubernetes-{version}" if version else self.recipes

    def image(self, name: str) -> Image:
        """The image of this short name.

        Raises:
            UnreadableLab: there is none.
        """
        if name not in self.images:
            known = ", ".join(sorted(self.images))
            raise UnreadableLab(f"No image {name} in {LOCK_FILE}.", f"Add it there, or use one of: {known}")
        return self.images[name]

    def asked_for(self) -> str:
        """The version of Kubernetes that KUBERNETES asks for, ``1.37``; the course's own when it asks for none.

        Raises: UsageError for one that no node image is of.
        """
        return settings.kubernetes(list(self.nodes)) or self.default

    def node(self, version: str) -> Node:
        """The node image of a Kubernetes version such as ``1.36``.

        Raises:
            UnreadableLab: there is none.
        """
        if version not in self.nodes:
            raise UnreadableLab(
                f"No node image for Kubernetes {version} in {LOCK_FILE}.", f"Known: {', '.join(sorted(self.nodes))}"
            )
        return self.nodes[version]


def course_root() -> Path:
    """The course around the working directory, otherwise the one that this package is part of."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / LOCK_FILE).is_file():
            return folder
    return Path(__file__).parents[2]


def path_of(package: str) -> str:
    """The import path of *package*, as go takes it in its module: ``k8s.io/kubectl@1.37`` gives ``k8s.io/kubectl``."""
    return package.partition("@")[0]


def program_of(package: str) -> str:
    """What ``go build`` calls the program of *package*: ``go.etcd.io/etcd/server/v3@1.37`` gives ``server``."""
    *rest, last = path_of(package).split("/")
    return rest[-1] if last[:1] == "v" and last[1:].isdigit() else last


def _image(name: str, entry: dict[str, Any]) -> Image:
    build = entry.get("build") or {}
    go = build.get("go", "")
    path = build.get("path") or (f"/usr/local/bin/{program_of(go)}" if go else "")
    recipe = Recipe(go=go, path=path, dockerfile=build.get("dockerfile", ""), user=build.get("user", ""))
    return Image(name, entry["image"], entry.get("digest", ""), recipe)


def _node(entry: dict[str, Any], debian: dict[str, Debian]) -> Node:
    build = entry["build"]
    return Node(
        pull=_image("node", entry["pull"]),
        build=build["image"],
        version=build["version"],
        debian=debian[build["debian"]],
        preload=tuple(build["preload"]),
        binaries=build["binaries"],
        published=tuple(entry["pull"]["capabilities"]),
        built=tuple(build["capabilities"]),
    )
