"""Files that a lab asks for by name: a kubeconfig, a text that was copied out of a Pod."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kindlabs.handin.part import Folder, Part
from kindlabs.lint import Source
from kindlabs.manifests import read_text

if TYPE_CHECKING:
    from kindlabs.course import CourseLab

KIND = "file"
"""The kind by which causes name a file that was handed in."""


class Files(Part):
    """The named files of a folder: ``texts`` by name; one that was not handed in is not there."""

    changes: ClassVar[tuple[str, ...]] = ("edit", "replace", "drop")

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.texts: dict[str, str] = {}

    @classmethod
    def read(cls, folder: Folder, lab: CourseLab) -> Files:
        """Read those that are there, as UTF-8."""
        part = cls(folder)
        for name in lab.handin.files:
            if path := folder.file(name):
                part.texts[name] = read_text(path)
                part.takes.add(path)
        return part

    def source(self, kind: str, name: str, namespace: str | None, at: tuple[str | int, ...]) -> Source | None:  # noqa: ARG002
        """Line *at* of file *name*, or its first; of one that is missing, the folder."""
        if kind != KIND:
            return None
        line = next((step for step in at if isinstance(step, int)), 1)
        if path := self.folder.file(name):
            return self.folder.source(path, line)
        return Source(self.folder.shown_as, 1)

    @classmethod
    def mutate(cls, folder: Path, change: dict[str, Any], fixtures: Path) -> None:
        """``edit`` a text, put another in its place (``replace``), or ``drop`` it."""
        match change:
            case {"edit": {"file": name, "from": old, "to": new}}:
                path = _present(folder, name)
                text = path.read_text()
                if old not in text:
                    raise ValueError(f"{name} of the solution does not hold {old!r}")
                path.write_text(text.replace(old, new))
            case {"replace": {"file": name, "by": other}}:
                if not (fixtures / other).is_file():
                    raise ValueError(f"there is no file {fixtures / other}")
                _present(folder, name).write_bytes((fixtures / other).read_bytes())
            case {"drop": name}:
                _present(folder, name).unlink()


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise ValueError(f"the solution has no file {name}")
    return path
