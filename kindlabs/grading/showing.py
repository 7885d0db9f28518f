"""What a grader sees: the class as it was taken in, what did not fit, and the sum."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich.console import Console

from kindlabs.grading import gradebook
from kindlabs.grading.intake import Intake
from kindlabs.grading.records import verdict_of
from kindlabs.grading.session import Item, Report
from kindlabs.progress import duration
from kindlabs.record import Verdict
from kindlabs.terminal import printable

HEADS = ("learner", "name", "late", "files", "", "from")
MOST_NAMED = 5
"""So many are named where the same was found of many."""
TO_DO = {
    Verdict.INFRA_ERROR: "make doctor, then the same command again: it runs these alone",
    Verdict.LAB_ERROR: "mend the lab (make verify proves it), then the same command again",
}


def show_class(intake: Intake, items: Sequence[Item], out: Console) -> None:
    """A line for each submission, and what would be done with it."""
    rows = [HEADS, *map(_row, items)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        _line(out, "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for line in told_of(intake):
        _line(out, line)
    _line(out, "Nothing was run.")


def _row(item: Item) -> tuple[str, ...]:
    taken, learner = item.taken, item.taken.learner
    what = "cannot be read" if taken.fault else "judged already" if item.is_done else "to be judged"
    return learner.id, learner.name, "late" if learner.late else "", str(taken.files), what, taken.origin


def told_of(intake: Intake) -> list[str]:
    """What did not fit and what was done about it; one line for all of whom the same is said."""
    about: dict[tuple[str, str], list[str]] = defaultdict(list)
    for note in intake.notes:
        about[note.found, note.done].append(note.about)
    lines = [f"  ! {_several(who)}: {found}: {done}" for (found, done), who in about.items()]
    handed_in = f"{len(intake.taken)} submission{'s' * (len(intake.taken) != 1)}"
    missing = f", and {len(intake.missing)} in the class without one" if intake.missing else ""
    return [*lines, f"{handed_in}{missing}."]


def show_report(report: Report, out: Console) -> None:
    """The sum, who has no verdict and what to do about it, and where the gradebook is."""
    counts = Counter(map(verdict_of, report.records))
    told = ", ".join(f"{counts[name]} {name}" for name in [*Verdict, "missing"] if counts[name])
    runs = f"{report.fresh} runs in {duration(report.seconds)}" if report.fresh else "nothing to run"
    rate = f", {report.fresh / report.seconds * 60:.1f} a minute" if report.fresh and report.seconds else ""
    _line(out, f"Lab {report.lab.number}: {len(report.records)} learners: {told}; {runs}{rate}")
    for verdict, to_do in TO_DO.items():
        without = [graded for graded in report.undecided if verdict_of(graded) == verdict]
        if without:
            _line(out, f"  ! {len(without)} without a verdict ({verdict}): {to_do}")
        for graded in without:
            row = gradebook.row(graded)
            _line(out, f"      {row['learner']}: {' '.join(row['cause'].split())}")
    if report.others:
        others = _several(report.others)
        _line(out, f"  ! in the gradebook, and not in this class: {others}: delete their records, or keep them")
    _line(out, "Gradebook: " + ", ".join(map(str, report.files)))


def _several(who: list[str]) -> str:
    more = f" and {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
    return ", ".join(who[:MOST_NAMED]) + more


def _line(out: Console, text: str) -> None:
    out.print(printable(text), markup=False, highlight=False, soft_wrap=True)
