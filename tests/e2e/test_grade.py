"""`lab grade` as a grader types it: a class of archives, folders and files of all kinds, judged on a real cluster."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
from typing_in import CHECKOUT, Type

from kindlabs import course
from kindlabs.filetree import copy as copy_files
from kindlabs.mutants import render
from kindlabs.nonces import fill_in, issue

LAB = course.find(CHECKOUT).lab("01")
GRADE = (".venv/bin/lab", "grade", "01", "--jobs", "1")
VERDICTS = {
    **{"anna": ("passed", ""), "1018": ("failed", "serves-http"), "1019": ("failed", "found-by-label")},
    **{"dora": ("failed", "submission"), "emil": ("failed", "submission"), "fritz": ("failed", "pod-running")},
    **{"gina": ("missing", "")},
}
"""Verdict and first check of each learner."""


@pytest.fixture
def class_(tmp_path: Path) -> Path:
    """A class: the solution, two mutants as Moodle and Canvas give them, YAML that is none, a bomb, the start."""
    place = tmp_path / "class"
    _submission(place / "anna", "solution", "anna")
    zipped = _submission(tmp_path / "1018", "no-server", "1018")
    moodle = place / "Bert Bo_1018_assignsubmission_file_"
    moodle.mkdir()
    with zipfile.ZipFile(moodle / "lab 01.zip", "w") as archive:
        archive.write(zipped / "pod.yaml", "01/pod.yaml")
    canvas = _submission(tmp_path / "1019", "misspelt-label", "1019")
    (canvas / "pod.yaml").rename(place / "coycarl_LATE_1019_67890_pod.yaml")
    (place / "dora").mkdir()
    (place / "dora" / "pod.yaml").write_text("kind: Pod\nmetadata: [\n")
    with zipfile.ZipFile(place / "emil.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pod.yaml", b"\0" * 40_000_000)
    _submission(place / "fritz", "no-such-tag", "fritz")
    names = "".join(f"{name},Name of {name}\n" for name in [*VERDICTS][:-1])
    (tmp_path / "roster.csv").write_text(f"id,name\n{names}gina,=HYPERLINK()\n")
    return place


def _submission(folder: Path, word: str, learner: str) -> Path:
    """What somebody handed in who was issued her own nonce."""
    folder.mkdir(parents=True)
    nonce = issue(CHECKOUT, LAB.id, learner)
    if word == "solution":
        copy_files(LAB.solution, folder)
        fill_in(folder, nonce)
    else:
        render(LAB, next(mutant for mutant in LAB.mutants() if mutant.id == word), folder, nonce)
    return folder


def _rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def test_a_dry_run_shows_the_class(typed: Type, class_: Path, tmp_path: Path) -> None:
    """Who would be judged, and what does not fit; nothing is run, and nothing is written."""
    options = f"--dry-run --out {tmp_path / 'out'}"
    told = typed("make", "grade", "LAB=01", f"SUBMISSIONS={class_}", f"ROSTER={tmp_path / 'roster.csv'}", GRADE=options)
    assert told.code == 0, told.out + told.err
    assert told.out.count("to be judged") == 5
    assert "emil: emil.zip: it unpacks to more than 200 times its size, as a bomb does: graded as files" in told.out
    assert "gina: on the roster, without files: in the gradebook as missing" in told.out
    assert "6 submissions, and 1 in the class without one." in told.out
    assert not (tmp_path / "out").exists()


def test_a_class_is_asked_for(typed: Type) -> None:
    """Without LAB= or SUBMISSIONS= one line says what to type."""
    assert "make grade LAB=03" in typed("make", "grade").err
    assert "make grade LAB=03 SUBMISSIONS=class/" in typed("make", "grade", "LAB=03").err
    assert typed(*GRADE, "--submissions", "no-such-folder").code == 2


def test_a_class_is_graded(typed: Type, class_: Path, tmp_path: Path) -> None:
    """Interrupted after the first verdict, it goes on; everybody has one record, right, and equal to lab check's."""
    out = tmp_path / "out"
    words = [*GRADE, "--submissions", str(class_), "--roster", str(tmp_path / "roster.csv"), "--out", str(out)]
    first = out / "records" / "1018" / f"{LAB.id}.json"
    _interrupted(words, first)
    assert "passed" not in {row["verdict"] for row in _rows(out).values()}
    written = first.stat().st_mtime_ns
    told = typed(*words)
    assert told.code == 0, told.out + told.err
    assert "4 runs in " in told.out or "3 runs in " in told.out
    assert first.stat().st_mtime_ns == written
    rows = _rows(out)
    assert {who: (row["verdict"], row["check"]) for who, row in rows.items()} == VERDICTS
    assert (rows["anna"]["score"], rows["dora"]["score"], rows["gina"]["score"]) == (rows["anna"]["max_score"], "0", "")
    assert (rows["dora"]["at"], rows["1018"]["cause"]) == (
        "dora/pod.yaml:3",
        "The container runs pause, which opens no port.",
    )
    assert (rows["1019"]["late"], rows["gina"]["name"]) == ("yes", "'=HYPERLINK()")
    assert sorted(path.parent.name for path in (out / "records").glob("*/*")) == sorted(VERDICTS)
    again = typed(*words)
    assert "nothing to run" in again.out, again.out + again.err
    _as_a_lone_check(typed, class_, out)


def _interrupted(words: list[str], record: Path) -> None:
    """Begin a grading, and end it as soon as *record* is there."""
    process = subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True, env=os.environ)
    until = time.monotonic() + 900
    while not record.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, "the next command goes on" in told) == (130, True), told


def _as_a_lone_check(typed: Type, class_: Path, out: Path) -> None:
    """What lab check says of the same folder differs in nothing that a learner reads, but for how it is called."""
    told = typed(
        *[".venv/bin/lab", "check", "01", "--submission", str(class_ / "fritz"), "--json", "-"], LEARNER="fritz"
    )
    alone = json.loads(told.out.replace(f"{class_}/fritz", "fritz"))
    graded = json.loads((out / "records" / "fritz" / f"{LAB.id}.json").read_text())["result"]
    said = ("id", "verdict", "points", "max_points", "cause")
    assert [[check[key] for key in said] for check in graded["checks"]] == [
        [check[key] for key in said] for check in alone["checks"]
    ]
    assert alone["submission"]["digest"] == graded["submission"]["digest"]
