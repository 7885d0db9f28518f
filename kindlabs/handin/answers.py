"""``answers.yaml``: what a learner found out, one field a question."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kindlabs import yamlsource
from kindlabs.errors import UnreadableSubmission
from kindlabs.handin.objects import dump
from kindlabs.handin.part import Folder, Part
from kindlabs.lint import Finding, Source
from kindlabs.manifests import read_text
from kindlabs.yamlsource import Document, YamlFault

if TYPE_CHECKING:
    from kindlabs.course import CourseLab

FILE = "answers.yaml"
KIND = "answer"
"""The kind by which causes name an answer."""
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
}


class Answers(Part):
    """The answers that were given: ``values`` by field; one that is missing, empty or unfit is not there."""

    changes: ClassVar[tuple[str, ...]] = ("answers",)

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.values: dict[str, Any] = {}
        self._document = Document({}, {(): 1})

    @classmethod
    def read(cls, folder: Folder, lab: CourseLab) -> Answers:
        """Read them, and hold each to the type that the lab declares; a field without a value is an open question."""
        part = cls(folder)
        path = folder.file(FILE) if lab.handin.answers else None
        if path is None:
            return part
        part.takes = {path}
        part._document = _document(path)
        given = part._document.value
        if not isinstance(given, dict):
            part._find(f"expected a field for each answer, such as {_example(lab.handin.answers)}.")
            return part
        for key, value in given.items():
            part._take(key, value, lab.handin.answers)
        return part

    def _take(self, key: str, value: Any, wanted: dict[str, str]) -> None:
        if key not in wanted:
            near = difflib.get_close_matches(str(key), wanted, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; expected {', '.join(wanted)}."
            self._find(f"nobody asked for an answer {key}{meant}", key)
        elif value is not None and not _fits(value, wanted[key]):
            self._find(
                f"{key} has to be {_named(wanted[key])}, found {_shown(value)}{_mend(value, wanted[key], key)}.", key
            )
        elif value is not None:
            self.values[key] = value

    def _find(self, message: str, *at: str) -> None:
        self.findings.append(Finding(message, self._at(*at)))

    def _at(self, *at: str) -> Source:
        return self.folder.source(self.folder.path / FILE, self._document.line_of(*at))

    def source(self, kind: str, name: str, namespace: str | None, at: tuple[str | int, ...]) -> Source | None:  # noqa: ARG002
        """The line of an answer; of one that is missing, the file's first."""
        return self._at(name) if kind == KIND else None

    @classmethod
    def mutate(cls, folder: Path, change: dict[str, Any], fixtures: Path) -> None:  # noqa: ARG003
        """Give other answers: ``answers: {crash_code: 3}``; null takes one away."""
        path = folder / FILE
        given = _document(path).value if path.is_file() else None
        for key, value in change["answers"].items():
            if not isinstance(given, dict) or key not in given:
                raise ValueError(f"the solution gives no answer {key}")
            given[key] = value
        path.write_text(dump([given] if isinstance(given, dict) else []))


def _document(path: Path) -> Document:
    try:
        documents = yamlsource.read(read_text(path))
    except YamlFault as fault:
        where = f"{path}:{fault.line}:{fault.column}"
        raise UnreadableSubmission(f"{where}: {fault.reason}.", "Mend the file at that place.") from None
    return documents[0] if documents else Document({}, {(): 1})


def _fits(value: Any, wanted: str) -> bool:
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _shown(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
    said = f" ({value})" if isinstance(value, bool | int | float) else ""
    return names.get(type(value), "something else") + said


def _mend(value: Any, wanted: str, key: str) -> str:
    if wanted == "string" and isinstance(value, bool | int | float):
        return f'; write {key}: "…" in quotes'
    return "; write it without quotes" if wanted in ("integer", "number") and isinstance(value, str) else ""


def _example(wanted: dict[str, str]) -> str:
    return f"{next(iter(wanted))}: …"


def _named(wanted: str) -> str:
    return {"string": "a text", "integer": "a whole number", "list": "a list"}.get(wanted, f"a {wanted}")
