"""A new lab is whole: it is read, its files agree, and its mutants can be made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kindlabs import course, submission
from kindlabs.checks import declared
from kindlabs.course import FOLDERS, Course
from kindlabs.errors import UsageError
from kindlabs.newlab import new_lab
from kindlabs.validators import read_validator
from kindlabs.verifying.cases import cases_of
from kindlabs.verifying.judging import unkilled


@pytest.fixture
def here(tmp_path: Path) -> Course:
    """A copy of this course."""
    root = course.find(Path(__file__)).root
    for folder in FOLDERS:
        shutil.copytree(root / folder, tmp_path / folder)
    return Course(tmp_path)


def test_a_new_lab_is_whole(here: Course) -> None:
    """Validator, sentences, hints, points, solution, start and mutants are there and fit; nothing is left open."""
    lab = new_lab(here, "97-my-own-lab")
    read_validator(lab.validator)
    checks = declared(lab.validator)
    text = lab.readme.read_text()
    assert text.startswith("# 97 · My own lab\n")
    assert [f"{number}. {check.title}" in text for number, check in enumerate(checks, 1)] == [True] * len(checks)
    assert sum(check.points for check in checks) == 10
    assert set(lab.hints) == {check.id for check in checks}
    assert unkilled(lab) == []
    for case in cases_of(lab):
        handed_in = submission.resolve(here, lab, case.word)
        assert handed_in.findings == []
        assert "$" not in str([manifest.document for manifest in handed_in.manifests])


@pytest.mark.parametrize(("lab_id", "said"), [("my-lab", "such as 47-my-lab"), ("03-other", "lab 03-ingress-cert")])
def test_an_id_that_cannot_be(here: Course, lab_id: str, said: str) -> None:
    """An id without a number, or with one that is taken, is refused before anything is written."""
    with pytest.raises(UsageError, match=said):
        new_lab(here, lab_id)
    assert not (here.root / "labs" / lab_id).exists()
