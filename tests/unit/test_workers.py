"""Orders, and the processes that run them side by side."""

from __future__ import annotations

import errno
import io
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from kindlabs.course import Course
from kindlabs.errors import InfraError, UnreadableSubmission
from kindlabs.progress import Steps
from kindlabs.record import Record, Verdict, schema
from kindlabs.verifying import running
from kindlabs.verifying.cases import Case
from kindlabs.workers import engine, pool, process
from kindlabs.workers.order import Order

WORKER = """
import json, os, sys, time
for line in sys.stdin:
    order = json.loads(line)
    print("shown", order["submission"], file=sys.stderr, flush=True)
    if order["submission"] == "start":
        os._exit(7)
    if order["submission"] == "half":
        print("{", end="", flush=True)
        os._exit(9)
    time.sleep(SECONDS)
    print(json.dumps({"submission": order["submission"], "by": sys.argv[1]}), flush=True)
"""
Begun = list[subprocess.Popen[str]]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Begun]:
    """Makes every process one that answers after so many seconds, and dies of some orders; says which there were."""

    def instead(seconds: float) -> Begun:
        begin, made = subprocess.Popen, []

        def popen(words: list[str], **how: Any) -> subprocess.Popen[str]:
            made.append(begin([words[0], "-c", WORKER.replace("SECONDS", str(seconds)), words[-1]], **how))
            return made[-1]

        monkeypatch.setattr(pool.subprocess, "Popen", popen)
        return made

    return instead


def orders(course: Course, *words: str, **more: Any) -> list[Order]:
    """Orders for submissions of lab 07."""
    return [Order(course.lab("7"), word, **more) for word in words]


def run(course: Course, todo: list[Order], jobs: int, shown: io.StringIO | None = None) -> list[pool.Answer]:
    """What came, in the places of the orders."""
    with Steps(Console(file=shown or io.StringIO())) as steps:
        return sorted(pool.run(course.root, todo, jobs, steps), key=lambda answer: answer.place)


def test_a_process_that_dies_costs_one_run(course: Course, begun: Callable[[float], Begun]) -> None:
    """Its order has no verdict and says so, the next one gets another process, and what it shows is passed on."""
    begun(0)
    shown = io.StringIO()
    solution, start, half, mutant = run(course, orders(course, "solution", "start", "half", "wrong-selector"), 1, shown)
    assert (solution.record["submission"], mutant.record["submission"]) == ("solution", "wrong-selector")
    assert [came.record["verdict"] for came in (start, half)] == [Verdict.INFRA_ERROR, Verdict.INFRA_ERROR]
    assert "ended with code 7" in start.record["checks"][0]["observed"]
    assert "shown start" in shown.getvalue()


def test_a_run_that_does_not_end(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process ends itself, and the record says after how long; one that ends in time is left alone."""
    within = "from kindlabs.workers.process import bounded\nimport sys, time\nsys.stdin.readline()\n"
    program = within + "with bounded(60): pass\nwith bounded(0.1): time.sleep(60)"
    begin = subprocess.Popen
    monkeypatch.setattr(pool.subprocess, "Popen", lambda words, **how: begin([words[0], "-c", program], **how))
    (answer,) = run(course, orders(course, "solution"), 1)
    assert answer.record["checks"][0]["observed"] == "The run had not ended after 15 min 00 s."


def test_a_process_that_cannot_begin(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each order has a record that says what the machine lacks; nobody waits for ever."""

    def popen(*_: Any, **__: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(pool.subprocess, "Popen", popen)
    came = run(course, orders(course, "solution", "start"), 2)
    assert [answer.record["checks"][0]["observed"] for answer in came] == ["Too many open files."] * 2


@pytest.mark.parametrize(("nodes", "clusters"), [(1, 2), (3, 1)])
def test_clusters_of_several_nodes_are_not_side_by_side(
    nodes: int, clusters: int, course: Course, begun: Callable[[float], Begun]
) -> None:
    """Each node keeps a core busy: what needs several is left to one process, what needs one to all of them."""
    begun(0.1)
    roles = ", ".join(["{role: control-plane}"] * nodes)
    (course.root / "clusters" / "profiles" / "single.yaml").write_text(f"nodes: [{roles}]\n")
    todo = orders(course, *["solution"] * 8)
    assert len({answer.worker for answer in run(course, todo, 2)}) == clusters
    assert pool.side_by_side(todo, 2) == clusters


def test_an_interrupted_run_begins_nothing_more(course: Course, begun: Callable[[float], Begun]) -> None:
    """Whoever stops listening ends the process, and no further order gets one."""
    made = begun(0.2)
    todo = orders(course, *["solution"] * 20)
    with Steps(Console(file=io.StringIO())) as steps, closing(pool.run(course.root, todo, 1, steps)) as coming:
        next(coming)
    time.sleep(0.3)  # what is still to come would come now
    assert [process.poll() is not None for process in made] == [True]


@pytest.mark.parametrize(("jobs", "not_on", "by"), [(2, 1, 2), (2, 2, 1), (1, 1, 1)])
def test_an_order_goes_to_another_worker(
    jobs: int, not_on: int, by: int, course: Course, begun: Callable[[float], Begun]
) -> None:
    """Who is not to take an order does not, as long as somebody else can."""
    begun(0)
    (answer,) = run(course, orders(course, "solution", not_on=not_on), jobs)
    assert answer.worker == by


def test_an_order_is_read_as_it_was_written(course: Course) -> None:
    """Whose submission it is, what it is called and in which course its lab lies comes through."""
    order = Order(course.lab("7"), "/class/b\udcff", shown_as="anna", learner="Anna Alm")
    assert Order.read(order.as_line()) == order


def test_an_assertion_is_taken_away_in_a_course_of_its_own(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order for a case without an assertion names a lab whose validator lacks it, as long as the case runs."""
    seen = []

    def look(_root: Path, todo: list[Order], _jobs: int, _steps: Steps) -> Any:
        for place, order in enumerate(todo):
            seen.append("has_endpoints_of" in order.lab.validator.read_text())
            yield pool.Answer(place, 1, {})

    monkeypatch.setattr(pool, "run", look)
    todo = [Case(course.lab("7"), "wrong-selector"), Case(course.lab("7"), "wrong-selector", without=0)]
    with Steps(Console(file=io.StringIO())) as steps:
        assert [case for case, _ in running.run(course.root, todo, 1, steps)] == todo
    assert seen == [True, False]


def test_a_record_without_a_verdict_fits_the_schema(course: Course) -> None:
    """What could not be run counts every check, as every record does."""
    found = Record.without_verdict(course.lab("7"), "start", InfraError("gone", "again"))
    assert [(c.id, c.verdict, c.max_points) for c in found.checks] == [
        ("cluster", Verdict.INFRA_ERROR, 0),
        ("endpoints-match", Verdict.INFRA_ERROR, 10),
    ]


@pytest.mark.parametrize(
    ("message", "where", "why"),
    [
        ("anna/web.yaml:3:7: not YAML.", ("anna/web.yaml", 3), "not YAML."),
        ("anna/big.yaml: 3.0 MB; expected at most 1.0 MB.", ("anna/big.yaml", 1), "3.0 MB; expected at most 1.0 MB."),
        ("anna: more than 200 files.", ("anna", 1), "more than 200 files."),
        ("anna/a:b.yaml:3:7: not YAML.", ("anna", 1), "anna/a:b.yaml:3:7: not YAML."),
    ],
)
def test_files_that_cannot_be_read_are_a_finding(
    message: str, where: tuple[str, int], why: str, course: Course
) -> None:
    """They fail check `submission` at their file and line, everything else waits for it, and the sums are the lab's."""
    found = Record.unreadable(course.lab("7"), "anna", UnreadableSubmission(message, "Mend it.")).as_dict()
    jsonschema.validate(found, schema(), cls=jsonschema.Draft202012Validator)
    assert (found["verdict"], found["score"], found["max_score"]) == (Verdict.FAILED, 0, 10)
    assert [(check["id"], check["verdict"]) for check in found["checks"]] == [
        ("submission", Verdict.FAILED),
        ("endpoints-match", Verdict.BLOCKED),
    ]
    cause = found["checks"][0]["cause"]
    assert (cause["source"], cause["message"]) == ({"file": where[0], "line": where[1]}, why)


def test_a_process_tells_files_from_the_lab(course: Course, tmp_path: Path) -> None:
    """What a learner's files lack is hers, before any cluster is touched; what the lab lacks is the lab's."""
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "web.yaml").write_text("kind: [\n")
    order = Order(course.lab("7"), str(tmp_path / "anna"), shown_as="anna", learner="anna")
    found = process._answer(order, course.root, 1)
    assert (found.verdict, found.checks[0].observed.partition(":")[0]) == (Verdict.FAILED, "anna/web.yaml")
    (tmp_path / "anna" / "web.yaml").write_text("")
    (course.lab("7").root / "setup" / "note.yaml").write_text("kind: [\n")
    assert process._answer(order, course.root, 1).verdict is Verdict.LAB_ERROR


def test_the_engine_is_what_clusters_are_made_of(course: Course) -> None:
    """Whatever all labs share changes its digest; profiles and add-ons are in the digests of labs."""
    before = engine.digest(course.root)
    (course.root / "clusters" / "profiles" / "single.yaml").write_text("nodes: []\n")
    assert engine.digest(course.root) == before
    with (course.root / "clusters" / "images.lock.yaml").open("a") as lock:
        lock.write("# changed\n")
    assert engine.digest(course.root) != before
