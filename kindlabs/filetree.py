"""Which files a folder holds; of a learner's, only what can be read safely."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path

from kindlabs import manifests
from kindlabs.errors import UnreadableSubmission

MAX_FILES = 200


def manifest_files(folder: Path) -> list[Path]:
    """The manifest files that ``kubectl apply -f folder`` takes: in name order, sub-folders left out."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in manifests.SUFFIXES and path.is_file())


def files_below(place: Path) -> list[Path]:
    """*place* itself, or all files below it, without what Python leaves behind."""
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def digest_of(paths: Iterable[Path], root: Path) -> str:
    """sha256 over the names (relative to *root*) and the bytes of *paths*, as ``sha256:…``."""
    total = hashlib.sha256()
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(root).as_posix()} {content}\n".encode(errors="surrogateescape"))
    return f"sha256:{total.hexdigest()}"


def copy(origin: Path, folder: Path) -> None:
    """Copy all files below *origin* to *folder*; what keeps one from being written is told as it is, an OSError."""
    folder.mkdir(exist_ok=True)
    for path in files_below(origin):
        target = folder / path.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def safe_files(folder: Path) -> list[Path]:
    """All files of a learner's tree, without hidden folders. Raises: UnreadableSubmission for what must not be read."""
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
