"""The Makefile as a table of contents, and as the way to ``lab``."""

from __future__ import annotations

import re

import pytest
from typing_in import CHECKOUT, Type


def test_bare_make_lists_the_targets(typed: Type) -> None:
    """``make`` alone prints each target on one line, short enough for a terminal."""
    told = typed("make")
    targets = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    shown = re.findall(r"^  make ([a-z]+) ", told.out, re.MULTILINE)
    assert told.code == 0
    assert sorted(shown) == sorted(set(targets) - {"help", "venv"})
    assert max(map(len, told.out.splitlines())) <= 100


@pytest.mark.parametrize("target", ["check", "start", "grade"])
def test_a_lab_is_asked_for(typed: Type, target: str) -> None:
    """Without LAB= one line says what to type."""
    told = typed("make", target)
    assert (told.code, told.out) == (2, "")
    assert f"make {target} LAB=03" in told.err


def test_no_such_lab(typed: Type) -> None:
    """``lab`` has the exit code; make says it and ends with its own 2."""
    assert typed(".venv/bin/lab", "check", "99").code == 2
    told = typed("make", "check", "LAB=99")
    assert told.code == 2
    assert "Error 2" in told.err


def test_a_folder_with_any_name(typed: Type) -> None:
    """Blanks and apostrophes in SUBMISSION reach ``lab`` as they were typed."""
    assert "somebody's own work" in typed("make", "check", "LAB=03", "SUBMISSION=somebody's own work").err
