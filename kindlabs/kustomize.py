"""A submission that is a kustomization: built by kubectl, its objects traced back to the learner's files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kindlabs import manifests, tree, yamlsource
from kindlabs.errors import UnreadableSubmission
from kindlabs.manifests import Manifest
from kindlabs.spelling import did_you_mean
from kindlabs.yamlsource import Document, YamlFault

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
TIMEOUT = 20
"""Seconds that a build may take; the labs' own take less than one."""

BUILT_ON = {"resources", "bases", "components"}
PLUGINS = {"transformers", "generators", "validators"}
"""Fields whose entries are read as what else kustomize is to do, from a file or from the entry itself."""
ENTRIES = {*BUILT_ON, *PLUGINS, "crds", "configurations", "patchesStrategicMerge"}
"""Fields whose entries are files, or objects of their own."""
KEYED = {"patches", "patchesJson6902", "replacements", "openapi", "configMapGenerator", "secretGenerator"}
"""Fields whose entries name files under ``FILE_KEYS``."""
FILE_KEYS = {"path", "files", "envs", "env"}
PLAIN = {"apiVersion", "kind", "metadata", "namePrefix", "nameSuffix", "namespace", "labels", "commonLabels", "images"}
PLAIN |= {"commonAnnotations", "replicas", "generatorOptions", "vars", "buildMetadata", "sortOptions"}
"""Fields that name no file (kustomize, api/types/kustomization.go). What is in no set here, such as ``helmCharts``, is
not taken: kustomize fetches from wherever a string names an address."""
TEXTS = {"literals", "annotations", "labels"}
"""Fields of a plugin that hold any text."""
ADDRESS = re.compile(r"(?:[^=]*=)?(?:https?:|[a-z][a-z0-9+.-]*://)", re.I)


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
        try:
            built = manifests.parse(_run(kubectl, Path(place), kustomization), kustomization)
        except UnreadableSubmission:
            for path in files:  # where one of them cannot be read, our own words have its line
                if path.suffix in manifests.SUFFIXES:
                    manifests.read(path)
            raise
    # What a kustomization builds on comes before the patches to it, which may have the same kind and name.
    sources = [m for path in sorted(files, key=lambda path: path.resolve() not in bases) for m in _readable(path)]
    return [_traced(manifest, sources, kustomization) for manifest in built]


def _references(kustomization: Path, folder: Path) -> Iterator[Path]:
    """What a kustomization of *folder* builds on; all that it names lies in *folder*: no address, no way out."""
    for document in _documents(manifests.read_text(kustomization), kustomization):
        values = document.value if isinstance(document.value, dict) else {}
        for field in values:
            if field not in ENTRIES | KEYED | PLAIN:
                meant = did_you_mean(field, sorted(ENTRIES | KEYED | PLAIN))
                raise _refused(kustomization, document.line_of(field), f"{field} is not taken here.{meant}")
        for path, value in tree.leaves({field: values[field] for field in values if field not in PLAIN}):
            yield from _reference(kustomization, folder, document.line_of(*path), path, value)


def _reference(kustomization: Path, folder: Path, line: int, path: tree.Path, value: Any) -> Iterator[Path]:
    """What one scalar of a kustomization builds on, once it is known to name nothing outside of *folder*."""
    field, key = path[0], next((str(step) for step in path[1:] if isinstance(step, str)), "")
    if key.lower() in FILE_KEYS - {key}:  # kustomize takes it in any letters
        raise _refused(kustomization, line, f"{key} has to be written {key.lower()}: keys are case-sensitive.")
    is_entry = len(path) == 2 and isinstance(path[1], int)
    if value is None or not (is_entry or (field in KEYED and key in FILE_KEYS)):
        return
    text = str(value)
    if field in ENTRIES - BUILT_ON and ("\n" in text or text.startswith("{")):  # an object, written here
        for document in _documents(text, kustomization) if field in PLUGINS else []:
            _refuse_addresses(document, kustomization, line)
        return
    target = kustomization.parent / (text.rpartition("=")[2] if key == "files" else text)
    if ADDRESS.match(text) or not _is_in(folder, target):
        raise _refused(kustomization, line, f"{text} is not in the submission's folder.")
    if field in PLUGINS:
        if target.is_dir():
            raise _refused(kustomization, line, f"{text} is a folder; {field} are taken from files alone.")
        for document in _documents(manifests.read_text(target), target):
            _refuse_addresses(document, target)
    if field in BUILT_ON:
        yield target.resolve()


def _refuse_addresses(plugin: Document, file: Path, line: int = 0) -> None:
    """Refuse a plugin's configuration that names an address. *line*: of the entry that it stands in, if in one."""
    for path, value in tree.leaves(plugin.value):
        if ADDRESS.match(str(value)) and not TEXTS & set(path):
            raise _refused(file, line or plugin.line_of(*path), f"{value} is not in the submission's folder.")


def _documents(text: str, file: Path) -> list[Document]:
    try:
        return yamlsource.read(text, typed=True)
    except YamlFault as fault:
        raise UnreadableSubmission(f"{file}:{fault.line}:{fault.column}: {fault.reason}.") from None


def _refused(file: Path, line: int, why: str) -> UnreadableSubmission:
    return UnreadableSubmission(f"{file}:{line}: {why}", "Put there what the kustomization builds on.")


def _is_in(folder: Path, target: Path) -> bool:
    try:
        return target.exists() and target.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, a loop
        return False


def _run(kubectl: Path, place: Path, kustomization: Path) -> str:
    nowhere = "http://127.0.0.1:9"
    environment = {"HOME": str(place), "PATH": os.devnull, "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere}
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
