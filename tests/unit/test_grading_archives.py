"""What is unpacked of people who are not trusted, and what is not."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kindlabs.errors import UnreadableSubmission
from kindlabs.grading.archives import LEARNERS, Limits, unpack

POD = b"kind: Pod\n"
SMALL = Limits(members=20, size=10_000, depth=3)
Members = dict[str, bytes | None]


def zipped(path: Path, members: Members, how: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip; None makes a folder, a value that begins with ``->`` a link."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = how
            if content is None:
                info.external_attr = 0o40755 << 16
            elif content.startswith(b"->"):
                info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, content or b"")
    return path


def tarred(path: Path, members: Members) -> Path:
    """The same as a tar, in gzip by its name."""
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
            elif content.startswith(b"->"):
                info.type, info.linkname, content = tarfile.SYMTYPE, content[2:].decode(), None
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return path


def files(folder: Path) -> dict[str, bytes]:
    """What is in a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KINDS = {"lab.zip": zipped, "lab.tar.gz": tarred, "lab.tar": tarred, "lab.TGZ": tarred}
Make = Callable[[Path, Members], Path]


@pytest.mark.parametrize(("name", "make"), KINDS.items(), ids=KINDS)
def test_files_come_out_as_they_went_in(name: str, make: Make, tmp_path: Path) -> None:
    """Files and folders of each kind of archive; what machines add and hidden folders hold is not for anybody."""
    members: Members = {
        **{"03/": None, "03/web.yaml": POD, "./03/more/service.yaml": b"", "03/größe.yaml": POD},
        **{".git/config": b"[filter]", "__MACOSX/03/._web.yaml": b"", "03/._web.yaml": b"", "03/.DS_Store": b""},
    }
    assert unpack(make(tmp_path / name, members), tmp_path / "to") == []
    assert files(tmp_path / "to") == {"03/web.yaml": POD, "03/more/service.yaml": b"", "03/größe.yaml": POD}


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"../web.yaml": POD}, "leads out of its folder"),
        ({"a/../../web.yaml": POD}, "leads out of its folder"),
        ({"/tmp/web.yaml": POD}, "leads out of its folder"),
        ({"../a/": None}, "leads out of its folder"),
        ({"../a": b"->b"}, "leads out of its folder"),
        ({"a/b/c/d.yaml": POD}, "folders in each other, more than 3"),
        ({f"{number}.yaml": POD for number in range(21)}, "more than 20 files and folders"),
        ({f"{number}/": None for number in range(21)}, "more than 20 files and folders"),
        ({f"{number}": b"->a" for number in range(21)}, "more than 20 files and folders"),
        ({"a.yaml": os.urandom(9_000), "b.yaml": b"0" * 2_000}, "unpacks to more than 0 MB"),
        ({"a": POD, "a/b": POD}, "two things of one name"),
        ({"n" * 300: POD}, "cannot be unpacked"),
    ],
)
def test_what_is_beyond_bounds_is_refused(make: Make, members: Members, why: str, tmp_path: Path) -> None:
    """Paths that lead outside, too many, too deep, too large, twice: each says so, and nothing lies outside."""
    archive = make(tmp_path / ("lab.zip" if make is zipped else "lab.tar.gz"), members)
    (tmp_path / "in").mkdir()
    with pytest.raises(UnreadableSubmission, match=f"^lab.*: .*{why}"):
        unpack(archive, tmp_path / "in" / "to", SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in", archive.name])
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["to"]


@pytest.mark.parametrize("make", [zipped, tarred])
def test_links_are_left_out(make: Make, tmp_path: Path) -> None:
    """A link is not made, so what is written through its name lies in the folder; it is told."""
    archive = make(tmp_path / ("lab.zip" if make is zipped else "lab.tar.gz"), {"a": b"->/etc", "web.yaml": POD})
    assert unpack(archive, tmp_path / "to") == ["a, a link"]
    assert files(tmp_path / "to") == {"web.yaml": POD}
    through = make(tmp_path / f"through-{archive.name}", {"a": b"->/tmp", "a/web.yaml": POD})
    unpack(through, tmp_path / "there")
    assert files(tmp_path / "there") == {"a/web.yaml": POD}


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_name_twice_is_refused(make: Make, tmp_path: Path) -> None:
    """Nobody could say which of the two was meant."""
    archive = make(tmp_path / ("lab.zip" if make is zipped else "lab.tar.gz"), {"a.yaml": POD, "./a.yaml": b""})
    with pytest.raises(UnreadableSubmission, match="two things of one name"):
        unpack(archive, tmp_path / "to")


@pytest.mark.parametrize(("name", "make"), [("lab.zip", zipped), ("lab.tar.gz", tarred)])
def test_a_bomb_by_its_ratio(name: str, make: Make, tmp_path: Path) -> None:
    """What unpacks to hundreds of times its size is refused long before the whole of it is there."""
    archive = make(tmp_path / name, {"zeros": b"\0" * 30_000_000})
    with pytest.raises(UnreadableSubmission, match="200 times its size"):
        unpack(archive, tmp_path / "to")
    assert sum(map(len, files(tmp_path / "to").values())) < 30_000_000


def test_a_bomb_by_its_total(tmp_path: Path) -> None:
    """Many files of a sound size each are bounded by their sum."""
    archive = zipped(tmp_path / "lab.zip", {f"{n}": os.urandom(400_000) + bytes(100_000) for n in range(3)})
    with pytest.raises(UnreadableSubmission, match="more than 1 MB"):
        unpack(archive, tmp_path / "to", Limits(members=9, size=1_400_000, depth=3))
    assert sum(map(len, files(tmp_path / "to").values())) <= 1_400_000 + 64 * 1024


def test_what_a_tar_hides_between_its_members_counts(tmp_path: Path) -> None:
    """A member that is passed over still has to be unpacked to reach the next one."""
    with gzip.open(tmp_path / "lab.tar.gz", "wb") as packed:
        info = tarfile.TarInfo(".git/pack")
        info.size = 60_000_000
        packed.write(info.tobuf())
        for _ in range(60):
            packed.write(b"\0" * 1_000_000)
    with pytest.raises(UnreadableSubmission, match="unpacks to more than"):
        unpack(tmp_path / "lab.tar.gz", tmp_path / "to")


def test_a_header_that_lies(tmp_path: Path) -> None:
    """What a zip says of its sizes is not believed: the bytes are counted, and a lie is told."""
    archive = zipped(tmp_path / "lab.zip", {"zeros": b"\0" * 3_000_000})
    content = archive.read_bytes()
    size = struct.pack("<I", 3_000_000)
    assert content.count(size) == 2
    archive.write_bytes(content.replace(size, struct.pack("<I", 10)))
    with pytest.raises(UnreadableSubmission, match="cannot be unpacked"):
        unpack(archive, tmp_path / "to")
    assert sum(map(len, files(tmp_path / "to").values())) <= 10


def _nameless() -> bytes:
    """A zip with a member whose name begins with a NUL, which ends it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("web.yaml", POD)
    return content.getvalue().replace(b"web.yaml", b"\0eb.yaml")


NAMELESS = _nameless()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lab.zip", b"Rar!\x1a\x07\x01\x00"),
        ("lab.zip", b""),
        ("lab.zip", NAMELESS),
        ("lab.tar.gz", b"\x1f\x8b\x08nothing"),
        ("lab.tar.gz", gzip.compress(b"no tar at all" * 100)),
        ("lab.tar.gz", gzip.compress(os.urandom(5_000))[:2_000]),
        ("lab.tar", b""),
    ],
)
def test_what_is_no_archive(name: str, content: bytes, tmp_path: Path) -> None:
    """It says that it cannot be unpacked, whatever it is instead."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableSubmission, match="cannot be unpacked"):
        unpack(tmp_path / name, tmp_path / "to")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    """It says so."""
    archive = zipped(tmp_path / "lab.zip", {"web.yaml": POD}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    for head, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(head) + at] |= 1
    archive.write_bytes(content)
    with pytest.raises(UnreadableSubmission, match="encrypted"):
        unpack(archive, tmp_path / "to")


def test_an_archive_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    """Its table of contents alone could fill the memory."""
    with (tmp_path / "lab.zip").open("wb") as file:
        file.truncate(LEARNERS.size + 1)
    with pytest.raises(UnreadableSubmission, match="52 MB; expected at most 52 MB"):
        unpack(tmp_path / "lab.zip", tmp_path / "to")


def test_names_in_other_encodings(tmp_path: Path) -> None:
    """UTF-8 that is not said to be so, backslashes of Windows, bytes that are no text, control characters."""
    archive = zipped(tmp_path / "lab.zip", {"ab\\X.yaml": POD, "gro\u00dfe.yaml": POD})
    content = archive.read_bytes().replace(b"ab\\X.yaml", "ab\\ü".encode() + b"yaml"[:4])
    archive.write_bytes(content)
    unpack(archive, tmp_path / "to")
    assert set(files(tmp_path / "to")) == {"ab/üyaml", "große.yaml"}
    raw = tarred(tmp_path / "lab.tar", {"a\x1b[2J\udcff.yaml": POD, "b\udcfe": b"->x"})
    assert unpack(raw, tmp_path / "raw") == ["b\\udcfe, a link"]
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["a\x1b[2J\udcff.yaml"]
    with pytest.raises(UnreadableSubmission, match=r"^lab\.tar: \\x1b\[2J/\.\. leads out of its folder"):
        unpack(tarred(tmp_path / "lab.tar", {"\x1b[2J/..": POD}), tmp_path / "out")


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    """Devices, pipes and links are passed over, and told."""
    with tarfile.open(tmp_path / "lab.tar", "w") as archive:
        for name, kind in (("pipe", tarfile.FIFOTYPE), ("null", tarfile.CHRTYPE), ("hard", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "web.yaml"
            archive.addfile(info)
    assert unpack(tmp_path / "lab.tar", tmp_path / "to") == [
        "pipe, no plain file",
        "null, no plain file",
        "hard, a link",
    ]
