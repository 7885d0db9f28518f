"""A submission: the folder of a learner's files, read once, before anything of it is applied."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kindlabs.course import Course, CourseLab
from kindlabs.errors import LabError, UnreadableSubmission, UsageError
from kindlabs.filetree import copy, digest_of, safe_files
from kindlabs.handin import PARTS, Answers, Files, Folder, Objects, Part, Script
from kindlabs.handin.objects import alike
from kindlabs.handin.part import Kubectl
from kindlabs.lint import Finding, Source
from kindlabs.manifests import Manifest
from kindlabs.mutants import render
from kindlabs.nonces import NOTE, fill_in, issue, new_nonce, noted
from kindlabs.spelling import did_you_mean

OF_THE_FILES = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What is wrong with a file; any other error is the machine's."""
AnyPart = TypeVar("AnyPart", bound=Part)


@dataclass(frozen=True)
class Submission:
    """A submission as read: its parts, in the order in which they are applied, and what was passed over.

    ``name``: what the learner calls it (``work/03``, ``solution``). ``folder``: what was read; for ``solution``,
    ``start`` and mutants it is gone by now. ``shown_as``: the folder's name in messages about its files. ``digest``:
    sha256 over its files. ``created``: made from ``start/`` just now. ``remarks``: what a learner should know.
    """

    name: str
    folder: Path
    shown_as: str
    nonce: str
    parts: tuple[Part, ...]
    passed_over: list[str]
    digest: str
    created: bool
    remarks: tuple[str, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """What was found wrong before anything was applied."""
        return [finding for part in self.parts for finding in part.findings]

    @property
    def manifests(self) -> list[Manifest]:
        """The objects that are applied at once."""
        return self._part(Objects).manifests

    @property
    def stages(self) -> dict[str, list[Manifest]]:
        """The objects that a validator applies itself, by the name of their file."""
        return self._part(Objects).stages

    @property
    def answers(self) -> dict[str, Any]:
        """The answers that were given."""
        return self._part(Answers).values

    @property
    def files(self) -> dict[str, str]:
        """The texts of the named files that were handed in."""
        return self._part(Files).texts

    @property
    def acts(self) -> bool:
        """Whether it does something by hand, of which anything may come."""
        return bool(self._part(Script).name)

    def source(self, kind: str, name: str, namespace: str | None, *at: str | int) -> Source | None:
        """Where the field *at* of an object, an answer or a file stands; None when it is not the learner's.

        A field that does not exist gives its nearest existing parent. *namespace* None matches any.
        """
        found = (part.source(kind, name, namespace, at) for part in self.parts)
        return next(filter(None, found), None)

    def _part(self, kind: type[AnyPart]) -> AnyPart:
        return next(part for part in self.parts if isinstance(part, kind))


def resolve(
    course: Course,
    lab: CourseLab,
    name: str | None,
    nonce: str | None = None,
    kubectl: Kubectl | None = None,
    learner: str = "",
    shown_as: str = "",
) -> Submission:
    """The submission that is called *name*, read and linted.

    Args:
        name: None for the learner's own ``work/NN`` (made from ``start/`` the first time), ``solution``, ``start``, a
            mutant's id, or a folder.
        nonce: used instead of the one that was issued, or a random one for the lab's own submissions.
        kubectl: needed for a kustomization only.
        learner: whose it is; whoever works here when empty.
        shown_as: what messages call a folder; its path when empty.

    Raises: UsageError (no such submission), UnreadableSubmission, LabError (the mutant cannot be made).
    """
    if name in ("solution", "start") or (name is not None and not os.path.isdir(name)):  # noqa: PTH112 - Path's own fails on a long name
        return _rendered(course, lab, str(name), nonce or new_nonce(), kubectl)
    issued = nonce or issue(course.root, lab.id, learner)
    if name is None:
        return _work(course, lab, issued, kubectl)
    folder, called = Path(name), shown_as or str(Path(name))
    return _read(folder, lab, kubectl, name=called, shown_as=called, nonce=issued)


def _work(course: Course, lab: CourseLab, nonce: str, kubectl: Kubectl | None) -> Submission:
    """The learner's own folder, made from ``start/`` the first time."""
    created = not lab.work.exists()
    if created:
        _must_be(lab.start, course)
        lab.work.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=lab.work.parent, prefix=f".{lab.number}-") as place:
            copy(lab.start, Path(place) / "start")
            fill_in(Path(place) / "start", nonce)
            (Path(place) / "start").rename(lab.work)
    if not lab.work.is_dir():
        raise UsageError(f"{lab.work} is not a folder.", f"Move it away: make check LAB={lab.number} makes a new one")
    name = lab.work.relative_to(course.root).as_posix()
    return _read(lab.work, lab, kubectl, name=name, shown_as=name, nonce=nonce, created=created)


def _rendered(course: Course, lab: CourseLab, name: str, nonce: str, kubectl: Kubectl | None) -> Submission:
    """Solution, start or a mutant, made and read in a folder that is gone afterwards."""
    origin = {"start": lab.start, "solution": lab.solution, **lab.solutions}.get(name)
    mutant = next((mutant for mutant in lab.mutants() if mutant.id == name), None) if origin is None else None
    if origin is None and mutant is None:
        raise _no_folder(lab, name)
    _must_be(origin or lab.solution, course)
    shown_as = origin.relative_to(course.root).as_posix() if origin else name
    with tempfile.TemporaryDirectory(prefix=f"lab-{lab.number}-{name}-") as place:
        folder = Path(place)
        if origin:
            copy(origin, folder)
            fill_in(folder, nonce)
        if mutant:
            render(lab, mutant, folder, nonce)
        return _read(folder, lab, kubectl, name=name, shown_as=shown_as, nonce=nonce)


def _must_be(folder: Path, course: Course) -> None:
    if not folder.is_dir():
        missing = folder.relative_to(course.root).as_posix()
        raise LabError(f"{missing}/: there is no such folder.", "docs/writing-a-lab.md says which folders a lab has")


def _no_folder(lab: CourseLab, name: str) -> UsageError:
    if name and os.path.exists(name):  # noqa: PTH110
        return UsageError(f"{name} is a file; a submission is a folder.", f"Give its folder: {Path(name).parent}")
    known = ["start", *lab.solutions, *(mutant.id for mutant in lab.mutants())]
    return UsageError(
        f"There is no submission {name!r}: no folder of that name, and no mutant of lab {lab.number}."
        f"{did_you_mean(name, known)}",
        f"Give a folder; solution and start are the lab's own. Without any, work/{lab.number} is checked.",
    )


def _read(
    folder: Path,
    lab: CourseLab,
    kubectl: Kubectl | None,
    *,
    name: str,
    shown_as: str,
    nonce: str,
    created: bool = False,
) -> Submission:
    """Read and lint what *folder* holds.

    Raises: UnreadableSubmission; its text names files as the learner does.
    """
    try:
        files = safe_files(folder)
        digest = digest_of(files, folder)
        handed_in = Folder(folder, shown_as, files, kubectl)
        parts = tuple(part.read(handed_in, lab) for part in PARTS)
    except UnreadableSubmission as error:
        raise UnreadableSubmission(error.message.replace(str(folder), shown_as), error.next_step) from None
    except OSError as error:
        if error.errno not in OF_THE_FILES or not error.filename:  # nothing of the learner's is wrong
            raise
        named = str(error.filename).replace(str(folder), shown_as)
        raise UnreadableSubmission(f"{named}: {error.strerror}.", "Make the file readable.") from None
    left = _passed_over(handed_in, parts, lab)
    remarks = _about_the_note(handed_in, nonce)
    return Submission(name, folder, shown_as, nonce, parts, left, digest, created, remarks)


def _passed_over(folder: Folder, parts: tuple[Part, ...], lab: CourseLab) -> list[str]:
    """Names of files that nobody reads and that look as if somebody should; all others, where files by name count."""
    taken = {path for part in parts for path in part.takes}
    given = {path.name for path in lab.start.glob("*")} if lab.start.is_dir() else set()
    left = [path for path in folder.files if path not in taken and (alike(path) or path.name not in given)]
    if not (lab.handin.answers or lab.handin.files or lab.handin.script):
        left = [path for path in left if alike(path)]
    return [path.relative_to(folder.path).as_posix() for path in left]


def _about_the_note(folder: Folder, nonce: str) -> tuple[str, ...]:
    """A note that shows another nonce was copied, or made before this one was issued."""
    said, line = noted(folder.path)
    if not said or said == nonce:
        return ()
    where = folder.source(folder.path / NOTE, line)
    return (f"{where}: the nonce {said} was not issued to you; yours is {nonce}, and the only one that counts.",)
