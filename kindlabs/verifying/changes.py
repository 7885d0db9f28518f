"""Which labs a change touches, as git tells."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from kindlabs.course import CourseLab
from kindlabs.errors import UsageError

ENGINE = ("kindlabs/", "clusters/", "pyproject.toml", "requirements.lock")
"""Where every lab's verdict comes from; profiles and add-ons belong to the labs that use them."""


def changed_files(root: Path, revision: str) -> list[str]:
    """The files that differ from *revision*, new ones included, relative to *root*. Raises: UsageError."""
    listed = _git(root, "diff", "--name-only", "--relative", revision, "--")
    return [*listed, *_git(root, "ls-files", "--others", "--exclude-standard")]


def touched(labs: Iterable[CourseLab], files: list[str]) -> list[CourseLab]:
    """The labs whose own files are among *files*: task, validator, fixtures, profile, add-ons."""
    return [lab for lab in labs if any(_is_of(lab, file) for file in files)]


def is_engine(file: str) -> bool:
    """Whether a file may change the verdict of every lab."""
    return file.startswith(ENGINE) and not file.startswith(("clusters/profiles/", "clusters/addons/"))


def _is_of(lab: CourseLab, file: str) -> bool:
    places = [lab.root, lab.fixtures, *(lab.course_root / "clusters" / "addons" / name for name in _addons(lab))]
    folders = tuple(f"{place.relative_to(lab.course_root).as_posix()}/" for place in places)
    validator = lab.validator.relative_to(lab.course_root).as_posix()
    return file.startswith(folders) or file in (validator, f"clusters/profiles/{lab.profile}.yaml")


def _addons(lab: CourseLab) -> tuple[str, ...]:
    from kindlabs.clusters.lease import ALWAYS

    return (*ALWAYS, *lab.addons)


def _git(root: Path, *words: str) -> list[str]:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"--changed needs git: {error.strerror}.", "Name the labs instead.") from None
    if done.returncode:
        reason = (done.stderr.strip() or "git fails").splitlines()[0]
        raise UsageError(f"--changed: {reason}", "Name a revision that git log shows, in a checkout of git.")
    return done.stdout.splitlines()
