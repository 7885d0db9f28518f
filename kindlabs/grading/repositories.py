"""Bare git repositories of people who are not trusted: the files of the last commit, and nothing of theirs is run.

A repository with a working tree is a folder like any other, and is judged as it lies.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from kindlabs.errors import InfraError, UnreadableSubmission
from kindlabs.grading.archives import ASK, unpack_tar
from kindlabs.grading.learner import readable

NOBODYS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_LAZY_FETCH": "1"}
"""Of nobody's configuration: the grader's own may name filters as well."""


def is_bare(folder: Path) -> bool:
    """Whether *folder* is a git repository without a working tree."""
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()


def unpack_repository(repository: Path, folder: Path) -> list[str]:
    """Write the files of the last commit into *folder*, which is made; links are left out, and returned.

    The commit is read by a repository of our own that borrows the objects: the learner's may name programs in its
    configuration, as filters, which git would run. Raises: UnreadableSubmission, InfraError (no git).
    """
    name, commit = readable(repository.name), _last_commit(repository)
    if not commit:
        raise UnreadableSubmission(f"{name}: a git repository without a commit.", ASK)
    borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str((repository / "objects").resolve())}
    with tempfile.TemporaryDirectory(prefix="lab-grade-") as own, _git("init", "--quiet", "--bare", own) as made:
        made.wait()
        with _git(f"--git-dir={own}", "archive", "--format=tar", commit, **borrowed) as process:
            assert process.stdout is not None
            try:
                return unpack_tar(process.stdout, name, folder)
            finally:
                process.kill()  # it has said everything, or more than anybody wants


def _last_commit(repository: Path) -> str:
    """The commit that HEAD names, read as the files that they are; empty where there is none."""
    head = _text(repository / "HEAD")
    if ref := re.fullmatch(r"ref: (refs/[^\s]+)", head):
        if ".." in ref[1]:
            return ""
        packed = re.search(rf"^(\w+) {re.escape(ref[1])}$", _text(repository / "packed-refs"), re.MULTILINE)
        head = _text(repository / ref[1]) or (packed[1] if packed else "")
    return head if re.fullmatch(r"[0-9a-f]{40}", head) else ""


def _text(file: Path) -> str:
    return file.read_text(errors="replace").strip() if file.is_file() else ""


def _git(*words: str, **variables: str) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            ["git", *words],
            env=os.environ | NOBODYS | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise InfraError(f"A git repository, and git cannot be run: {error.strerror}.", "Install git") from None
