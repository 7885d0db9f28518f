"""What a learner reads: each check on a line, and under a failure what, where, and what next."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kindlabs.board import Board
from kindlabs.errors import NO_REGISTRY, OWN_FAULT
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict

DIGEST = "sha256:" + "0" * 64


def show(*checks: CheckResult) -> str:
    """The board of a run with these checks."""
    text = io.StringIO()
    board = Board(Console(file=text, width=200), again="make check LAB=03")
    for check in checks:
        board.check(check)
    board.close(Record({}, {}, "", checks=list(checks), seconds={"checks": 4.1}))
    return text.getvalue()


def test_a_failure_says_what_where_and_what_next() -> None:
    """A failed check shows cause, place, expected, observed and the next command, each on a line."""
    cause = CauseRecord(
        "SelectsNoPod", "Service lab-03/web", "Service web selects [nothing].", {"file": "a.yaml", "line": 7}
    )
    text = show(
        CheckResult(
            "service-answers", "It answers.", Verdict.FAILED, 0, 1, 1, "an answer", "refused", cause, "kubectl get x"
        )
    )
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0].startswith("✗ service-answers")
    assert "0/1" in lines[0]
    assert lines[1] == "Service web selects [nothing]."
    for row in ("where     a.yaml:7", "expected  an answer", "observed  refused", "next      kubectl get x"):
        assert row in lines


def test_a_blocked_check_names_what_it_waits_for() -> None:
    """A blocked check is one dim line that says why."""
    text = show(CheckResult("b", "B.", Verdict.BLOCKED, 0, 2, observed="waits for a"))
    assert "B.  (waits for a)" in text


def test_overflow_hangs_in_its_colours() -> None:
    """On a narrow terminal a long title goes on under itself, as dim as it began; names are not broken."""
    text = io.StringIO()
    title = "Requests to the address of the Service are answered by each of its Pods."
    waits = CheckResult("blocked", title, Verdict.BLOCKED, 0, 1, observed="waits for ingress-routes")
    Board(Console(file=text, width=80, force_terminal=True, color_system="standard"), again="").check(waits)
    first, *rest = text.getvalue().splitlines()
    assert "\x1b[2mRequests to" in first
    assert all(line.startswith(" " * 30 + "\x1b[2m") for line in rest)
    assert any("ingress-routes)" in line for line in rest)


def test_the_end_says_points_and_what_to_run_again() -> None:
    """The last lines have the sum, the time and the command; a pass asks for nothing more."""
    passed = CheckResult("a", "A.", Verdict.PASSED, 2, 2)
    failed = CheckResult("b", "B.", Verdict.FAILED, 0, 3, observed="x")
    assert "Not there yet  2 of 5 points · 4.1 s" in show(passed, failed)
    assert "again     make check LAB=03" in show(passed, failed)
    assert "again" not in show(passed)


def test_our_own_faults_count_against_nobody() -> None:
    """An infrastructure error says that it is none of the learner's."""
    text = show(CheckResult("a", "A.", Verdict.INFRA_ERROR, 0, 2, observed="node gone"))
    assert "nothing of this counts against you" in text


def test_several_findings_have_a_line_each() -> None:
    """A text of several lines keeps them, under its label."""
    text = show(CheckResult("submission", "S.", Verdict.FAILED, 0, 0, observed="a.yaml:1: one\nb.yaml:2: two"))
    assert "observed  a.yaml:1: one\n" in text
    assert "\n                b.yaml:2: two\n" in text


@pytest.mark.parametrize("width", [20, 80])
@pytest.mark.parametrize("text", ["a\tb " * 30, "\x1b[2Jred", "[red]x[/blue] [", "🧀" * 60, "x" * 50_000, "a\r\nb\x00"])
def test_any_text_is_shown(text: str, width: int) -> None:
    """Tabs, control sequences, markup, wide characters and long words are text, on the narrowest terminal too."""
    shown = io.StringIO()
    console = Console(file=shown, width=width, force_terminal=True, color_system=None)
    cause = CauseRecord("Reason", text, text, {"file": text, "line": 1}, [text])
    Board(console, again=text).open(text, text)
    Board(console, again=text).check(CheckResult("a", text, Verdict.FAILED, 0, 1, 0, text, text + "!", cause, text))
    assert not set(shown.getvalue()) & set("\x1b\t\r\x00")
    assert text.startswith("[") is ("[red]x[/blue] [" in shown.getvalue())


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (Verdict.PASSED, "All checks passed  2 of 2 points"),
        (Verdict.FAILED, "Not there yet: every check of the task passed, but not all is sound  2 of 2 points"),
        (Verdict.INFRA_ERROR, "No verdict: cluster or machine broke; nothing of this counts against you  4.1 s"),
        (Verdict.LAB_ERROR, "No verdict: the lab itself is broken; nothing of this counts against you  4.1 s"),
    ],
)
def test_no_verdict_is_no_score(verdict: Verdict, says: str) -> None:
    """Points are told where there is a verdict; a file that is not sound costs none, and is said to be the reason."""
    beside = CheckResult.without_points("submission", "The files are sound.", verdict)
    assert says in show(CheckResult("a", "A.", Verdict.PASSED, 2, 2), beside)


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (f"{OWN_FAULT}: KeyError: 'x'", "No verdict: kind-labs itself stumbled; nothing of this counts against you"),
        (f"{NO_REGISTRY} a:1 now: EOF.", "No verdict: a registry gave no answer; nothing of this counts against you"),
        ("node gone", "No verdict: cluster or machine broke; nothing of this counts against you"),
    ],
)
def test_no_verdict_says_who_broke(evidence: str, says: str) -> None:
    """A bug of ours, or a registry, is not called a broken cluster."""
    assert says in show(CheckResult("a", "A.", Verdict.INFRA_ERROR, 0, 2, observed=evidence))
