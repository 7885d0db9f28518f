"""``make check`` on a real cluster: the first command of the README, and what it says to somebody who has not begun."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typing_in import CHECKOUT, Type

SCHEMA = json.loads((CHECKOUT / "kindlabs" / "result.schema.json").read_text())


def test_the_solution_passes(typed: Type) -> None:
    """The README's first command ends green."""
    told = typed("make", "check", "LAB=03", "SUBMISSION=solution", timeout=3600)
    assert told.code == 0, told.out + told.err
    assert "All checks passed" in told.out


@pytest.mark.parametrize("lab", ["01", "02", "03"])
def test_the_untouched_start_fails(typed: Type, lab: str, tmp_path: Path) -> None:
    """What a lab begins with fails with exit 1, words and a record that is true to its schema."""
    record = tmp_path / "record.json"
    told = typed(".venv/bin/lab", "check", lab, "--submission", "start", "--json", str(record), timeout=3600)
    assert told.code == 1, told.out + told.err
    assert "expected" in told.out
    assert "next" in told.out
    result = json.loads(record.read_text())
    jsonschema.validate(result, SCHEMA)
    assert result["verdict"] == "failed"


def test_make_says_the_code_of_a_failed_check(typed: Type) -> None:
    """GNU make cannot end with another command's code; it ends with 2 and prints the code beside."""
    told = typed("make", "check", "LAB=01", "SUBMISSION=start", timeout=3600)
    assert told.code == 2
    assert told.err.rstrip().endswith("Error 1")
