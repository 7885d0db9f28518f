"""What all kinds of hand-in have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kindlabs.lint import Finding, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kindlabs.course import CourseLab
    from kindlabs.kube.api import Api, Object
    from kindlabs.kube.notes import Key
    from kindlabs.kube.sending import Refusal

Kubectl = Callable[[], Path]
"""Gives the path of a kubectl; called only for a kustomization, because it may have to be fetched or built."""


@dataclass(frozen=True)
class Folder:
    """A folder that was handed in: where it is, how its learner calls it, and its files, all safe to read."""

    path: Path
    shown_as: str
    files: list[Path]
    kubectl: Kubectl | None = None

    def source(self, file: Path, line: int) -> Source:
        """A place in it, named as the learner names it."""
        return Source(f"{self.shown_as}/{file.relative_to(self.path).as_posix()}", line)

    def file(self, name: str) -> Path | None:
        """The file of that name in the folder itself, not in one below."""
        return next((path for path in self.files if path == self.path / name), None)


@dataclass(frozen=True)
class Applied:
    """What came of bringing a part to the cluster.

    ``refused``: the objects that the API server did not take. ``changed``: whether anything in the cluster is now other
    than it was. ``findings``: what went wrong otherwise, at file and line. ``evidence``: for the record.
    """

    refused: list[Refusal] = field(default_factory=list)
    changed: bool = False
    findings: list[Finding] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)


class Part(ABC):
    """One kind of thing that a lab may ask for, as one folder holds it.

    ``findings``: what is wrong with it, known before anything is applied. ``takes``: the files that it was read from.
    """

    changes: ClassVar[tuple[str, ...]]
    """The keys of an entry of ``mutants.yaml`` that change a part of this kind."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self.takes: set[Path] = set()

    @classmethod
    @abstractmethod
    def read(cls, folder: Folder, lab: CourseLab) -> Self:
        """What *folder* holds of it, linted; nothing where the lab asks for none. Raises: UnreadableSubmission."""

    def apply(self, api: Api, lab: CourseLab, there: Mapping[Key, Object]) -> Applied:  # noqa: ARG002 - most kinds have nothing to apply
        """Bring it to the cluster, where *there* is, with the learner's rights. Raises: ApiError, InfraError."""
        return Applied()

    def source(self, kind: str, name: str, namespace: str | None, at: tuple[str | int, ...]) -> Source | None:  # noqa: ARG002
        """Where the field *at* of a thing stands that a cause names; None when it is none of this part."""
        return None

    @classmethod
    @abstractmethod
    def mutate(cls, folder: Path, change: dict[str, Any], fixtures: Path) -> None:
        """Make one mutant's *change* in *folder*, a copy of the solution; files that it names lie in *fixtures*.

        Raises: ValueError, in words, when there is nothing of the kind to be changed.
        """
