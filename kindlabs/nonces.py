"""The nonce: a random value that a submission is given, so that no answer can have been written before."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from kindlabs.manifests import MAX_BYTES

PLACEHOLDER = "${NONCE}"
"""What stands for it in the files of ``setup/``, ``start/`` and ``solution/``."""
NOTE = "note.txt"
"""A lab whose task needs the nonce gives it in this file of ``start/``, on a line ``nonce: …``."""


def new_nonce() -> str:
    """Eight random hex digits, the first a letter: never a number in YAML."""
    return secrets.choice("abcdef") + secrets.token_hex(4)[1:]


def fill_in(folder: Path, nonce: str) -> None:
    """Put *nonce* into the files of *folder* and below."""
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if PLACEHOLDER.encode() in content:
            path.write_bytes(content.replace(PLACEHOLDER.encode(), nonce.encode()))


def nonce_of(folder: Path, lab_id: str, course_root: Path) -> str:
    """The nonce of the folder's note; without one, a value that stays the same for this folder on this machine."""
    if noted := _noted(folder / NOTE):
        return noted
    known = f"{_secret(course_root)} {lab_id} {folder.resolve()}"
    number = hashlib.sha256(os.fsencode(known)).hexdigest()
    return "abcdef"[int(number[0], 16) % 6] + number[1:8]


def _noted(note: Path) -> str:
    """The nonce in a note; empty where there is none, or it cannot be read: whoever reads the whole folder says so."""
    try:
        if not note.is_file() or note.is_symlink() or note.stat().st_size > MAX_BYTES:
            return ""
        found = re.search(rb"^nonce: *([a-z0-9]+) *\r?$", note.read_bytes(), re.MULTILINE)
    except OSError:
        return ""
    return found.group(1).decode() if found else ""


def _secret(course_root: Path) -> str:
    path = course_root / ".labs" / "secret"
    if not path.exists() or not path.stat().st_size:
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(secrets.token_hex(16))
        unfinished.replace(path)
    return path.read_text(errors="replace")
