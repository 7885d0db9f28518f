"""A validator in somebody's own run of pytest: what is selected, what is said, and how verdicts become results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
