"""The nonce: a value that a learner is issued for a lab, so that no answer can be copied from somebody else."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from kindlabs.manifests import MAX_BYTES

PLACEHOLDER = re.compile(rb"\$\{NONCE(?::([a-z-]+))?\}")
"""What stands for it in the files of ``setup/``, ``start/`` and ``solution/``; ``${NONCE:crash}`` is another value that
follows from it, for labs in which one secret must not tell the other."""
NOTE = "note.txt"
"""A lab whose task needs the nonce shows it in this file of ``start/``, on a line ``nonce: …``. Shown, not asked: what
counts is what was issued."""


def new_nonce() -> str:
    """Eight random hex digits, the first a letter: never a number in YAML."""
    return secrets.choice("abcdef") + secrets.token_hex(4)[1:]


def issue(course_root: Path, lab_id: str, learner: str = "") -> str:
    """The nonce of a learner for a lab, always the same: derived from the course's secret, so that nobody can claim it.

    The secret is ``COURSE_SECRET``, which whoever grades on another machine shares with learners, or one of this
    checkout's own. The learner is *learner*, ``LEARNER``, or whose account this is.
    """
    secret = os.environ.get("COURSE_SECRET") or _secret(course_root)
    who = learner or os.environ.get("LEARNER") or _account()
    return _as_nonce(hmac.digest(os.fsencode(secret), os.fsencode(f"{lab_id} {who}"), "sha256").hex())


def derive(nonce: str, use: str) -> str:
    """The value that stands for ``${NONCE:use}``, of the same form as *nonce*."""
    return _as_nonce(hashlib.sha256(f"{nonce} {use}".encode()).hexdigest())


def filled(content: bytes, nonce: str) -> bytes:
    """*content* with *nonce*, and what follows from it, in place of the placeholders."""
    return PLACEHOLDER.sub(lambda m: (derive(nonce, m[1].decode()) if m[1] else nonce).encode(), content)


def fill_in(folder: Path, nonce: str) -> None:
    """Put *nonce* into the files of *folder* and below."""
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if PLACEHOLDER.search(content):
            path.write_bytes(filled(content, nonce))


def noted(folder: Path) -> tuple[str, int]:
    """The nonce in a folder's note and its line; empty and 0 where there is none, or it cannot be read.

    Whoever reads the whole folder says why it cannot.
    """
    note = folder / NOTE
    try:
        if not note.is_file() or note.is_symlink() or note.stat().st_size > MAX_BYTES:
            return "", 0
        lines = note.read_bytes().splitlines()
    except OSError:
        return "", 0
    for number, line in enumerate(lines, 1):
        if found := re.fullmatch(rb"nonce: *([a-z0-9]+) *", line):
            return found.group(1).decode(), number
    return "", 0


def _as_nonce(digest: str) -> str:
    """Eight digits of a hex digest, the first made a letter."""
    return "abcdef"[int(digest[0], 16) % 6] + digest[1:8]


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid())


def _secret(course_root: Path) -> str:
    path = course_root / ".labs" / "secret"
    if not path.exists() or not path.stat().st_size:
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(16))
        unfinished.replace(path)
    return path.read_text(errors="replace")
