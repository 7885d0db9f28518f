"""One `lab grade`: what is run, what is kept, what is tried again, and the gradebook that is made of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from rich.console import Console

from kindlabs.course import Course
from kindlabs.errors import InfraError, LabError, UnreadableSubmission, UsageError
from kindlabs.grading import Options, dry_run, grade, gradebook
from kindlabs.grading.learner import Learner
from kindlabs.grading.records import Records
from kindlabs.grading.session import Report
from kindlabs.grading.showing import show_class, show_report, told_of
from kindlabs.progress import Steps
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict
from kindlabs.workers import pool
from kindlabs.workers.order import Order

DIGEST = "sha256:" + "0" * 64
SOURCE = {"file": "anna/web.yaml", "line": 12}
Came = tuple[Report, list[str], str]
"""The report, whom a run was made for, and what was shown while it went."""


def result(verdict: Verdict, says: str = "Service web selects app=wbe.") -> dict[str, Any]:
    """The record of a run with one check."""
    points = 10 if verdict is Verdict.PASSED else 0
    check = CheckResult("endpoints-match", "It is so.", verdict, points, 10, observed="seen")
    check.cause = CauseRecord("SelectsNoPod", "Service web", says, SOURCE) if verdict is Verdict.FAILED else None
    lab = {"id": "07-names", "title": "Names", "digest": DIGEST}
    submission = {"path": "anna", "digest": DIGEST, "findings": []}
    return Record(lab, submission, "", checks=[check], seconds={"checks": 2.0}).as_dict()


@pytest.fixture
def class_(tmp_path: Path) -> Path:
    """A class of three."""
    for name in ("anna", "bert", "carl"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "web.yaml").write_text(f"# {name}\n")
    return tmp_path / "class"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the gradebook goes."""
    return tmp_path / "out"


Verdicts = Callable[[Order], Verdict]


@pytest.fixture
def graded(course: Course, class_: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Came]:
    """Grades the class with made-up verdicts."""

    def grade_it(verdict: Verdicts = lambda _: Verdict.PASSED, stop: int | None = None, **more: Any) -> Came:
        made: list[str] = []

        def run(_root: Path, orders: list[Order], _jobs: int, _steps: Steps) -> Iterator[pool.Answer]:
            for place, order in enumerate(orders):
                if len(made) == stop:
                    raise KeyboardInterrupt
                made.append(f"{order.learner}{'' if order.not_on is None else f' not on {order.not_on}'}")
                yield pool.Answer(place, 1, result(verdict(order)))

        monkeypatch.setattr(pool, "run", run)
        monkeypatch.setattr(pool, "prepare", lambda *_: None)
        shown = io.StringIO()
        options = Options("7", class_, out=out, jobs=2, **more)
        try:
            with Steps(Console(file=shown, width=300)) as steps:
                report = grade(course, options, steps, lambda _: False)
        except KeyboardInterrupt:
            report = Report(course.lab("7"))
        return report, made, shown.getvalue()

    return grade_it


def rows(out: Path) -> list[dict[str, str]]:
    """The gradebook as a spreadsheet reads it."""
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_everybody_has_a_record_and_a_row(graded: Callable[..., Came], course: Course, out: Path) -> None:
    """A record for each, with what it was made of; a row for each, with the first cause at its file and line."""
    report, made, shown = graded(lambda order: Verdict.FAILED if order.learner == "anna" else Verdict.PASSED)
    assert (report.exit_code, report.fresh, made) == (0, 3, ["anna", "bert", "carl"])
    record = json.loads((out / "records" / "anna" / "07-names.json").read_text())
    assert (record["learner"]["id"], record["lab"], record["tries"]) == ("anna", "07-names", 1)
    assert set(record["digests"]) == {"submission", "lab", "engine"}
    assert record["digests"]["lab"] == course.lab("7").digest
    assert record["result"]["verdict"] == "failed"
    anna, bert, _ = rows(out)
    assert anna == {
        **{"learner": "anna", "name": "", "email": "", "group": "", "submitted": "", "late": "", "lab": "07-names"},
        **{"score": "0", "max_score": "10", "verdict": "failed", "check": "endpoints-match"},
        **{"cause": "Service web selects app=wbe.", "at": "anna/web.yaml:12"},
    }
    assert (bert["score"], bert["verdict"], bert["cause"], bert["at"]) == ("10", "passed", "", "")
    assert json.loads((out / "gradebook.json").read_text())["rows"][0]["score"] == 0
    assert "✗ anna failed 0 of 10 (2.0 s); 1 of 3" in shown
    assert "2 running, " in shown
    assert "0 running, " in shown
    assert "a minute; 2 passed, 1 failed" in shown


def test_orders_name_the_learner(graded: Callable[..., Came], class_: Path) -> None:
    """The nonce is the learner's, the files are called by her id, and her folder is judged where it lies."""
    seen = []
    graded(lambda order: seen.append(order) or Verdict.PASSED)  # type: ignore[func-returns-value]
    assert [(one.learner, one.shown_as, one.submission) for one in seen][:1] == [("anna", "anna", str(class_ / "anna"))]


def test_the_same_command_goes_on(graded: Callable[..., Came], class_: Path, out: Path) -> None:
    """What was judged is remembered, whatever stopped it; what has changed is judged again, and nothing else."""
    _, made, _ = graded(stop=2)
    assert made == ["anna", "bert"]
    assert [row["learner"] for row in rows(out)] == ["anna", "bert"]
    assert graded()[1] == ["carl"]
    assert graded()[1] == []
    (class_ / "bert" / "web.yaml").write_text("# other\n")
    assert graded()[1] == ["bert"]
    assert [row["verdict"] for row in rows(out)] == ["passed"] * 3


@pytest.mark.parametrize("what", ["lab", "engine", "secret", "record"])
def test_what_a_verdict_comes_from(
    what: str, graded: Callable[..., Came], course: Course, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another lab, engine or nonce makes another verdict; a record that is torn is none."""
    monkeypatch.setenv("COURSE_SECRET", "one")
    graded()
    if what == "lab":
        (course.lab("7").root / "README.md").write_text("# other\n")
    elif what == "engine":
        with (course.root / "clusters" / "images.lock.yaml").open("a") as lock:
            lock.write("# other\n")
    elif what == "secret":
        monkeypatch.setenv("COURSE_SECRET", "two")
    else:
        (out / "records" / "anna" / "07-names.json").write_text('{"half')
    assert graded()[1] == (["anna"] if what == "record" else ["anna", "bert", "carl"])


def test_infra_error_is_tried_again_elsewhere(graded: Callable[..., Came], out: Path) -> None:
    """Once, on another worker, after everybody else; a verdict then is a verdict."""

    def verdict(order: Order) -> Verdict:
        return Verdict.INFRA_ERROR if order.learner == "anna" and order.not_on is None else Verdict.PASSED

    report, made, _ = graded(verdict)
    assert made == ["anna", "bert", "carl", "anna not on 1"]
    assert (report.exit_code, report.fresh) == (0, 4)
    assert json.loads((out / "records" / "anna" / "07-names.json").read_text())["tries"] == 2


@pytest.mark.parametrize("verdict", [Verdict.INFRA_ERROR, Verdict.LAB_ERROR])
def test_no_verdict_is_never_a_zero(verdict: Verdict, graded: Callable[..., Came], out: Path) -> None:
    """It has no score, is listed apart with what to do, ends with 3, and the next command runs it alone."""
    report, made, _ = graded(lambda order: verdict if order.learner == "bert" else Verdict.PASSED)
    assert made.count("bert not on 1") == (verdict is Verdict.INFRA_ERROR)
    assert report.exit_code == 3
    assert [(row["score"], row["verdict"]) for row in rows(out)][1] == ("", verdict)
    shown = io.StringIO()
    show_report(report, Console(file=shown, width=300))
    assert f"1 without a verdict ({verdict}): " in shown.getvalue()
    assert "then the same command again" in shown.getvalue()
    assert "bert: seen" in shown.getvalue()
    report, made, _ = graded()
    assert (report.exit_code, made) == (0, ["bert"])


def test_who_is_missing_is_in_the_gradebook(
    graded: Callable[..., Came], course: Course, tmp_path: Path, out: Path, class_: Path
) -> None:
    """Without a score; what was judged of her earlier stays; what comes later is judged."""
    (tmp_path / "roster.csv").write_text("id,name,group\nanna,Alm,A\nbert,Bo,A\ndora,=1+1,B\n")
    assert graded(roster=tmp_path / "roster.csv")[1] == ["anna", "bert"]
    found = {row["learner"]: (row["name"], row["score"], row["verdict"]) for row in rows(out)}
    assert found == {"anna": ("Alm", "10", "passed"), "bert": ("Bo", "10", "passed"), "dora": ("'=1+1", "", "missing")}
    (class_ / "bert" / "web.yaml").rename(class_ / "web.yaml")
    (class_ / "carl").rename(class_ / "dora")
    assert graded(roster=tmp_path / "roster.csv")[1] == ["dora"]
    assert [row["verdict"] for row in rows(out)] == ["passed"] * 3


def test_who_was_in_another_class_stays(graded: Callable[..., Came], class_: Path, out: Path) -> None:
    """Her record and her row are kept, and that she is not in this class is told."""
    graded()
    (class_ / "anna").rename(class_ / "Anna")
    report, made, _ = graded()
    assert (made, report.others) == (["Anna"], ["anna"])
    assert len(rows(out)) == 4
    shown = io.StringIO()
    show_report(report, Console(file=shown, width=300))
    assert "in the gradebook, and not in this class: anna: delete their records" in shown.getvalue()


def test_who_somebody_is_may_change(graded: Callable[..., Came], tmp_path: Path, out: Path) -> None:
    """A name that was corrected is in the gradebook without a run."""
    graded()
    (tmp_path / "roster.csv").write_text("id,name\nanna,Alm\nbert,\ncarl,\n")
    assert graded(roster=tmp_path / "roster.csv")[1] == []
    assert rows(out)[0]["name"] == "Alm"


def test_files_that_cannot_be_read_are_graded(graded: Callable[..., Came], class_: Path, out: Path) -> None:
    """An archive that is refused is a failed submission, without a run; the record fits what reports expect."""
    (class_ / "dora.zip").write_bytes(b"nothing")
    report, made, _ = graded()
    assert (report.exit_code, "dora" in made) == (0, False)
    dora = rows(out)[-1]
    assert (dora["learner"], dora["score"], dora["max_score"]) == ("dora", "0", "10")
    assert (dora["verdict"], dora["check"]) == ("failed", "submission")
    assert (dora["cause"], dora["at"]) == ("it cannot be unpacked: File is not a zip file.", "dora.zip:1")


def test_a_dry_run_leaves_nothing_behind(
    course: Course, class_: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows who would be judged and what did not fit, and neither runs nor writes anything."""
    monkeypatch.setattr(pool, "run", None)
    (class_ / "x\x1b.txt").write_text("")
    intake, items = dry_run(course, Options("7", class_, out=out))
    shown = io.StringIO()
    show_class(intake, items, Console(file=shown, width=200))
    assert [line.split()[0] for line in shown.getvalue().splitlines()[1:4]] == ["anna", "bert", "carl"]
    assert shown.getvalue().count("to be judged") == 3
    assert r"x\x1b.txt: a file of nobody: passed over" in shown.getvalue()
    assert not out.exists()


def test_a_dry_run_says_what_is_left_to_do(
    graded: Callable[..., Came], course: Course, class_: Path, out: Path
) -> None:
    """Who was judged, and has changed nothing since, would not be judged again."""
    graded()
    (class_ / "bert" / "web.yaml").write_text("# other\n")
    (class_ / "dora.zip").write_bytes(b"")
    shown = io.StringIO()
    show_class(*dry_run(course, Options("7", class_, out=out)), Console(file=shown, width=200))
    what = [line.split()[2:4] for line in shown.getvalue().splitlines()[1:5]]
    assert what == [["judged", "already"], ["to", "be"], ["judged", "already"], ["cannot", "be"]]


def test_the_same_of_many_is_one_line(course: Course, tmp_path: Path, out: Path) -> None:
    """Of a class of hundreds in zips with a folder in them, nobody reads hundreds of lines."""
    for number in range(300):
        (tmp_path / "big" / f"{number:03}" / "07").mkdir(parents=True)
        (tmp_path / "big" / f"{number:03}" / "07" / "web.yaml").write_text("")
    intake, _ = dry_run(course, Options("7", tmp_path / "big", out=out))
    assert told_of(intake) == [
        "  ! 000, 001, 002, 003, 004 and 295 more: one folder, and nothing beside it: taken as the submission",
        "300 submissions.",
    ]


def test_one_writes_at_a_time(graded: Callable[..., Came], out: Path) -> None:
    """A second grading into the same folder says so, and touches nothing."""
    out.mkdir()
    with FileLock(out / ".lock"), pytest.raises(UsageError, match="another lab grade writes there"):
        graded()
    (out / ".lock").unlink()
    out.rmdir()
    out.write_text("")
    with pytest.raises(UsageError, match="it is no folder"):
        graded()


def test_a_lab_that_cannot_be_read(graded: Callable[..., Came], course: Course, out: Path) -> None:
    """It is told before the class is touched."""
    validator = course.lab("7").validator
    validator.write_text(validator.read_text().replace("lab.service", "lab.servise"))
    with pytest.raises(LabError, match="Did you mean service"):
        graded()
    assert not out.exists()


def test_labs_one_after_the_other_make_one_gradebook(course: Course, out: Path) -> None:
    """The gradebook is of all records that there are, learner by learner."""
    records = Records(out)
    for name in ("bert", "anna"):
        records.put(Learner(name), course.lab("7"), {}, result(Verdict.PASSED), 1)
    (out / "records" / "anna" / "08-x.json").write_text(
        json.dumps({**(records.get(Learner("anna"), course.lab("7")) or {}), "lab": "08-x"})
    )
    gradebook.write(out, records.all())
    assert [(row["learner"], row["lab"]) for row in rows(out)] == [
        *[("anna", "07-names"), ("anna", "08-x"), ("bert", "07-names")]
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *[("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), (" \t=1", "'=1")],
        *[("\uff1d1", "'\uff1d1"), ("a=1", "a=1"), ("a\n=1", "a =1"), ("a\x1b[2J\u202e", "a\\x1b[2J\\u202e")],
        *[(-1, -1), (None, ""), (True, "yes"), (False, ""), ("\x00=1", "\\x00=1")],
    ],
)
def test_a_cell_is_text(value: Any, shown: Any) -> None:
    """What a spreadsheet would run is text, on one line, without what a terminal obeys; a number stays a number."""
    assert gradebook.cell(value) == shown


def test_a_record_is_whole_or_not_there(course: Course, out: Path) -> None:
    """Half a surrogate pair in a cause is no reason for a record to be missing."""
    records, lab = Records(out), course.lab("7")
    error = UnreadableSubmission("a\udcff.yaml:3:1: no.", "")
    records.put(Learner("anna"), lab, {}, Record.unreadable(lab, "anna", error).as_dict(), 1)
    assert next(iter(records.all()))["result"]["checks"][0]["cause"]["source"]["line"] == 3
    assert [path.name for path in (out / "records" / "anna").iterdir()] == ["07-names.json"]
    without = Record.without_verdict(lab, "anna", InfraError("gone", "again")).as_dict()
    assert gradebook.row(records.put(Learner("anna"), lab, {}, without, 1))["cause"] == "gone"
