"""A submission: the folder of a learner's files, read once, before anything of it is applied."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kindlabs import kustomize, manifests
from kindlabs.course import Course, CourseLab, did_you_mean
from kindlabs.errors import UnreadableSubmission, UsageError
from kindlabs.filetree import copy, digest_of, manifest_files, passed_over, safe_files
from kindlabs.lint import Finding, Source, lint
from kindlabs.manifests import Manifest
from kindlabs.mutants import render
from kindlabs.nonces import fill_in, new_nonce, nonce_of

MAX_OBJECTS = 200
"""A lab has a dozen; what a run remembers of them has to fit into an annotation of 256 KiB (see kube/notes)."""
OF_THE_FILES = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""What is wrong with a file; any other error is the machine's."""
Kubectl = Callable[[], Path]
"""Gives the path of a kubectl; called only for a kustomization, because it may have to be fetched or built."""


@dataclass(frozen=True)
class Submission:
    """A submission as read: what to apply, what was found wrong, what was passed over.

    ``name``: what the learner calls it (``work/03``, ``solution``). ``folder``: what was read; for ``solution``,
    ``start`` and mutants it is gone by now. ``shown_as``: the folder's name in messages about its files. ``digest``:
    sha256 over its files. ``created``: made from ``start/`` just now.
    """

    name: str
    folder: Path
    shown_as: str
    nonce: str
    manifests: list[Manifest]
    findings: list[Finding]
    passed_over: list[str]
    digest: str
    created: bool

    def source(self, kind: str, name: str, namespace: str | None, *at: str | int) -> Source | None:
        """Where the field *at* of an object stands; None when the object is not the learner's.

        A field that does not exist gives its nearest existing parent. *namespace* None matches any.
        """
        for manifest in self.manifests:
            if (manifest.kind, manifest.name) == (kind, name) and namespace in (None, manifest.namespace):
                return _source(self.folder, self.shown_as, manifest, at)
        return None


def resolve(
    course: Course, lab: CourseLab, name: str | None, nonce: str | None = None, kubectl: Kubectl | None = None
) -> Submission:
    """The submission that is called *name*, read and linted.

    Args:
        name: None for the learner's own ``work/NN`` (made from ``start/`` the first time), ``solution``, ``start``, a
            mutant's id, or a folder.
        nonce: used instead of the folder's own or a random one.
        kubectl: needed for a kustomization only.

    Raises: UsageError (no such submission), UnreadableSubmission, LabError (the mutant cannot be made).
    """
    if name is None:
        return _work(course, lab, nonce, kubectl)
    folder = Path(name)
    if name not in ("", "solution", "start") and os.path.isdir(name):  # noqa: PTH112 - Path's own fails on a long name
        own = nonce or nonce_of(folder, lab.id, course.root)
        return _read(folder, lab, kubectl, name=str(folder), shown_as=str(folder), nonce=own)
    return _rendered(course, lab, name, nonce or new_nonce(), kubectl)


def _work(course: Course, lab: CourseLab, nonce: str | None, kubectl: Kubectl | None) -> Submission:
    """The learner's own folder, made from ``start/`` the first time."""
    created = not lab.work.exists()
    if created:
        lab.work.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=lab.work.parent, prefix=f".{lab.number}-") as place:
            copy(lab.start, Path(place) / "start")
            fill_in(Path(place) / "start", nonce or new_nonce())
            (Path(place) / "start").rename(lab.work)
    if not lab.work.is_dir():
        raise UsageError(f"{lab.work} is not a folder.", f"Move it away: make check LAB={lab.number} makes a new one")
    name = lab.work.relative_to(course.root).as_posix()
    own = nonce or nonce_of(lab.work, lab.id, course.root)
    return _read(lab.work, lab, kubectl, name=name, shown_as=name, nonce=own, created=created)


def _rendered(course: Course, lab: CourseLab, name: str, nonce: str, kubectl: Kubectl | None) -> Submission:
    """Solution, start or a mutant, made and read in a folder that is gone afterwards."""
    origin = {"solution": lab.solution, "start": lab.start}.get(name)
    mutant = next((mutant for mutant in lab.mutants() if mutant.id == name), None) if origin is None else None
    if origin is None and mutant is None:
        raise _no_folder(lab, name)
    shown_as = origin.relative_to(course.root).as_posix() if origin else name
    with tempfile.TemporaryDirectory(prefix=f"lab-{lab.number}-{name}-") as place:
        folder = Path(place)
        if origin:
            copy(origin, folder)
            fill_in(folder, nonce)
        if mutant:
            render(lab, mutant, folder, nonce)
        return _read(folder, lab, kubectl, name=name, shown_as=shown_as, nonce=nonce)


def _no_folder(lab: CourseLab, name: str) -> UsageError:
    if name and os.path.exists(name):  # noqa: PTH110
        return UsageError(f"{name} is a file; a submission is a folder.", f"Give its folder: {Path(name).parent}")
    known = ["solution", "start", *(mutant.id for mutant in lab.mutants())]
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
        objects, left_out = _objects(folder, files, kubectl)
        if len(objects) > MAX_OBJECTS:
            raise UnreadableSubmission(
                f"{folder}: {len(objects)} objects.", f"Give one lab's; {MAX_OBJECTS} is the most."
            )
    except UnreadableSubmission as error:
        raise UnreadableSubmission(error.message.replace(str(folder), shown_as), error.next_step) from None
    except OSError as error:
        if error.errno not in OF_THE_FILES or not error.filename:  # nothing of the learner's is wrong
            raise
        raise UnreadableSubmission(f"{error.filename}: {error.strerror}.", "Make the file readable.") from None
    sound, findings = lint(objects, lab.namespaces, partial(_source, folder, shown_as), lab.rights.cluster)
    if not objects:
        expected = ", ".join(path.name for path in manifest_files(lab.start))
        passed = f"; {', '.join(left_out[:3])} passed over" if left_out else ""
        message = f"no manifest in this folder{passed}; expected files such as {expected}."
        findings = [Finding(message, Source(shown_as, 1))]
    return Submission(name, folder, shown_as, nonce, sound, findings, left_out, digest, created)


def _objects(folder: Path, files: list[Path], kubectl: Kubectl | None) -> tuple[list[Manifest], list[str]]:
    """The objects of a folder, and the names of files that were passed over.

    Objects stand in the ``*.yaml``, ``*.yml`` and ``*.json`` of the folder in name order, sub-folders left out, as
    ``kubectl apply -f`` takes them; or its kustomization builds them.
    """
    if (chart := folder / "Chart.yaml").is_file():
        raise UnreadableSubmission(
            f"{chart}: a Helm chart; expected the objects that it makes.", f"helm template {folder} writes them"
        )
    kustomization = kustomize.kustomization_of(folder)
    if kustomization is None:
        objects = [manifest for path in manifest_files(folder) for manifest in manifests.read(path)]
        return objects, passed_over(folder, files)
    if kubectl is None:
        raise UnreadableSubmission(f"{kustomization}: a kustomization needs kubectl, which is not here.", "make doctor")
    return kustomize.build(kustomization, files, kubectl()), []


def _source(folder: Path, shown_as: str, manifest: Manifest, at: tuple[str | int, ...]) -> Source:
    """The place of a manifest's field, named as the learner names it."""
    return Source(f"{shown_as}/{manifest.file.relative_to(folder).as_posix()}", manifest.line_of(*at))
