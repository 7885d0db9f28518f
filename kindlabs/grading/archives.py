"""Unpacks archives of people who are not trusted: within bounds, and never outside the folder that they are given.

Nothing is created but folders and plain files, each by its own checked name, so no link can lead a later file
elsewhere. Bounds hold for the bytes that come out, whatever the headers say.
"""

from __future__ import annotations

import errno
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from kindlabs.errors import UnreadableSubmission
from kindlabs.grading.learner import readable

CHUNK = 64 * 1024
SMALL = 2**20
"""Bytes below which nothing is a bomb, however well it was packed."""
TAR_OVERHEAD = 2048
"""Bytes of a tar beside the contents, for each member: header, long name, padding."""
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError, LookupError),
)
"""What the libraries raise for an archive that is damaged, or packed in a way that they do not know."""
UTF_8_NAME = 0x800
"""The flag of a member of a zip whose name is said to be UTF-8."""
ASK = "Ask for the files again, as a folder or an archive of one lab's files."


@dataclass(frozen=True)
class Limits:
    """The most that is unpacked: members, bytes, folders in each other; and bytes out for each byte of the archive."""

    members: int
    size: int
    depth: int
    ratio: int = 200


LEARNERS = Limits(members=2_000, size=50 * 2**20, depth=10)
"""What one learner hands in: a submission is some kilobytes."""
OF_A_CLASS = Limits(members=100_000, size=4 * 2**30, depth=12)
"""A class as a learning platform packs it."""


class Readable(Protocol):
    """Whatever gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Up to *size* bytes; none at the end."""


def unpack(archive: Path, folder: Path, limits: Limits = LEARNERS) -> list[str]:
    """Unpack *archive*, a zip or a tar, into *folder*, which is made.

    Returns: what was left out, links and the like. Raises: UnreadableSubmission, after which *folder* holds a part.
    """
    size = archive.stat().st_size
    with archive.open("rb") as packed:
        writer = _Writer(readable(archive.name), folder, limits, size)
        if size > limits.size:
            raise writer.refused(f"{size / 1e6:.0f} MB; expected at most {limits.size / 1e6:.0f} MB")
        if archive.name.lower().endswith(".zip"):
            return writer.take(lambda: _unzip(packed, writer))
        gzipped = packed.read(2) == b"\x1f\x8b"
        packed.seek(0)
        stream: Readable = gzip.GzipFile(fileobj=packed) if gzipped else packed
        return writer.take(lambda: _untar(stream, writer))


def unpack_tar(stream: IO[bytes], name: str, folder: Path, limits: Limits = LEARNERS) -> list[str]:
    """Unpack the tar that comes from *stream*; *name* is what messages call it. As :func:`unpack`."""
    writer = _Writer(name, folder, limits, limits.size)
    return writer.take(lambda: _untar(stream, writer))


def _unzip(packed: IO[bytes], writer: _Writer) -> None:
    with zipfile.ZipFile(packed) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            name = _name_in_zip(info)
            if info.is_dir():
                writer.count(name)
            elif kind not in (0, stat.S_IFREG):
                writer.leave_out(name, "a link" if kind == stat.S_IFLNK else "no plain file")
            else:
                with archive.open(info) as content:
                    writer.write(name, content)


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    r"""The name of a member: what says nothing of its encoding is UTF-8 where it can be; ``\`` parts folders."""
    name = info.filename
    if not info.flag_bits & UTF_8_NAME:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _untar(stream: Readable, writer: _Writer) -> None:
    # Read as a stream, so that what it really unpacks to is counted; extracted by nobody, so no filter is needed.
    with tarfile.open(fileobj=_Counted(stream, writer), mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if member.isdir():
                writer.count(member.name)
            elif content is None:
                writer.leave_out(member.name, "a link" if member.issym() or member.islnk() else "no plain file")
            else:
                writer.write(member.name, content)


class _Counted:
    """A tar as it comes out of its compression, to the most that may come."""

    def __init__(self, stream: Readable, writer: _Writer) -> None:
        self._stream, self._writer, self._read = stream, writer, 0

    def read(self, size: int) -> bytes:
        """As of a file."""
        content = self._stream.read(size)
        self._read += len(content)
        self._writer.bound(self._read, TAR_OVERHEAD * self._writer.limits.members)
        return content


@dataclass
class _Writer:
    """Writes the members of one archive, each where it belongs."""

    name: str
    folder: Path
    limits: Limits
    packed: int
    left_out: list[str] = field(default_factory=list)
    members: int = 0
    written: int = 0

    def take(self, unpacking: Callable[[], None]) -> list[str]:
        """Unpack, and say what was left out; whatever is wrong with the archive is told."""
        self.folder.mkdir(parents=True)
        try:
            unpacking()
        except BROKEN as error:
            raise self.refused(f"it cannot be unpacked: {readable(str(error)) or type(error).__name__}") from None
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
                raise self.refused("it holds two things of one name") from None
            if error.errno not in (None, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):  # bz2 and gzip give none
                raise
            raise self.refused(f"it cannot be unpacked: {error.strerror or readable(str(error))}") from None
        return self.left_out

    def refused(self, why: str) -> UnreadableSubmission:
        """Why the archive is not taken."""
        return UnreadableSubmission(f"{self.name}: {why}.", ASK)

    def count(self, name: str) -> list[str]:
        """Count a member, and give the parts of its path. Raises: UnreadableSubmission for one that leads outside."""
        self.members += 1
        if self.members > self.limits.members:
            raise self.refused(f"more than {self.limits.members} files and folders")
        if name.startswith("/") or re.match(r"[A-Za-z]:/", name) or ".." in name.split("/"):
            raise self.refused(f"{readable(name)} leads out of its folder")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if len(parts) > self.limits.depth:
            raise self.refused(f"folders in each other, more than {self.limits.depth}")
        return parts

    def leave_out(self, name: str, why: str) -> None:
        """Pass over a member that is neither a file nor a folder."""
        self.count(name)
        self.left_out.append(f"{readable(name)}, {why}")

    def write(self, name: str, content: Readable) -> None:
        """Write a member, unless it is one of those that machines add, or in a hidden folder, which nobody reads."""
        parts = self.count(name)
        if not parts or any(map(is_hidden, parts[:-1])) or is_of_machine(parts[-1]):
            return
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while chunk := content.read(CHUNK):
                self.written += len(chunk)
                self.bound(self.written)
                file.write(chunk)

    def bound(self, size: int, more: int = 0) -> None:
        """Refuse the archive when it gives more than it may; *more* bytes are granted beside."""
        if size > self.limits.size + more:
            raise self.refused(f"it unpacks to more than {self.limits.size / 1e6:.0f} MB")
        if size > max(SMALL + more, self.packed * self.limits.ratio):
            raise self.refused(f"it unpacks to more than {self.limits.ratio} times its size, as a bomb does")


def is_hidden(name: str) -> bool:
    """Whether a folder of that name is not looked into: ``.git``, ``__MACOSX``."""
    return name.startswith(".") or name == "__MACOSX"


def is_of_machine(name: str) -> bool:
    """Whether a file of that name was written by no person: what macOS and Windows add."""
    return name.startswith("._") or name in (".DS_Store", "Thumbs.db", "desktop.ini")
