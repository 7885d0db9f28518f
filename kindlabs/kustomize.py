"""A submission that is a kustomization: built by kubectl, its objects traced back to the learner's files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kindlabs import manifests, yamlsource
from kindlabs.errors import UnreadableSubmission
from kindlabs.manifests import Manifest
from kindlabs.yamlsource import Document, YamlFault

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
TIMEOUT = 20
"""Seconds that a build may take; the labs' own take less than one."""


def kustomization_of(folder: Path) -> Path | None:
    """The folder's kustomization file, if it is one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def build(kustomization: Path, files: list[Path], kubectl: Path) -> list[Manifest]:
    """The objects that ``kubectl kustomize`` makes of the folder, with the file and line of what each was made from.

    It works on a copy of *files*, without git and without the internet: a base outside the submission is not found.

    Raises: UnreadableSubmission with kustomize's own words.
    """
    folder = kustomization.parent
    bases = {base for path in files if path.name in NAMES for base in _references(path, folder)}
    with tempfile.TemporaryDirectory(prefix="kustomize-") as place:
        for path in files:
            target = Path(place) / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        text = _run(kubectl, Path(place), kustomization)
    built = manifests.parse(text, kustomization)
    # What a kustomization builds on comes before the patches to it, which may have the same kind and name.
    sources = [m for path in sorted(files, key=lambda path: path.resolve() not in bases) for m in _readable(path)]
    return [_traced(manifest, sources, kustomization) for manifest in built]


def _references(kustomization: Path, folder: Path) -> Iterator[Path]:
    """What a kustomization of *folder* builds on; all of it lies in *folder*: no address, no way out."""
    text = manifests.read_text(kustomization)
    try:
        documents = yamlsource.read(text)
    except YamlFault as fault:
        raise UnreadableSubmission(f"{kustomization}:{fault.line}:{fault.column}: {fault.reason}.") from None
    for document in documents:
        values = document.value if isinstance(document.value, dict) else {}
        for key in ("resources", "bases", "components"):
            entries = values.get(key)
            for index, entry in enumerate(entries if isinstance(entries, list) else []):  # kustomize refuses the rest
                if not _is_in(folder, kustomization.parent / str(entry)):
                    line = document.line_of(key, index)
                    message = f"{kustomization}:{line}: {entry} is not in the submission's folder."
                    raise UnreadableSubmission(message, "Put there what the kustomization builds on.")
                yield (kustomization.parent / str(entry)).resolve()


def _is_in(folder: Path, target: Path) -> bool:
    try:
        return target.exists() and target.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a loop
        return False


def _run(kubectl: Path, place: Path, kustomization: Path) -> str:
    nowhere = "http://127.0.0.1:9"
    environment = {"HOME": str(place), "PATH": str(place), "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
    try:
        done = subprocess.run(
            [kubectl, "kustomize", place], env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnreadableSubmission(f"{kustomization}: still building after {TIMEOUT} s.") from None
    if done.returncode:
        words = done.stderr.strip().removeprefix("error: ").replace(os.path.realpath(place), str(kustomization.parent))
        raise UnreadableSubmission(
            f"{kustomization}: cannot be built: {words}",
            "Everything that a kustomization names has to be in its folder.",
        )
    return done.stdout


def _readable(path: Path) -> list[Manifest]:
    if path.suffix not in manifests.SUFFIXES or path.name in NAMES:
        return []
    try:
        return manifests.read(path)
    except UnreadableSubmission:
        return []  # a values file or a patch list, which kustomize has judged already


def _traced(built: Manifest, sources: list[Manifest], kustomization: Path) -> Manifest:
    """*built* with the lines of its source: the first of its kind with its name, or the one whose name it extends."""
    same_kind = [m for m in sources if m.kind == built.kind and m.name]
    exact = [m for m in same_kind if m.name == built.name]
    extended = [m for m in same_kind if m.name in built.name]
    found = exact or extended
    if exact or len(extended) == 1:
        return Manifest(built.document, found[0].file, found[0].line, found[0].lines, found[0].base)
    return Manifest(built.document, kustomization, 1, Document(None, {(): 1}))
