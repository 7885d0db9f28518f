"""What a terminal shows of a run: each check as it comes, with the first broken link under what failed."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.text import Text

from kindlabs.errors import NO_REGISTRY, OWN_FAULT
from kindlabs.progress import duration
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.terminal import printable
from kindlabs.typed import here

MARKS = {
    Verdict.PASSED: ("✓", "green"),
    Verdict.FAILED: ("✗", "bold red"),
    Verdict.BLOCKED: ("·", "dim"),
    Verdict.LAB_ERROR: ("!", "bold yellow"),
    Verdict.INFRA_ERROR: ("!", "bold yellow"),
}
ID_WIDTH, LABEL_WIDTH, INDENT = 20, 10, 6
NARROWEST = 60


class Board:
    """Prints one run.

    Args:
        console: where; colours only where it is a terminal.
        again: the command that runs the same check again.
    """

    def __init__(self, console: Console, again: str) -> None:
        self._console, self._again = console, again

    def open(self, title: str, where: str) -> None:
        """The head: lab, submission, cluster."""
        self._line(Text(printable(title), style="bold"))
        self._line(Text(printable(where), style="dim"))
        self._line(Text(""))

    def check(self, result: CheckResult) -> None:
        """One check; checks of no points are shown only when they did not pass."""
        if result.max_points == 0 and result.verdict == Verdict.PASSED:
            return
        mark, style = MARKS[result.verdict]
        points = f"{result.points}/{result.max_points}" if result.max_points else ""
        blocked = f"  ({result.observed})" if result.verdict == Verdict.BLOCKED else ""
        line = Text.assemble("  ", (mark, style), " ", (f"{result.id:<{ID_WIDTH}}", style), f"{points:>4}  ")
        line.append(printable(f"{result.title}{blocked}"), style="dim" if blocked else "")
        self._hang(line, INDENT + ID_WIDTH + 4)
        if result.verdict not in (Verdict.PASSED, Verdict.BLOCKED):
            self._details(result)

    def close(self, record: Record) -> None:
        """The sum, and what to do next."""
        seconds = duration(sum(record.seconds.values()))
        self._line(Text(""))
        verdict = record.verdict
        words = {
            Verdict.PASSED: ("All checks passed", "bold green"),
            Verdict.FAILED: ("Not there yet", "bold red"),
            Verdict.BLOCKED: ("Not there yet", "bold red"),
            Verdict.LAB_ERROR: (
                "No verdict: the lab itself is broken; nothing of this counts against you",
                "bold yellow",
            ),
            Verdict.INFRA_ERROR: (
                f"No verdict: {_who_broke(record)}; nothing of this counts against you",
                "bold yellow",
            ),
        }
        text, style = words[verdict]
        if record.only and verdict is Verdict.BLOCKED:
            text, style = (f"Check {record.only} passed, with what it needs; the others were not judged", "bold")
        if verdict is Verdict.FAILED and record.max_score and record.score == record.max_score:
            text += ": every check of the task passed, but not all is sound"
        judged = verdict not in (Verdict.LAB_ERROR, Verdict.INFRA_ERROR)
        score = f"{record.score} of {record.max_score} points" if judged and record.max_score else ""
        self._line(Text.assemble("  ", (text, style), "  ", " · ".join(filter(None, [score, seconds]))))
        if verdict != Verdict.PASSED:
            self._line(Text(f"  again     {printable(here(self._again))}", style="dim"))

    def _details(self, result: CheckResult) -> None:
        if result.cause:
            self._hang(Text(f"{' ' * INDENT}{printable(result.cause.message)}", style="bold"), INDENT)
        where = result.cause.source if result.cause else None
        rows = {
            "where": f"{where['file']}:{where['line']}" if where else "",
            "expected": result.expected,
            "observed": result.observed if not (result.cause and result.observed == result.cause.message) else "",
            "way": " → ".join([*result.cause.chain, result.cause.object])
            if result.cause and result.cause.chain
            else "",
            "next": here(result.next_step),
        }
        for label, text in rows.items():
            for number, piece in enumerate(filter(None, text.split("\n"))):
                head = label if number == 0 else ""
                line = Text.assemble(" " * INDENT, (f"{head:<{LABEL_WIDTH}}", "cyan"), printable(piece))
                self._hang(line, INDENT + LABEL_WIDTH, whole=label in {"next", "where"})

    def _hang(self, line: Text, indent: int, *, whole: bool = False) -> None:
        """Print *line*, its overflow indented; *whole* lines are left to the terminal, so that they can be copied."""
        width = max(self._console.width, NARROWEST) if self._console.is_terminal else 10_000
        if whole or len(line) <= width:
            self._line(line)
            return
        at = 0
        wrapper = textwrap.TextWrapper(
            width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
        for piece in wrapper.wrap(line.plain):
            words = piece.strip()
            at = line.plain.index(words, at)
            self._line(Text(" " * (len(piece) - len(words))) + line[at : at + len(words)])  # a slice keeps its colours
            at += len(words)

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)


def _who_broke(record: Record) -> str:
    """Whose fault it is that there is no verdict."""
    evidence = [c.observed for c in record.checks if c.verdict is Verdict.INFRA_ERROR]
    if any(words.startswith(OWN_FAULT) for words in evidence):
        return "kind-labs itself stumbled"
    if any(words.startswith(NO_REGISTRY) for words in evidence):
        return "a registry gave no answer"
    return "cluster or machine broke"
