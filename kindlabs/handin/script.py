"""A script: what a person would do by hand, replayed in the cluster with the learner's own rights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from kindlabs.errors import UnreadableSubmission
from kindlabs.handin.part import Applied, Folder, Part
from kindlabs.lint import Finding, Source
from kindlabs.manifests import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kindlabs.course import CourseLab
    from kindlabs.kube.api import Api, Object
    from kindlabs.kube.notes import Key

KIND = "script"
"""The kind by which causes name the script."""


class Script(Part):
    """The shell commands of a folder, and the files that lie beside them; empty where none were handed in."""

    changes: ClassVar[tuple[str, ...]] = ()  # a script is a text: files.Files mutates it

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.name = ""
        self.text = ""
        self.beside: dict[str, bytes] = {}

    @classmethod
    def read(cls, folder: Folder, lab: CourseLab) -> Script:
        """Read it, and the files of the folder that it may use."""
        part = cls(folder)
        path = folder.file(lab.handin.script) if lab.handin.script else None
        if path is None:
            if lab.handin.script:
                part.findings.append(Finding(f"expected {lab.handin.script}.", Source(folder.shown_as, 1)))
            return part
        part.name, part.text, part.takes = path.name, read_text(path), {path}
        if (at := part.text.find("\r")) >= 0:
            line = part.text.count("\n", 0, at) + 1
            raise UnreadableSubmission(
                f"{path}:{line}: line ends of Windows, which a shell takes for a part of the word before.",
                f"dos2unix {path}, or set your editor to LF",
            )
        part.beside = {p.name: p.read_bytes() for p in folder.files if p.parent == folder.path and p != path}
        return part

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to run without comments."""
        return not re.sub(r"^\s*(#.*)?$", "", self.text, flags=re.MULTILINE).strip()

    def apply(self, api: Api, lab: CourseLab, there: Mapping[Key, Object]) -> Applied:  # noqa: ARG002
        """Replay it; a line that fails is a finding, and what it printed is evidence."""
        if not self.name or self.is_empty:
            return Applied()
        from kindlabs.kube.hands import replay

        played = replay(api, self.text, self.beside, lab.namespaces[0])
        findings = []
        if played.failed:
            where = self.folder.source(self.folder.path / self.name, played.line or 1)
            findings.append(Finding(played.failed, where, f"{KIND} {self.name}"))
        return Applied(changed=True, findings=findings, evidence={"script": played.output})

    def source(self, kind: str, name: str, namespace: str | None, at: tuple[str | int, ...]) -> Source | None:  # noqa: ARG002
        """The line *at* of the script; of an object that is not the learner's, the first that names most of it."""
        if not self.name:
            return None
        path = self.folder.path / self.name
        if kind == KIND:
            return self.folder.source(path, next((step for step in at if isinstance(step, int)), 1))
        words = [name, *(step for step in at if isinstance(step, str))]
        lines = [line if not line.lstrip().startswith("#") else "" for line in self.text.splitlines()]
        named = [sum(_names(line, word) for word in words) for line in lines]
        most = max(named, default=0)
        return self.folder.source(path, named.index(most) + 1) if most else None

    @classmethod
    def mutate(cls, folder: Path, change: dict[str, Any], fixtures: Path) -> None:
        """A script is a text like any other: :class:`kindlabs.handin.files.Files` mutates it."""
        raise NotImplementedError


def _names(line: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line) is not None
