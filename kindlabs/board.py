"""What a terminal shows of a run: each check as it comes, with the first broken link under what failed."""

from __future__ import annotations

import textwrap
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from kindlabs.progress import duration
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.reports import telling
from kindlabs.terminal import printable
from kindlabs.typed import here

STYLES = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "bold red",
    Verdict.BLOCKED: "dim",
    Verdict.LAB_ERROR: "bold yellow",
    Verdict.INFRA_ERROR: "bold yellow",
}
OF_A_RUN = {
    **{verdict: f"bold {style.removeprefix('bold ')}" for verdict, style in STYLES.items()},
    Verdict.BLOCKED: "bold red",
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
        check, style = asdict(result), STYLES[result.verdict]
        if not telling.is_shown(check):
            return
        points = f"{result.points}/{result.max_points}" if result.max_points else ""
        blocked = f"  ({result.observed})" if result.verdict == Verdict.BLOCKED else ""
        mark = telling.MARKS[result.verdict]
        line = Text.assemble("  ", (mark, style), " ", (f"{result.id:<{ID_WIDTH}}", style), f"{points:>4}  ")
        line.append(printable(f"{result.title}{blocked}"), style="dim" if blocked else "")
        self._hang(line, INDENT + ID_WIDTH + 4)
        if result.verdict not in (Verdict.PASSED, Verdict.BLOCKED):
            self._details(check)

    def close(self, record: Record) -> None:
        """The sum, and what to do next."""
        told, style = record.as_dict(), OF_A_RUN[record.verdict]
        if record.only and record.verdict is Verdict.BLOCKED:
            style = "bold"
        sums = filter(None, [telling.points(told), duration(sum(record.seconds.values()))])
        self._line(Text(""))
        self._line(Text.assemble("  ", (telling.headline(told), style), "  ", " · ".join(sums)))
        if record.verdict != Verdict.PASSED:
            self._line(Text(f"  again     {printable(here(self._again))}", style="dim"))

    def _details(self, check: telling.Told) -> None:
        if check["cause"]:
            self._hang(Text(f"{' ' * INDENT}{printable(check['cause']['message'])}", style="bold"), INDENT)
        for label, text in telling.details(check).items():
            words = here(text) if label == "next" else text
            for number, piece in enumerate(filter(None, words.split("\n"))):
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
