"""What reaches a terminal: whatever a text holds, whatever the terminal can show, whether or not anybody reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kindlabs.terminal import Lasting, printable

CHECKOUT = Path(__file__).parents[2]


def lab(*words: str, stdout: int = subprocess.PIPE, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``lab`` in this checkout as a process of its own."""
    command = [sys.executable, "-m", "kindlabs.cli", *words]
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=os.environ | variables,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [(["list"], 0), (["--help"], 0), ([], 2), (["check", "99", "--json", "-"], 2)],
)
def test_nobody_reads(words: list[str], code: int) -> None:
    """A closed pipe, as ``| head -1`` leaves it, changes no exit code and is no fault."""
    reader, writer = os.pipe()
    os.close(reader)
    told = lab(*words, stdout=writer)
    os.close(writer)
    assert told.returncode == code
    assert b"fault of kind-labs" not in told.stderr
    assert b"Traceback" not in told.stderr


def test_a_full_disk_is_told() -> None:
    """Output that is lost to a full disk ends with 3, in one sentence."""
    with Path("/dev/full").open("wb") as full:
        told = lab("list", stdout=full.fileno())
    assert told.returncode == 3
    assert told.stderr.startswith(b"lab: No space left on device.\n  next  ")


def test_a_terminal_without_unicode() -> None:
    """What the encoding lacks is spelled out."""
    told = lab("check", "01", "--submission", "käse", PYTHONIOENCODING="ascii")
    assert told.returncode == 2
    assert rb"no submission 'k\xe4se'" in told.stderr


def test_nothing_is_lost_before_the_reader_goes() -> None:
    """What was read was whole, what comes later goes nowhere, and no write fails."""
    reader, writer = os.pipe()
    stream = Lasting(io.BufferedWriter(io.FileIO(writer, "w")), encoding="utf-8")
    stream.write("first\n")
    stream.flush()
    assert os.read(reader, 100) == b"first\n"
    os.close(reader)
    for _ in range(3):
        stream.write("more\n" * 10_000)
        stream.flush()
    stream.close()


def test_control_characters_are_spelled_out() -> None:
    """No text moves the cursor, colours the terminal or turns its direction; line ends and emoji stay."""
    assert printable("a\x1b[31mb\tc\rd\x9be\u202ef\n🧀 ä") == "a\\x1b[31mb\\tc\\rd\\x9be\\u202ef\n🧀 ä"
