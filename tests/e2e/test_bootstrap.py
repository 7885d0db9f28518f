"""From a fresh clone to a first command: .venv is made once, from nothing, whatever interrupts it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typing_in import CHECKOUT, Typed, type_in

TOOLS = (
    "make",
    "sh",
    "awk",
    "sed",
    "grep",
    "cat",
    "cksum",
    "date",
    "dirname",
    "ln",
    "readlink",
    "rm",
    "mkdir",
    "sleep",
)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH folder that holds what every system has, and neither uv nor Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        where = next(Path(place) / tool for place in ("/usr/bin", "/bin") if (Path(place) / tool).exists())
        (folder / tool).symlink_to(where)
    return folder


def with_python(folder: Path, without: str = "no-module") -> str:
    """Put a python3 onto a PATH that has none; it lacks the modules that *without*, a shell pattern, matches."""
    python = folder / "python3"
    python.write_text(f'#!/bin/sh\ncase "$2" in {without}) exit 1 ;; esac\nexec {sys.base_prefix}/bin/python3 "$@"\n')
    python.chmod(0o755)
    return str(folder)


@pytest.fixture
def lean(copy: Path) -> Path:
    """A copy whose lock holds what ``lab list`` and the build need: how .venv is made does not depend on what is in it.

    Installing and compiling all of it takes eight times as long, and is done once, from nothing.
    """
    needed, left = set[str](), ["hatchling", "editables", "jsonschema", "pyyaml", "rich", "typer", "uv"]
    while left:
        name = canonicalize_name(left.pop())
        if name not in needed:
            needed.add(name)
            wanted = [Requirement(line) for line in importlib.metadata.requires(name) or []]
            left += [each.name for each in wanted if not each.marker or each.marker.evaluate({"extra": ""})]
    lock = copy / "requirements.lock"
    entries = re.split(r"^(?=\w)", lock.read_text(), flags=re.MULTILINE)
    lock.write_text("".join(entry for entry in entries if entry.partition("==")[0] in needed))
    return copy


def with_uv(folder: Path) -> None:
    """Put this checkout's uv onto a PATH, where getting it is not the point."""
    (folder / "uv").symlink_to(CHECKOUT / ".venv" / "bin" / "uv")


def first_command(copy: Path, path: str) -> Typed:
    """The first thing that somebody types after cloning."""
    return type_in(copy, "make", "list", PATH=path)


def begin(copy: Path, path: str) -> subprocess.Popen[str]:
    """The same, in a process group of its own, and without waiting for its end."""
    pipe = subprocess.PIPE
    environment = os.environ | {"PATH": path}
    return subprocess.Popen(
        ["make", "list"], cwd=copy, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def test_from_nothing(copy: Path, bare: Path) -> None:
    """With Python and make alone the first command makes .venv; the next makes it again only if the lock changed."""
    path = with_python(bare)
    first, second = first_command(copy, path), first_command(copy, path)
    assert first.code == second.code == 0
    assert re.search(r"✓ Get uv  \(\d+ s\)\n.*\n  ✓ Make .venv  \(\d+ s\)", first.err)
    assert "03-ingress-certificates" in first.out
    assert second == Typed(0, first.out, "")
    with (copy / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert "✓ Make .venv" in first_command(copy, path).err


@pytest.mark.parametrize("word", ["… Get uv", "… Make .venv"])
def test_interrupted_it_goes_on(lean: Path, bare: Path, word: str) -> None:
    """Killed outright at any step, it goes on when the same command is typed again."""
    path = with_python(bare)
    if word == "… Make .venv":
        with_uv(bare)
    making = begin(lean, path)
    assert making.stderr
    while word not in (line := making.stderr.readline()):
        assert line, "it ended before it was killed"
    time.sleep(0.1)
    os.killpg(making.pid, signal.SIGKILL)
    making.communicate()
    assert not (lean / ".venv" / ".made").exists()
    assert first_command(lean, path).code == 0


def test_two_at_once(lean: Path, bare: Path) -> None:
    """Two first commands at once make one .venv: the second one waits for the first."""
    path = with_python(bare)
    with_uv(bare)
    other = begin(lean, path)
    mine, theirs = first_command(lean, path), other.communicate()
    assert mine.code == other.returncode == 0
    assert (mine.err + theirs[1]).count("✓ Make .venv") == 1


def test_pip_of_the_system(lean: Path, bare: Path) -> None:
    """A Python without venv, as Debian ships it, does when the system has pip."""
    assert first_command(lean, with_python(bare, without="venv")).code == 0


def test_where_nothing_can_be_written(copy: Path, bare: Path) -> None:
    """A folder in which .labs cannot be, or cannot hold the lock, is told at once and not tried for ever."""
    (copy / ".labs").write_text("a file")
    told = type_in(copy, "make", "list", PATH=with_python(bare), timeout=30)
    assert "lab: mkdir: " in told.err
    assert "Error 3" in told.err
    (copy / ".labs").unlink()
    (copy / ".labs").symlink_to("/proc/self")  # where not even root can make a file
    told = type_in(copy, "make", "list", PATH=str(bare), timeout=30)
    assert "bootstrap.lock" in told.err
    assert "next  free some space" in told.err


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], check=False).returncode
    ):
        pytest.skip("only who may mount can fill a disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("word", ["… Get uv", "… Make .venv"])
def test_a_full_disk(copy: Path, bare: Path, small: Path, word: str) -> None:
    """Where .venv does not fit, that is said in a sentence, without what pip and uv show of their insides."""
    shutil.copytree(copy, small / "copy", symlinks=True)
    path = with_python(bare)
    if word == "… Make .venv":
        with_uv(bare)
    told = first_command(small / "copy", path)
    assert word in told.err
    assert f"lab: no space left for .venv, which needs some 400 MB in {small / 'copy'} and in " in told.err
    assert "Traceback" not in told.err
    assert "Error 3" in told.err


@pytest.mark.parametrize(
    ("without", "said"),
    [("venv|pip", "apt-get install python3-venv"), (None, "install Python 3.11 or newer, or uv")],
)
def test_what_is_missing(copy: Path, bare: Path, without: str | None, said: str) -> None:
    """Where nothing can be done, one sentence says what is missing and the next what to do."""
    told = first_command(copy, with_python(bare, without) if without else str(bare))
    assert told.code == 2
    assert said in told.err
    assert "Error 3" in told.err
