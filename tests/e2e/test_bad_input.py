"""What cannot be judged is told in one line, before any cluster is touched; nobody sees a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typing_in import Type

MANIFEST = "submission/web.yaml"


def text(content: bytes) -> Callable[[Path], object]:
    """A submission whose one manifest holds *content*."""
    return lambda manifest: manifest.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (text(b"kind: [Service\nmetadata: }\n"), "web.yaml:2:9: "),
        (text(b"kind: Service # caf\xe9\n"), "web.yaml:1: not UTF-8"),
        (text(b"#" * 20_000_000), "web.yaml: 20.0 MB; expected at most"),
        (lambda manifest: manifest.symlink_to("/etc/hostname"), "web.yaml: a link that leaves the folder"),
    ],
    ids=["no YAML", "no UTF-8", "20 MB", "link out"],
)
def test_files_that_cannot_be_read(typed: Type, tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    """File, place and fault in one line, what to do in the next, exit 2."""
    manifest = tmp_path / MANIFEST
    manifest.parent.mkdir()
    make(manifest)
    told = typed(".venv/bin/lab", "check", "03", "--submission", str(manifest.parent))
    assert (told.code, told.out) == (2, "")
    assert said in told.err.splitlines()[0]
    assert told.err.splitlines()[1].startswith("  next  ")
    assert len(told.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "3x"], "There is no lab '3x'."),
        (["check", "03", "--submission", "nowhere"], "There is no submission 'nowhere'"),
        (["chek", "03"], "Did you mean 'check'?"),
        (["check"], "Missing argument"),
        (["check", "01", "--json", "/nowhere/record.json"], "there is no folder /nowhere"),
        (["check", "01", "--json", "labs"], "it is a folder"),
    ],
)
def test_words_that_make_no_sense(typed: Type, words: list[str], said: str) -> None:
    """A mistyped command says what was meant or what there is, exit 2."""
    told = typed(".venv/bin/lab", *words)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert "next" in told.err
    assert "Traceback" not in told.err
