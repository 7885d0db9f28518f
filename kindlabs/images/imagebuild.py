"""The build side: images from Go programs and Debian packages, each labelled with a key of what went in."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, NotFound

from kindlabs.asking import Ask
from kindlabs.errors import InfraError
from kindlabs.images import debian, gobuild
from kindlabs.images.debian import KEY_LABEL
from kindlabs.images.lock import Debian, Image, Lock
from kindlabs.progress import Steps

PASSWD = "root:x:0:0:root:/:/bin/sh\nnonroot:x:65532:65532:nonroot:/:/bin/sh\n"  # noqa: S105
GENERATED = """FROM scratch
COPY root/ /
COPY {program} {path}
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
{user}ENTRYPOINT ["{path}"]
"""


def ensure(images: Iterable[Image], lock: Lock, client: docker.DockerClient, arch: str, steps: Steps, ask: Ask) -> None:
    """Build those of the images that the engine has not, or has from other inputs.

    Raises:
        InfraError: something that the build needs is missing, or the build failed.
    """
    wanted = _with_bases(images, lock)
    missing = [image for image in wanted if built_key(image.reference, client) != key(image, lock, arch)]
    if not missing:
        return
    programs = ingredients(Ingredients.of(missing, lock), lock, client, arch, steps, ask)
    with steps.step(f"Build {len(missing)} images", total=len(missing)) as step:
        for image in missing:
            with replacing(image.reference, client):
                _build(image, lock, client, arch, programs)
            step.advance(note=image.name)


@dataclass(frozen=True)
class Ingredients:
    """What images are made of before any is built: Go packages, and Debians by their references."""

    packages: frozenset[str] = frozenset()
    systems: frozenset[Debian] = frozenset()

    @classmethod
    def of(cls, images: Iterable[Image], lock: Lock) -> Ingredients:
        """Those of images, and of what they stand on."""
        images = _with_bases(images, lock)
        named = {base for image in images for base in _bases(dockerfile(image, lock))}
        return cls(
            frozenset(image.recipe.go for image in images if image.recipe.go),
            frozenset(system for system in lock.debian.values() if system.reference in named),
        )

    def __bool__(self) -> bool:
        return bool(self.packages or self.systems)

    def __or__(self, other: Ingredients) -> Ingredients:
        return Ingredients(self.packages | other.packages, self.systems | other.systems)


def ingredients(
    wanted: Ingredients, lock: Lock, client: docker.DockerClient, arch: str, steps: Steps, ask: Ask
) -> dict[str, Path]:
    """Have all of them: programs compiled, and meanwhile Debians made, which wait for the network and one core.

    Returns:
        Go package → its program.

    Raises:
        InfraError: something that this needs is missing, or failed.
    """
    if wanted.packages:
        gobuild.go_program()
    systems = sorted(wanted.systems, key=lambda system: system.suite)
    for system in systems:
        debian.prepare(system, client, arch, steps, ask)
    with ThreadPoolExecutor() as pool:
        roots = pool.submit(_make_debians, systems, client, arch, steps)
        programs = pool.submit(gobuild.programs, lock, sorted(wanted.packages), arch, steps).result()
        roots.result()
    return programs


def _make_debians(systems: Iterable[Debian], client: docker.DockerClient, arch: str, steps: Steps) -> None:
    for system in systems:
        debian.ensure(system, client, arch, steps)


def key(image: Image, lock: Lock, arch: str) -> str:
    """A digest of everything that goes into the image: recipe, program, the images that it stands on."""
    recipe = dockerfile(image, lock)
    parts = [image.reference, arch, recipe, PASSWD]
    if image.recipe.go:
        parts.append(gobuild.key(lock, image.recipe.go))
    systems = {system.reference: system for system in lock.debian.values()}
    for base in _bases(recipe):
        system = systems.get(base)
        parts.append(debian.key(system, arch) if system else key(_by_reference(base, lock), lock, arch))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def built_key(reference: str, client: docker.DockerClient) -> str | None:
    """The key that the engine's image was built with: empty for a published image, None where there is no image."""
    try:
        labels = client.images.get(reference).labels
    except NotFound:
        return None
    return str(labels.get(KEY_LABEL, ""))


@contextmanager
def replacing(reference: str, client: docker.DockerClient) -> Iterator[None]:
    """Around whatever makes *reference* anew: the image of that name goes, unless a tag or a container keeps it."""
    before = _id(reference, client)
    yield
    with suppress(APIError):  # a container uses it
        if before and not client.images.get(before).tags:
            client.images.remove(before)


def _id(reference: str, client: docker.DockerClient) -> str | None:
    with suppress(NotFound):
        return str(client.images.get(reference).id)
    return None


def dockerfile(image: Image, lock: Lock) -> str:
    """The image's Dockerfile: its own, or the one for a program alone."""
    recipe = image.recipe
    if recipe.dockerfile:
        return (lock.recipes / recipe.dockerfile).read_text(encoding="utf-8")
    user = f"USER {recipe.user}\n" if recipe.user else ""
    return GENERATED.format(program=recipe.program, path=recipe.path, user=user)


def _bases(recipe: str) -> list[str]:
    return [base for base in re.findall(r"^FROM (\S+)", recipe, re.MULTILINE) if base != "scratch"]


def _by_reference(reference: str, lock: Lock) -> Image:
    return next(image for image in lock.images.values() if image.reference == reference)


def _with_bases(images: Iterable[Image], lock: Lock) -> list[Image]:
    """The images, each after those that it stands on, each once."""
    found: dict[str, Image] = {}
    for image in images:
        systems = {system.reference for system in lock.debian.values()}
        bases = [base for base in _bases(dockerfile(image, lock)) if base not in systems]
        for each in [*_with_bases([_by_reference(base, lock) for base in bases], lock), image]:
            found[each.name] = each
    return list(found.values())


def _build(image: Image, lock: Lock, client: docker.DockerClient, arch: str, programs: dict[str, Path]) -> None:
    with tempfile.TemporaryFile() as context:
        _write_context(context, dockerfile(image, lock), programs.get(image.recipe.go))
        lines = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=image.reference,
            labels={KEY_LABEL: key(image, lock, arch)},
            rm=True,
            forcerm=True,
            decode=True,
        )
        try:
            _raise_what_failed(image, lines)
        except APIError as error:
            raise InfraError(f"The image {image.name} could not be built: {error}") from error


def _raise_what_failed(image: Image, lines: Iterable[dict[str, str]]) -> None:
    said: list[str] = []
    for line in lines:
        said += line.get("stream", "").strip().splitlines()
        if "error" in line:
            words = "\n  ".join([*said[-5:], line["error"]])
            raise InfraError(f"The image {image.name} could not be built:\n  {words}")


def _write_context(file: IO[bytes], recipe: str, program: Path | None) -> None:
    with tarfile.open(fileobj=file, mode="w") as archive:
        add_text(archive, "Dockerfile", recipe)
        add_text(archive, "root/etc/passwd", PASSWD)
        add_folder(archive, "root/tmp", mode=0o1777)
        if program:
            add_file(archive, program.name, program, mode=0o755)
    file.seek(0)


def add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    """Add a small file of root's."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), 0o644
    archive.addfile(entry, io.BytesIO(text.encode()))


def add_folder(archive: tarfile.TarFile, name: str, mode: int = 0o755) -> None:
    """Add an empty folder of root's."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    archive.addfile(entry)


def add_file(archive: tarfile.TarFile, name: str, path: Path, mode: int) -> None:
    """Add a file of the host as a file of root's."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = path.stat().st_size, mode
    with path.open("rb") as content:
        archive.addfile(entry, content)
