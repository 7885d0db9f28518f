"""What `lab verify` runs, what it holds against a lab, and how it tells it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console

from kindlabs import verifying
from kindlabs.course import Course
from kindlabs.errors import LabError, UsageError
from kindlabs.progress import Steps
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict
from kindlabs.verifying import Options, cases, judging, reports
from kindlabs.verifying import proving as room
from kindlabs.verifying.assertions import assertions_of, course_without
from kindlabs.verifying.cases import Case
from kindlabs.verifying.kept import Kept
from kindlabs.verifying.proving import Report

ROOT = Path(__file__).parents[2]
SAYS = "Service web selects app=wbe."
SOURCE = {"file": "wrong-selector/web.yaml", "line": 12}
SECOND = '''

@check(points=0)
def test_more(lab):
    """More."""
    lab.pod("a").answers("/", port=80)
    lab.pod("b").answers("/", port=80)
    lab.pod("b").exits(code=1, port=80)
    first = lab.pod("c").restarts
'''


def record(verdict: Verdict, check: str = "endpoints-match", says: str = SAYS, **changes: Any) -> dict[str, Any]:
    """The record of a run with one check."""
    cause = CauseRecord("SelectsNoPod", "Service web", says, changes.pop("source", SOURCE))
    passed = verdict is Verdict.PASSED
    points = changes.pop("points", 10 if passed else 0)
    result = CheckResult(check, "It is so.", verdict, points, 10, observed="seen", next_step="look")
    result.cause = None if passed or changes.pop("mute", False) else cause
    return Record({}, {}, "", checks=[result], seconds={"cluster": 9.0, "checks": 2.0}).as_dict()


def case(course: Course, word: str) -> Case:
    """One case of lab 07."""
    return next(case for case in cases.cases_of(course.lab("7")) if case.word == word)


def test_cases_are_all_that_a_lab_has(course: Course) -> None:
    """Every solution, the start and every mutant are run, the solution first."""
    (course.lab("7").fixtures / "solution-by-hand").mkdir()
    assert [case.name for case in cases.cases_of(course.lab("7"))] == [
        *("07 solution", "07 solution-by-hand", "07 start"),
        "07 wrong-selector",
    ]


def test_shards_are_the_whole_without_overlap(course: Course) -> None:
    """Each case is in one shard."""
    found = cases.cases_of(course.lab("7"))
    parts = [cases.shard(found, f"{part}/2") for part in (1, 2)]
    assert sorted(case.word for part in parts for case in part) == sorted(case.word for case in found)


@pytest.mark.parametrize("said", ["0/2", "3/2", "2", "a/b", "1/"])
def test_a_shard_that_is_none(course: Course, said: str) -> None:
    """Anything but i/n says how it is written."""
    with pytest.raises(UsageError, match="expected i/n"):
        cases.shard([], said)


def test_rotation_comes_round(course: Course) -> None:
    """Within a few days every case has been, and the same day draws the same."""
    found = [replace(one, turn=turn) for turn in range(3) for one in cases.cases_of(course.lab("7"))]
    days = [cases.in_rotation(found, 4, day) for day in range(100, 103)]
    assert {(one.word, one.turn) for day in days for one in day} == {(one.word, one.turn) for one in found}
    assert [one.name for one in days[0]] == [one.name for one in cases.in_rotation(found, 4, 100)]
    assert cases.in_rotation([], 4, 1) == []


@pytest.mark.parametrize(
    ("word", "came", "fault"),
    [
        ("solution", record(Verdict.PASSED), ""),
        ("solution", record(Verdict.FAILED), f"it does not pass: endpoints-match failed: {SAYS}"),
        ("start", record(Verdict.FAILED), ""),
        ("start", record(Verdict.PASSED), "the untouched start passes"),
        ("start", record(Verdict.FAILED, points=1), "the untouched start scores 1; lab.yaml allows it 0"),
        ("start", record(Verdict.FAILED, mute=True), "endpoints-match fails without a cause"),
        ("wrong-selector", record(Verdict.FAILED), ""),
        ("wrong-selector", record(Verdict.PASSED), "it passes; expected endpoints-match to fail"),
        ("wrong-selector", record(Verdict.FAILED, "other"), "expected endpoints-match to fail first; other failed"),
        ("wrong-selector", record(Verdict.BLOCKED), "expected endpoints-match to fail first"),
        ("wrong-selector", record(Verdict.FAILED, says="Else."), f"expected: {SAYS}\nit says:  Else."),
        ("wrong-selector", record(Verdict.FAILED, source=None), "no file and line"),
        ("wrong-selector", record(Verdict.FAILED, mute=True), "without a cause; it observed: seen"),
        ("wrong-selector", record(Verdict.LAB_ERROR), "no verdict: endpoints-match lab_error"),
        ("solution", record(Verdict.INFRA_ERROR), "no verdict: endpoints-match infra_error"),
    ],
)
def test_each_is_held_to_what_it_is(course: Course, word: str, came: dict[str, Any], fault: str) -> None:
    """A solution passes, a start does not, and a mutant fails first on its check, with its sentence and its line."""
    outcome = judging.judge(case(course, word), came)
    assert bool(outcome.faults) == bool(fault)
    assert all(fault in said for said in outcome.faults)
    assert outcome.seconds == 2.0


def test_a_start_may_score_what_its_lab_says(course: Course) -> None:
    """What lab.yaml allows is no fault."""
    lab = replace(course.lab("7"), start_points=2)
    assert judging.judge(Case(lab, "start"), record(Verdict.FAILED, points=2)).faults == []


def test_a_check_that_nothing_kills(course: Course) -> None:
    """It is a fault until a mutant fails there first or mutants.yaml says why none does; an idle excuse is one, too."""
    lab = course.lab("7")
    lab.validator.write_text(lab.validator.read_text() + SECOND)
    assert judging.unkilled(lab) == [
        "no mutant fails more first: write one, or say why under `unkilled` in fixtures/07-names/mutants.yaml"
    ]
    mutants = lab.fixtures / "mutants.yaml"
    text = mutants.read_text()
    mutants.write_text(text + "unkilled: {more: Nothing can.}\n")
    assert judging.unkilled(lab) == []
    mutants.write_text(text + "unkilled: {more: Nothing can., endpoints-match: Nothing can., mor: It.}\n")
    misspelt, idle = judging.unkilled(lab)
    assert "names check mor, which the validator has not. Did you mean more?" in misspelt
    assert "nothing fails endpoints-match first, but a mutant does" in idle


def test_two_verdicts_are_one_too_many(course: Course) -> None:
    """Runs of one submission that differ in any check are told, whatever was expected; no verdict is no difference."""
    one = case(course, "start")
    runs = [record(Verdict.FAILED), record(Verdict.INFRA_ERROR), record(Verdict.PASSED)]
    (said,) = judging.differing(judging.judge(replace(one, turn=turn), came) for turn, came in enumerate(runs))
    assert said == "07 start: two runs differ: endpoints-match failed, then passed"


def test_results_are_kept_until_something_changes(course: Course) -> None:
    """A change of the lab, another turn or another word has none of the results before."""
    one, came = case(course, "start"), record(Verdict.FAILED)
    Kept(course.root).put(one, came)
    assert Kept(course.root).get(one) == came
    assert Kept(course.root).get(replace(one, turn=2)) is None
    assert Kept(course.root).get(replace(one, without=0)) is None
    (one.lab.root / "README.md").write_text("# changed\n")
    assert Kept(course.root).get(Case(course.lab("7"), "start")) is None
    (one.lab.root / "README.md").write_text("# 07\n")
    assert Kept(course.root).get(Case(course.lab("7"), "start")) == came
    with (course.root / "clusters" / "images.lock.yaml").open("a") as file:
        file.write("# changed\n")
    assert Kept(course.root).get(Case(course.lab("7"), "start")) is None


def test_results_are_of_one_version_of_kubernetes(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was proven on one version says nothing of another; naming the default is asking for nothing."""
    shutil.copy(ROOT / "clusters" / "images.lock.yaml", course.root / "clusters")
    monkeypatch.delenv("KUBERNETES", raising=False)
    one, came = case(course, "start"), record(Verdict.FAILED)
    Kept(course.root).put(one, came)
    monkeypatch.setenv("KUBERNETES", "1.37")
    assert Kept(course.root).get(one) is None
    monkeypatch.setenv("KUBERNETES", "1.36")
    assert Kept(course.root).get(one) == came


def test_assertions_are_taken_away_one_by_one(course: Course) -> None:
    """Each statement that expects something is one; without it the rest of the validator is what it was."""
    lab = course.lab("7")
    lab.validator.write_text(lab.validator.read_text() + SECOND)
    found = assertions_of(lab)
    assert [(one.check, one.text) for one in found] == [
        ("endpoints-match", "lab.service('web').has_endpoints_of(lab.deployment('web'))"),
        ("more", "lab.pod('a').answers('/', port=80)"),
        ("more", "lab.pod('b').answers('/', port=80)"),
    ]
    with course_without(lab, 2) as changed:
        text = changed.lab("7").validator.read_text()
        assert "lab.pod('a')" in text
        assert "lab.pod('b').answers" not in text
        assert [case.word for case in cases.cases_of(changed.lab("7"))] == ["solution", "start", "wrong-selector"]


Answers = Callable[[Case], dict[str, Any]]


@pytest.fixture
def verify(course: Course, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Report, list[str]]]:
    """Verifies the course with made-up answers; says also which runs were made."""

    def verify_it(answer: Answers, **options: Any) -> tuple[Report, list[str]]:
        made: list[str] = []

        def run(_root: Path, todo: list[Case], _jobs: int, _steps: Steps) -> Iterator[tuple[Case, dict[str, Any]]]:
            for one in todo:
                made.append(f"{one.word} {one.turn}")
                yield one, answer(one)

        monkeypatch.setattr(room, "run", run)
        monkeypatch.setattr(room, "prepare", lambda *_: None)
        with Steps(Console(file=io.StringIO())) as steps:
            return verifying.verify(course, Options(**options), steps, lambda _: False), made

    return verify_it


def right(one: Case) -> dict[str, Any]:
    """What should come."""
    return record(Verdict.PASSED if one.word == "solution" else Verdict.FAILED)


def test_it_goes_on_where_it_was(verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """What had a verdict is remembered, what had none is run again, and --again forgets everything."""

    def broken(one: Case) -> dict[str, Any]:
        return record(Verdict.INFRA_ERROR) if one.word == "start" else right(one)

    report, made = verify(broken)
    assert (report.exit_code, made) == (3, ["solution 1", "start 1", "wrong-selector 1"])
    report, made = verify(right)
    assert (report.exit_code, report.fresh, made) == (0, 1, ["start 1"])
    report, made = verify(right, again=True, repeat=2)
    assert (report.exit_code, len(made)) == (0, 6)


def test_a_difference_is_a_fault(verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """A run that differs from the one before makes the whole fail."""
    report, _ = verify(
        lambda one: record(Verdict.PASSED if one.turn == 2 else Verdict(right(one)["verdict"])), repeat=2
    )
    assert report.exit_code == 1
    assert any("two runs differ" in fault for fault in report.of_labs["07-names"])


def test_a_useless_assertion_is_told(course: Course, verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """An assertion without which the mutants of its check fail as before is named with its line."""
    lab = course.lab("7")
    more = '    lab.service("web").answers("/", times=1)\n'
    lab.validator.write_text(lab.validator.read_text() + more)

    def answer(one: Case) -> dict[str, Any]:
        return record(Verdict.PASSED) if one.without == 0 else right(one)

    report, _ = verify(answer, assertions=True)
    assert report.of_labs["07-names"] == [
        "validators/test_07_names.py:8: no mutant notices when this is gone: lab.service('web').answers('/', times=1)"
    ]
    assert report.exit_code == 1


def test_an_assertion_of_which_nobody_knows(course: Course, verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """A run that came to no verdict shows neither that an assertion is needed nor that it is not."""
    lab = course.lab("7")
    lab.validator.write_text(lab.validator.read_text() + '    lab.service("web").answers("/", times=1)\n')
    report, _ = verify(lambda one: right(one) if one.without is None else record(Verdict.INFRA_ERROR), assertions=True)
    assert (report.exit_code, report.of_labs["07-names"]) == (3, [])


def test_only_what_changed(course: Course, verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """Since a revision: a lab's own files mean this lab, the engine's all of them, a page none."""
    git = ["git", "-C", str(course.root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *words], check=True)
    assert verify(right, changed="HEAD")[1] == []
    (course.root / "README.md").write_text("a page\n")
    assert verify(right, changed="HEAD")[1] == []
    assert len(verify(right, changed="HEAD", rotate=2)[1]) == 2
    (course.lab("7").solution / "more.yaml").write_text("---\n")
    assert len(verify(right, changed="HEAD")[1]) == 3
    with pytest.raises(UsageError, match="--changed: "):
        verify(right, changed="no-such-revision")


def test_a_mistake_costs_no_cluster(course: Course, verify: Callable[..., tuple[Report, list[str]]]) -> None:
    """A validator or a mutant that cannot be read is told before anything runs."""
    lab = course.lab("7")
    text = lab.validator.read_text()
    lab.validator.write_text(text.replace("lab.service", "lab.servise"))
    with pytest.raises(LabError, match="Did you mean service"):
        verify(right)
    lab.validator.write_text(text)
    mutants = lab.fixtures / "mutants.yaml"
    mutants.write_text(mutants.read_text().replace("Service/web", "Service/wbe"))
    with pytest.raises(LabError, match=r"mutants\.yaml:\d+"):
        verify(right)


@pytest.fixture
def report(course: Course) -> Report:
    """One run as it should be, one fault, one without a verdict, and something about the lab."""
    outcomes = [
        judging.judge(case(course, "solution"), record(Verdict.PASSED)),
        judging.judge(case(course, "start"), record(Verdict.INFRA_ERROR)),
        judging.judge(case(course, "wrong-selector"), record(Verdict.PASSED), remembered=True),
    ]
    return Report(outcomes, {"07-names": ["no mutant fails more first"]}, fresh=2, seconds=30)


def test_every_report_says_the_same(report: Report) -> None:
    """Table, Markdown, JSON and JUnit count the runs and name each fault."""
    out = io.StringIO()
    reports.show(report, Console(file=out, width=200))
    for text in (out.getvalue(), reports.markdown(report)):
        assert "1 of 1" in text
        assert "0 of 1" in text
        assert "07 wrong-selector: it passes; expected endpoints-match to fail" in text
        assert "3 not as it should be; 2 runs in 30 s, 4.0 a minute; 1 remembered" in text
    body = json.loads(reports.as_json(report))
    assert (body["exit_code"], body["runs_per_minute"]) == (3, 4.0)
    assert [run["faults"] == [] for run in body["labs"][0]["runs"]] == [True, False, False]
    (suite,) = ElementTree.fromstring(reports.junit(report))
    assert suite.attrib.items() >= {"name": "07-names", "tests": "4", "failures": "2", "errors": "1"}.items()
    assert [case.get("name") for case in suite] == ["solution", "start", "wrong-selector", "the lab as a whole"]


def test_the_gravest_counts(report: Report) -> None:
    """No verdict outweighs a fault, a fault what is right."""
    assert report.exit_code == 3
    report.outcomes.pop(1)
    assert report.exit_code == 1
    report.outcomes.pop()
    assert report.exit_code == 1
    report.of_labs = {"07-names": []}
    assert report.exit_code == 0
