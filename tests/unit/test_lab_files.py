"""The labs of this course are complete and agree with themselves. That they can be solved, a real cluster shows."""

import ast
import re
from pathlib import Path

import pytest

from kindlabs import submission
from kindlabs.checks import SUBMISSION, check_id
from kindlabs.course import CourseLab, find
from kindlabs.images.lock import Lock
from kindlabs.nonces import NOTE

COURSE = find(Path(__file__).parent)
LABS = COURSE.labs()


@pytest.fixture(params=LABS, ids=lambda lab: lab.id)
def lab(request: pytest.FixtureRequest) -> CourseLab:
    """Each lab of the course."""
    found: CourseLab = request.param
    return found


def checks_of(lab: CourseLab) -> dict[str, str]:
    """The checks of the lab's validator in their order: titles by id. Read, not imported."""
    functions = [node for node in ast.parse(lab.validator.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {check_id(f.name): ast.get_docstring(f) or "" for f in functions if f.name.startswith("test_")}


def test_the_task_is_what_is_checked(lab: CourseLab) -> None:
    """The README's numbered sentences are the titles of the checks, word for word and in their order."""
    sentences = re.findall(r"^\d+\. (.+)$", lab.readme.read_text(), re.MULTILINE)
    assert sentences == list(checks_of(lab).values())


def test_readme_begins_with_the_lab(lab: CourseLab) -> None:
    """The README's heading is the lab's number and title, and it says how to check."""
    text = lab.readme.read_text()
    assert text.startswith(f"# {lab.number} · {lab.title}\n")
    assert f"make check LAB={lab.number}\n" in text
    assert f"*{lab.minutes} minutes" in text


def test_hints_belong_to_checks(lab: CourseLab) -> None:
    """Hints are given for checks that exist, and every check has one."""
    assert set(lab.hints) == set(checks_of(lab))


def test_points_add_up(lab: CourseLab) -> None:
    """The checks of a validator are worth ten points together."""
    points = re.findall(r"^@check\(points=(\d+)", lab.validator.read_text(), re.MULTILINE)
    assert len(points) == len(checks_of(lab))
    assert sum(map(int, points)) == 10


def test_mutants_fail_checks_that_exist(lab: CourseLab) -> None:
    """Each mutant names a check of the validator, or the one that every run has of its files."""
    assert {mutant.fails for mutant in lab.mutants()} <= {*checks_of(lab), SUBMISSION}


@pytest.mark.parametrize("word", ["start", "solution"])
def test_submissions_are_sound(lab: CourseLab, word: str) -> None:
    """Start and solution are read without findings; the solution has every object and file that the start has."""
    found, solution = (submission.resolve(COURSE, lab, name) for name in (word, "solution"))
    assert (found.findings, found.passed_over) == ([], [])
    assert "${NONCE" not in str([[m.document for m in found.manifests], found.answers, found.files])
    assert {(m.kind, m.name) for m in found.manifests} <= {(m.kind, m.name) for m in solution.manifests}
    given = {path.name for path in lab.start.iterdir()} - {NOTE}
    assert given <= {path.name for path in lab.solution.iterdir()}


def test_mutants_can_be_made(lab: CourseLab) -> None:
    """Each mutant is made, read without findings, and differs from the solution."""
    solution = submission.resolve(COURSE, lab, "solution", nonce="cafe0123")
    for mutant in lab.mutants():
        made = submission.resolve(COURSE, lab, mutant.id, nonce="cafe0123")
        assert made.findings == [] or mutant.fails == SUBMISSION, mutant.id
        assert made.digest != solution.digest, mutant.id


def test_images_are_in_the_lock(lab: CourseLab) -> None:
    """Every image that setup and solution use is one that lab.yaml names, so that it is on the nodes."""
    lock = Lock.load(COURSE.root)
    named = {lock.image(name).reference for name in lab.images}
    objects = [*submission.resolve(COURSE, lab, "solution").manifests, *lab.setup("cafe0123")]
    assert set(re.findall(r"'image': '([^']+)'", str([m.document for m in objects]))) <= named
