"""The page "Writing a lab" ends with a whole lab: its files, as they stand there, make a lab that proves itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindlabs import submission
from kindlabs.checks import declared
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import lease
from kindlabs.course import FOLDERS, Course
from kindlabs.progress import Steps
from kindlabs.run import Run
from kindlabs.validators import read_validator
from kindlabs.verifying.cases import Case, cases_of
from kindlabs.verifying.judging import judge, unkilled

WORDS = ("solution", "start", "greets-otherwise", "under-another-name", "no-such-map")
FILES = re.compile(r"^`([\w./-]+)`:\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""A file's name, then what is in it."""


@pytest.fixture(scope="module")
def followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course with the page's files, and nothing else, beside."""
    own = tmp_path_factory.mktemp("course")
    for folder in FOLDERS:
        shutil.copytree(root / folder, own / folder)
    for name, text in FILES.findall((root / "docs" / "writing-a-lab.md").read_text()):
        file = own / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Course(own)


@pytest.fixture(scope="module")
def cluster(root: Path, followed: Course) -> Iterator[Cluster]:
    """The warm cluster, with the lab's images in it."""
    with Steps() as steps, lease(root, "single", [], steps, images=followed.lab("96").images) as cluster:
        yield cluster


def test_the_lab_is_whole(followed: Course) -> None:
    """Its sentences are its checks' titles, its points make ten, and some mutant fails each check first."""
    lab = followed.lab("96")
    read_validator(lab.validator)
    checks = declared(lab.validator)
    assert all(f"{number}. {check.title}" in lab.readme.read_text() for number, check in enumerate(checks, 1))
    assert sum(check.points for check in checks) == 10
    assert set(lab.hints) == {check.id for check in checks}
    assert unkilled(lab) == []
    assert [case.word for case in cases_of(lab)] == list(WORDS)


@pytest.mark.parametrize("word", WORDS)
def test_the_lab_proves_itself(followed: Course, cluster: Cluster, word: str) -> None:
    """The solution passes, the start does not, and each mutant fails where and as the page says."""
    lab = followed.lab("96")
    case = next((case for case in cases_of(lab) if case.word == word), Case(lab, word))
    handed_in = submission.resolve(followed, lab, word)
    record = Run(lab, handed_in, cluster, lab.setup(handed_in.nonce), fresh=True).judge()
    assert judge(case, record.as_dict()).faults == []
