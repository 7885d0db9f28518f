"""``make check`` on a real cluster: the first command of the README, and what it says to somebody who has not begun."""

from __future__ import annotations

import json
from pathlib import Path
from signal import SIGINT, SIGTERM
from subprocess import PIPE, Popen

import jsonschema
from typing_in import CHECKOUT, Type, type_in

SCHEMA = json.loads((CHECKOUT / "kindlabs" / "result.schema.json").read_text())


def test_the_solution_passes(typed: Type) -> None:
    """The README's first command ends green."""
    told = typed("make", "check", "LAB=03", "SUBMISSION=solution", timeout=3600)
    assert told.code == 0, told.out + told.err
    assert "All checks passed" in told.out


def test_the_untouched_start_fails(typed: Type, tmp_path: Path) -> None:
    """What a lab begins with fails with exit 1, words and a record that is true to its schema."""
    record = tmp_path / "record.json"
    told = typed(".venv/bin/lab", "check", "03", "--submission", "start", "--json", str(record), timeout=3600)
    assert told.code == 1, told.out + told.err
    assert "expected" in told.out
    assert "next" in told.out
    result = json.loads(record.read_text())
    jsonschema.validate(result, SCHEMA)
    assert result["verdict"] == "failed"


def test_make_says_the_code_of_a_failed_check(typed: Type) -> None:
    """GNU make cannot end with another command's code; it ends with 2 and prints the code beside.

    Options of somebody's own for pytest do not choose among the checks.
    """
    told = typed("make", "check", "LAB=01", "SUBMISSION=start", timeout=3600, PYTEST_ADDOPTS="--collect-only")
    assert told.code == 2
    assert told.err.rstrip().endswith("Error 1")


def test_no_cluster_is_a_verdict(copy: Path) -> None:
    """Where no engine answers, the end is infra_error and 3, said on the board and in a record that fits its schema."""
    lab = str(CHECKOUT / ".venv/bin/lab")
    command = (lab, "check", "01", "--submission", "solution", "--json", "record.json")
    told = type_in(copy, *command, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert told.code == 3
    assert "nothing of this counts against you" in told.out
    assert "/nowhere/docker.sock" in told.out
    result = json.loads((copy / "record.json").read_text())
    jsonschema.validate(result, SCHEMA)
    assert (result["verdict"], result["cluster"]) == ("infra_error", None)
    assert (result["score"], result["max_score"]) == (0, 10)


def test_an_older_record_is_not_this_runs(typed: Type, tmp_path: Path) -> None:
    """A command that cannot judge leaves no record of an earlier one where its own would be."""
    (tmp_path / "record.json").write_text("{}")
    (tmp_path / "broken.yaml").write_text("a: [\n")
    told = typed(".venv/bin/lab", "check", "01", "--submission", str(tmp_path), "--json", str(tmp_path / "record.json"))
    assert told.code == 2
    assert not (tmp_path / "record.json").exists()


def test_interrupted_says_so(typed: Type) -> None:
    """Ctrl-C or SIGTERM in the middle of a check ends with 130 and what to do; the next command is not disturbed."""
    command = [CHECKOUT / ".venv/bin/lab", "check", "01", "--submission", "no-such-tag", "--fresh"]
    for number in (SIGINT, SIGTERM):
        with Popen(command, cwd=CHECKOUT, stdout=PIPE, stderr=PIPE, text=True) as running:
            assert running.stdout is not None
            assert "Lab 01" in running.stdout.readline()
            running.send_signal(number)
            _, err = running.communicate(timeout=60)
        assert (running.returncode, "interrupted" in err) == (130, True), err
    assert typed(".venv/bin/lab", "check", "01", "--submission", "start").code == 1
