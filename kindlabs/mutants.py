"""Mutants: the reference solution with one thing broken, and what the validator must say about it."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindlabs.errors import UnreadableLab
from kindlabs.filetree import copy
from kindlabs.handin import PARTS
from kindlabs.labfile import read_checked
from kindlabs.nonces import fill_in

if TYPE_CHECKING:
    from kindlabs.course import CourseLab

_TEXT = {"type": "string", "minLength": 1}
_CHANGES: dict[str, Any] = {
    "object": {"type": "string", "pattern": "^[A-Z][A-Za-z0-9]*/[a-z0-9.:-]+$"},
    "patch": {"type": "array", "items": {"type": "object", "required": ["op", "path"]}},
    "edit": {
        "type": "object",
        "required": ["file", "from", "to"],
        "additionalProperties": False,
        "properties": {"file": _TEXT, "from": _TEXT, "to": {"type": "string"}},
    },
    "replace": {
        "type": "object",
        "required": ["file", "by"],
        "additionalProperties": False,
        "properties": {"file": _TEXT, "by": _TEXT},
    },
    "drop": _TEXT,
    "answers": {"type": "object", "minProperties": 1},
    "add": _TEXT,
}
MUTANTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "mutants"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "kind-labs/mutants/v2"},
        "unkilled": {"type": "object", "additionalProperties": _TEXT},
        "mutants": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "fails", "says"],
                "additionalProperties": False,
                "dependentRequired": {"object": ["patch"], "patch": ["object"]},
                "anyOf": [{"required": [key]} for key in _CHANGES],
                "properties": {
                    "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
                    **_CHANGES,
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

    ``change`` is what is broken, by its keys: ``object`` (``Kind/name``) and ``patch`` (JSON Patch, RFC 6902);
    ``edit`` ({file, from, to}), ``replace`` ({file, by}) or ``drop`` of a file; other ``answers``; ``add``, a file of
    ``fixtures/<id>/`` that joins the folder. ``fails`` is the check that must fail first, ``says`` the sentence that
    its cause must be, with ``*`` for what differs from run to run.
    """

    id: str
    fails: str
    says: str
    file: Path
    line: int
    change: dict[str, Any] = field(hash=False)

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
        change = {key: value for key, value in entry.items() if key in _CHANGES}
        mutants[entry["id"]] = Mutant(entry["id"], entry["fails"], entry["says"], path, line, change)
    return list(mutants.values())


def read_unkilled(path: Path) -> dict[str, str]:
    """Why no mutant fails a check first, by the check's id. Raises: UnreadableLab."""
    return dict(read_checked(path, MUTANTS_SCHEMA).value.get("unkilled", {}))


def render(lab: CourseLab, mutant: Mutant, folder: Path, nonce: str) -> None:
    """Write the lab's solution into *folder* with *mutant*'s change made and the nonce filled in.

    Raises: UnreadableLab with the mutant's file:line when what it changes does not exist.
    """
    copy(lab.solution, folder)
    try:
        if added := mutant.change.get("add"):
            _add(lab.fixtures / added, folder)
        for part in PARTS:
            for key in set(part.changes) & set(mutant.change):
                part.mutate(folder, {key: mutant.change[key], "patch": mutant.change.get("patch")}, lab.fixtures)
    except ValueError as error:
        what = f"{mutant.file}:{mutant.line}: mutant {mutant.id!r}: {error}."
        raise UnreadableLab(what, "Compare it with the solution.") from None
    fill_in(folder, nonce)


def _add(path: Path, folder: Path) -> None:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    shutil.copyfile(path, folder / path.name)
