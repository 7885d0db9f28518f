"""A submission: the folder of a learner's files, read once, before anything of it is applied."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kindlabs import kustomize, manifests
from kindlabs.course import NONCE, Course, CourseLab, did_you_mean, digest_of, manifest_files
from kindlabs.errors import UnreadableSubmission, UsageError
from kindlabs.lint import Finding, Source, lint
from kindlabs.manifests import Manifest
from kindlabs.mutants import fill_in, render

MAX_FILES = 200
NOTE = "note.txt"
"""A lab whose task needs the nonce gives it in this file of ``start/``, on a line ``nonce: …``."""

Kubectl = Callable[[], Path]
"""Gives the path of a kubectl; called only for a kustomization, because it may have to be fetched or built."""


@dataclass
class Submission:
    """A submission as read: what to apply, what was found wrong, what was passed over.

    ``path``: the folder that was read (for ``solution``, ``start`` and mutants it is gone by now). ``label``: its name
    for the learner (``work/03``, ``solution``). ``shown``: how its files are named in messages. ``digest``: sha256 over
    its files. ``created``: made from ``start/`` just now.
    """

    path: Path
    label: str
    shown: str
    nonce: str
    manifests: list[Manifest] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    digest: str = ""
    created: bool = False

    def source(self, kind: str, name: str, namespace: str | None, *at: str | int) -> Source | None:
        """Where the field *at* of an object stands; None when the object is not the learner's.

        A field that does not exist gives its nearest existing parent. *namespace* None matches any.
        """
        for manifest in self.manifests:
            if (manifest.kind, manifest.name) == (kind, name) and namespace in (None, manifest.namespace):
                return self.locate(manifest, at)
        return None

    def locate(self, manifest: Manifest, at: tuple[str | int, ...] = ()) -> Source:
        """The place of a manifest's field, named as the learner names it."""
        return Source(f"{self.shown}/{manifest.file.relative_to(self.path).as_posix()}", manifest.line_of(*at))


def resolve(
    course: Course, lab: CourseLab, word: str | None, nonce: str | None = None, kubectl: Kubectl | None = None
) -> Submission:
    """The submission that *word* names, read and linted.

    Args:
        word: None for the learner's own ``work/NN`` (made from ``start/`` the first time), ``solution``, ``start``, a
            mutant's id, or a folder.
        nonce: used instead of the folder's own or a random one.
        kubectl: needed for a kustomization only.

    Raises: UsageError (no such submission), UnreadableSubmission, LabError (the mutant cannot be made).
    """
    if word is None:
        return _work(course, lab, nonce, kubectl)
    folder = Path(word)
    if word not in ("", "solution", "start") and os.path.isdir(word):  # noqa: PTH112 - Path's own fails on a long name
        own = nonce or _nonce_of(course, lab, folder)
        return read(Submission(folder, label=str(folder), shown=str(folder), nonce=own), lab, kubectl)
    return _rendered(course, lab, word, nonce or new_nonce(), kubectl)


def new_nonce() -> str:
    """Eight random hex digits, the first a letter: never a number in YAML."""
    return secrets.choice("abcdef") + secrets.token_hex(4)[1:]


def read(submission: Submission, lab: CourseLab, kubectl: Kubectl | None = None) -> Submission:
    """Fill in the manifests, findings, digest and what was passed over from the folder ``submission.path``.

    Manifests are the ``*.yaml``, ``*.yml`` and ``*.json`` of the folder in name order, sub-folders left out, as
    ``kubectl apply -f`` takes them; or what its kustomization builds.

    Raises: UnreadableSubmission; its text names files as the learner does.
    """
    folder = submission.path
    try:
        files = _files(folder)
        submission.digest = digest_of(files, folder)
        kustomization = kustomize.kustomization_of(folder)
        if kustomization:
            objects = kustomize.build(kustomization, files, _needed(kubectl, kustomization))
        else:
            objects = [manifest for path in manifest_files(folder) for manifest in manifests.read(path)]
            submission.passed_over = _passed_over(folder, files)
    except UnreadableSubmission as error:
        raise UnreadableSubmission(error.message.replace(str(folder), submission.shown), error.next_step) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # a copy has no room: nothing of the learner's is wrong
            raise
        raise UnreadableSubmission(f"{error.filename}: {error.strerror}.", "Make the file readable.") from None
    submission.manifests, submission.findings = lint(objects, lab.namespaces, submission.locate)
    if not objects:
        expected = ", ".join(path.name for path in manifest_files(lab.start))
        message = f"no manifest in this folder; expected files such as {expected}."
        submission.findings = [Finding(message, Source(submission.shown, 1))]
    return submission


def _work(course: Course, lab: CourseLab, nonce: str | None, kubectl: Kubectl | None) -> Submission:
    created = not lab.work.exists()
    if created:
        lab.work.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=lab.work.parent, prefix=f".{lab.number}-") as place:
            shutil.copytree(lab.start, Path(place) / "start")
            fill_in(Path(place) / "start", nonce or new_nonce())
            (Path(place) / "start").rename(lab.work)
    if not lab.work.is_dir():
        raise UsageError(f"{lab.work} is not a folder.", f"Move it away: lab check {lab.number} makes a new one")
    label = lab.work.relative_to(course.root).as_posix()
    own = nonce or _nonce_of(course, lab, lab.work)
    return read(Submission(lab.work, label=label, shown=label, nonce=own, created=created), lab, kubectl)


def _rendered(course: Course, lab: CourseLab, word: str, nonce: str, kubectl: Kubectl | None) -> Submission:
    """Solution, start or a mutant, made and read in a folder that is gone afterwards."""
    origin = {"solution": lab.solution, "start": lab.start}.get(word)
    mutant = next((mutant for mutant in lab.mutants() if mutant.id == word), None) if origin is None else None
    if origin is None and mutant is None:
        raise _no_folder(lab, word)
    shown = origin.relative_to(course.root).as_posix() if origin else word
    with tempfile.TemporaryDirectory(prefix=f"lab-{lab.number}-{word}-") as place:
        folder = Path(place)
        if origin:
            shutil.copytree(origin, folder, dirs_exist_ok=True)
            fill_in(folder, nonce)
        if mutant:
            render(lab, mutant, folder, nonce)
        return read(Submission(folder, label=word, shown=shown, nonce=nonce), lab, kubectl)


def _no_folder(lab: CourseLab, word: str) -> UsageError:
    if word and os.path.exists(word):  # noqa: PTH110
        return UsageError(f"{word} is a file; a submission is a folder.", f"Give its folder: {Path(word).parent}")
    known = ["solution", "start", *(mutant.id for mutant in lab.mutants())]
    return UsageError(
        f"There is no submission {word!r}: no folder of that name, and no mutant of lab {lab.number}."
        f"{did_you_mean(word, known)}",
        f"Give a folder; solution and start are the lab's own. Without any, work/{lab.number} is checked.",
    )


def _nonce_of(course: Course, lab: CourseLab, folder: Path) -> str:
    """The nonce of the folder's note; without one, a value that stays the same for this folder on this machine."""
    note = folder / NOTE
    if note.is_file() and not note.is_symlink() and note.stat().st_size <= manifests.MAX_BYTES:
        found = re.search(rb"^nonce: *([a-z0-9]+) *\r?$", note.read_bytes(), re.MULTILINE)
        if found:
            return found.group(1).decode()
    known = f"{_secret(course)} {lab.id} {folder.resolve()}"
    number = hashlib.sha256(os.fsencode(known)).hexdigest()
    return "abcdef"[int(number[0], 16) % 6] + number[1:8]


def _secret(course: Course) -> str:
    path = course.root / ".labs" / "secret"
    if not path.exists() or not path.stat().st_size:
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(16))
        unfinished.replace(path)
    return path.read_text(errors="replace")


def _needed(kubectl: Kubectl | None, kustomization: Path) -> Path:
    if kubectl is None:
        raise UnreadableSubmission(f"{kustomization}: a kustomization needs kubectl, which is not here.", "make doctor")
    return kubectl()


def _files(folder: Path) -> list[Path]:
    """All files of the tree, without hidden folders. Raises: UnreadableSubmission for what must not be read."""
    top, found, seen = folder.resolve(), [], 0
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *sorted(names)]:
            path = Path(place, name)
            _check_link(path, top)
            seen += 1
            if seen > MAX_FILES:
                raise UnreadableSubmission(f"{folder}: more than {MAX_FILES} files.", "Give one lab's folder.")
            if name not in folders:
                _check_file(path)
                found.append(path)
    return found


def _refuse(error: OSError) -> None:
    raise error


def _check_link(path: Path, top: Path) -> None:
    if not path.exists():
        raise UnreadableSubmission(f"{path}: a link to nothing.", "Remove it.")
    if path.is_symlink() and not path.resolve().is_relative_to(top):
        raise UnreadableSubmission(f"{path}: a link that leaves the folder.", "Put the file itself there.")


def _check_file(path: Path) -> None:
    if path.suffix.lower() in manifests.SUFFIXES and "\n" in path.name:
        raise UnreadableSubmission(f"{path.parent}: {path.name!r} has a line end in its name.", "Rename it.")
    if not stat.S_ISREG(path.stat().st_mode):
        raise UnreadableSubmission(f"{path}: not a regular file.", "Remove it.")
    manifests.check_size(path)


def _passed_over(folder: Path, files: list[Path]) -> list[str]:
    """Names that look as if they should have been applied: manifests in sub-folders, or with another suffix."""
    taken = manifest_files(folder)
    alike = [path for path in files if path.suffix.lower() in manifests.SUFFIXES and path not in taken]
    return [path.relative_to(folder).as_posix() for path in alike]


__all__ = ["NONCE", "Finding", "Kubectl", "Source", "Submission", "new_nonce", "read", "resolve"]
