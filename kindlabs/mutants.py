"""Mutants: the reference solution with one thing broken, and what the validator must say about it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindlabs import manifests, yamlsource
from kindlabs.errors import UnreadableLab
from kindlabs.filetree import copy
from kindlabs.labfile import read_checked
from kindlabs.manifests import Manifest
from kindlabs.nonces import fill_in

if TYPE_CHECKING:
    from kindlabs.course import CourseLab

_TEXT = {"type": "string", "minLength": 1}
MUTANTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "mutants"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "kind-labs/mutants/v1"},
        "mutants": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "object", "patch", "fails", "says"],
                "additionalProperties": False,
                "properties": {
                    "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
                    "object": {"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*/[a-z0-9.-]+$"},
                    "patch": {"type": "array", "items": {"type": "object", "required": ["op", "path"]}},
                    "add": _TEXT,
                    "fails": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
                    "says": _TEXT,
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Mutant:
    """One entry of ``mutants.yaml``.

    ``object`` is ``Kind/name``; ``patch`` is JSON Patch (RFC 6902); ``add`` is a file of ``fixtures/<id>/`` that joins
    the manifests; ``fails`` is the check that must fail first, ``says`` the sentence that its cause must be, with ``*``
    for what differs from run to run.
    """

    id: str
    object: str
    patch: tuple[dict[str, Any], ...]
    fails: str
    says: str
    file: Path
    line: int
    add: str = ""

    def is_said_by(self, sentence: str) -> bool:
        """Whether *sentence* is what the learner must read."""
        return re.fullmatch(".*".join(map(re.escape, self.says.split("*"))), sentence, re.DOTALL) is not None


def read_mutants(path: Path) -> list[Mutant]:
    """All mutants of a ``mutants.yaml``. Raises: UnreadableLab for a file that is not valid, or an id given twice."""
    document = read_checked(path, MUTANTS_SCHEMA)
    mutants: dict[str, Mutant] = {}
    for index, entry in enumerate(document.value["mutants"]):
        line = document.line_of("mutants", index)
        if (same := mutants.get(entry["id"])) is not None:
            raise UnreadableLab(f"{path}:{line}: the mutant {same.id!r} stands on line {same.line} already.")
        mutants[entry["id"]] = Mutant(**{**entry, "patch": tuple(entry["patch"])}, file=path, line=line)
    return list(mutants.values())


def render(lab: CourseLab, mutant: Mutant, folder: Path, nonce: str) -> None:
    """Write the lab's solution into *folder* with *mutant*'s change made and the nonce filled in.

    Raises: UnreadableLab with the mutant's file:line when its object or its field does not exist.
    """
    copy(lab.solution, folder)
    if mutant.add:
        shutil.copyfile(_added(lab, mutant), folder / Path(mutant.add).name)
    fill_in(folder, nonce)
    for path in sorted(folder.rglob("*")):
        objects = manifests.read(path) if path.suffix in manifests.SUFFIXES else []
        mutated = next((m for m in objects if f"{m.kind}/{m.name}" == mutant.object), None)
        if mutated is not None:
            _patch(mutated, mutant)
            path.write_text(dump([m.document for m in objects]))
            return
    raise _broken(mutant, f"the solution has no object {mutant.object}.")


def dump(documents: list[dict[str, Any]]) -> str:
    """YAML that :mod:`kindlabs.yamlsource`, and so kubectl, reads back as the same values."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        try:
            same = yamlsource.resolve(value) == value
        except ValueError:
            same = False
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if same else '"')

    Dumper.add_representer(str, text)
    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, width=1000)


def _added(lab: CourseLab, mutant: Mutant) -> Path:
    path = lab.fixtures / mutant.add
    if not path.is_file():
        raise _broken(mutant, f"there is no file {path}.")
    return path


def _patch(manifest: Manifest, mutant: Mutant) -> None:
    import jsonpatch

    try:
        manifest.document = jsonpatch.apply_patch(manifest.document, list(mutant.patch))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _broken(mutant, f"the patch does not apply to {mutant.object}: {error}.") from None


def _broken(mutant: Mutant, what: str) -> UnreadableLab:
    return UnreadableLab(f"{mutant.file}:{mutant.line}: mutant {mutant.id!r}: {what}", "Compare it with the solution.")
