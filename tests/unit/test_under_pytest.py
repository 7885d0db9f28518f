"""A validator in somebody's own run of pytest: what is selected, what is said, and how verdicts become results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kindlabs.course import Course
from kindlabs.record import CauseRecord, CheckResult, Verdict
from kindlabs.under_pytest import results_of

VALIDATOR = '''
from kindlabs import check

@check(points=4)
def test_pods_ready(lab):
    """Ready."""
    lab.deployment("web").has_ready_replicas(2)

@check(points=3, needs=[test_pods_ready])
def test_answers(lab):
    """Answers."""
    lab.service("web").answers("/", times=1)

@check(points=3)
def test_other(lab):
    """Other."""
    assert lab.nonce
'''


@pytest.fixture
def collect(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Collects a course's validator under pytest."""
    for name in ("labs", "fixtures", "clusters", "validators"):
        pytester.mkdir(name)
    file = pytester.path / "validators" / "test_07_names.py"

    def run(text: str, *words: str) -> pytest.RunResult:
        file.write_text(text)
        return pytester.runpytest_subprocess("-q", "--collect-only", "-p", "no:cacheprovider", *words)

    return run


def test_what_is_selected_brings_what_it_needs(collect: Callable[..., pytest.RunResult]) -> None:
    """By its name or by its node, a check comes with what has to pass first; nothing else does."""
    for words in (["validators", "-k", "answers"], ["validators/test_07_names.py::test_answers"]):
        said = collect(VALIDATOR, *words).stdout.str()
        assert said.index("::test_pods_ready") < said.index("::test_answers")
        assert "::test_other" not in said


def test_a_mistake_is_one_sentence_here_too(collect: Callable[..., pytest.RunResult]) -> None:
    """A word that there is not ends the collection with file, line and the nearest name, and no traceback."""
    said = collect(VALIDATOR.replace("lab.service", "lab.servise"), "validators").stdout.str()
    assert "test_07_names.py:12: Lab has no attribute 'servise'. Did you mean service?" in said
    assert "Traceback" not in said
    assert "_pytest" not in said


def test_other_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    """A folder of that name outside of a course is no course's."""
    pytester.mkdir("validators")
    (pytester.path / "validators" / "test_it.py").write_text("def test_it():\n    assert True\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("verdict", "phase", "outcome", "said"),
    [
        (Verdict.PASSED, "call", "passed", ""),
        (Verdict.FAILED, "call", "failed", "It selects nothing."),
        (Verdict.BLOCKED, "setup", "skipped", "waits for others"),
        (Verdict.LAB_ERROR, "setup", "failed", "waits for others"),
        (Verdict.INFRA_ERROR, "setup", "failed", "waits for others"),
    ],
)
def test_verdicts_become_results(verdict: Verdict, phase: str, outcome: str, said: str, tmp_path: Path) -> None:
    """Failed fails, blocked is skipped, and where lab or machine broke it is an error, with points and cause."""
    result = CheckResult("x", "It is so.", verdict, 0, 2, seconds=1.5, observed="waits for others")
    if verdict is Verdict.FAILED:
        result.cause = CauseRecord("SelectsNoPod", "Service web", "It selects nothing.")
    found = {report.when: report for report in results_of("v.py::test_x", ("v.py", 3, "test_x"), result)}
    report = found[phase]
    assert (report.outcome, report.duration) == (outcome, 1.5)
    assert said in str(report.longrepr)
    assert ("points", "0/2") in report.user_properties
    assert ("verdict", str(verdict)) in report.user_properties
    assert (("reason", "SelectsNoPod") in report.user_properties) == (verdict is Verdict.FAILED)
    assert "teardown" in found


WITHOUT_A_CLUSTER = """
from contextlib import nullcontext
from types import SimpleNamespace

import kindlabs.under_pytest as room
from kindlabs.plugin import ChecksPlugin
from kindlabs.record import CheckResult, Record, Verdict


class Run:
    def __init__(self, lab, handed_in, cluster, setup, fresh, steps, listener, kubectl):
        self.lab, self.listener = lab, listener

    def judge(self):
        record = Record({}, {}, "", listener=self.listener)
        record.add(CheckResult.without_points("submission", "The files are sound.", Verdict.FAILED))
        seen = SimpleNamespace(asserted=0, nonce="a1")
        self.checks_by(self.lab.validator, ChecksPlugin(seen, lambda *_: None, lambda _blames: None, record))


room.Run = Run
room.lease = lambda *_args, **_options: nullcontext()
room.learners_kubectl = lambda *_args: "kubectl"
"""
CHECKS = '''
from kindlabs import check

@check(points=2)
def test_first(lab):
    """A."""
    assert lab.nonce == "b2"

@check(points=2, needs=[test_first])
def test_second(lab):
    """B."""
    assert lab.nonce

@check(points=3)
def test_third(lab):
    """C."""
    assert lab.nonce == "a1"

@check(points=3)
def test_fourth(lab):
    """D."""
    {}["x"]
'''


@pytest.mark.parametrize(
    ("words", "outcomes", "sum_"),
    [
        ([], {"passed": 1, "failed": 2, "skipped": 1, "errors": 1}, "assert 'a1' == 'b2'"),
        (["-k", "third"], {"passed": 1, "failed": 1, "deselected": 3}, "1 passed"),
        (["-x", "-k", "first or third"], {"failed": 1, "deselected": 2}, "stopping after 1 failures"),
    ],
)
def test_a_run_of_somebody_elses(
    course: Course, pytester: pytest.Pytester, words: list[str], outcomes: dict[str, int], sum_: str
) -> None:
    """Each check is one result, what a run has beside them is one when it did not pass, and pytest's options hold."""
    course.lab("7").validator.write_text(CHECKS)
    (course.root / "conftest.py").write_text(WITHOUT_A_CLUSTER)
    validator = str(course.lab("7").validator)
    ran = pytester.runpytest_subprocess(validator, "-p", "no:cacheprovider", "--submission", "solution", *words)
    ran.assert_outcomes(**outcomes)
    assert sum_ in ran.stdout.str()


def test_no_such_submission_is_one_sentence(course: Course, pytester: pytest.Pytester) -> None:
    """What there is not is told as lab check tells it, before any cluster is touched."""
    course.lab("7").validator.write_text(CHECKS)
    validator = str(course.lab("7").validator)
    ran = pytester.runpytest_subprocess(validator, "-p", "no:cacheprovider", "--submission", "solutoin")
    assert "There is no submission 'solutoin'" in ran.stderr.str()
    assert ran.ret == pytest.ExitCode.USAGE_ERROR
