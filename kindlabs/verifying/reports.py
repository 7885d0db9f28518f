"""A report as a table, as Markdown, as JSON and as JUnit's XML."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from kindlabs.progress import duration
from kindlabs.reports.junit import Case, document
from kindlabs.reports.markdown import code, table
from kindlabs.terminal import printable
from kindlabs.verifying.judging import Outcome
from kindlabs.verifying.proving import Report

SCHEMA_ID = "kind-labs/verify/v1"
HEADS = ("lab", "solutions", "start", "mutants", "runs", "each", "longest")
WHOLE = "the lab as a whole"


def show(report: Report, out: Console) -> None:
    """The table, what is not as it should be, and the sum."""
    table = Table(*HEADS, box=None, pad_edge=False, header_style="dim")
    for row in _rows(report):
        table.add_row(*map(printable, row))
    out.print(table)
    for fault in faults_of(report):
        out.print(f"  ✗ {printable(fault)}", markup=False, highlight=False, soft_wrap=True)
    out.print(_sum(report), markup=False, highlight=False, soft_wrap=True)


def markdown(report: Report) -> str:
    """The same as Markdown."""
    faults = "\n".join(f"- {code(fault)}" for fault in faults_of(report))
    return "\n\n".join(filter(None, [table(HEADS, _rows(report)), faults, _sum(report)])) + "\n"


def as_json(report: Report) -> str:
    """The same as JSON, each run with what its record says."""
    body = {
        "schema": SCHEMA_ID,
        "exit_code": report.exit_code,
        "seconds": round(report.seconds, 3),
        "runs_per_minute": round(report.per_minute, 2),
        "labs": [
            {"id": lab, "faults": faults, "runs": [_run(one) for one in report.outcomes if one.case.lab.id == lab]}
            for lab, faults in report.of_labs.items()
        ],
    }
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def junit(report: Report) -> str:
    """The same as the XML that continuous integration reads: a suite a lab, a case a run."""
    suites = {
        lab: [
            *(_case(one) for one in report.outcomes if one.case.lab.id == lab),
            _of_faults(WHOLE, 0, faults, "failure"),
        ]
        for lab, faults in report.of_labs.items()
    }
    return document("lab verify", suites, report.seconds)


def faults_of(report: Report) -> list[str]:
    """All that is not as it should be, one text each."""
    of_runs = [f"{one.case.name}: {fault}" for one in report.outcomes for fault in one.faults]
    return of_runs + [f"{lab[:2]}: {fault}" for lab, faults in report.of_labs.items() for fault in faults]


def _rows(report: Report) -> list[list[str]]:
    return [_row(lab, [one for one in report.outcomes if one.case.lab.id == lab]) for lab in report.of_labs]


def _row(lab: str, outcomes: list[Outcome]) -> list[str]:
    def good(of: Callable[[Outcome], bool]) -> str:
        those = [one for one in outcomes if of(one)]
        return f"{sum(not one.faults for one in those)} of {len(those)}" if those else ""

    seconds = [one.seconds for one in outcomes]
    is_start = [one.case.word == "start" for one in outcomes]
    return [
        lab,
        good(lambda one: one.case.mutant is None and one.case.word != "start"),
        good(lambda one: one.case.word == "start") if any(is_start) else "",
        good(lambda one: one.case.mutant is not None),
        str(len(outcomes)),
        duration(sum(seconds) / len(seconds)) if seconds else "",
        duration(max(seconds)) if seconds else "",
    ]


def _sum(report: Report) -> str:
    faults = len(faults_of(report))
    what = f"{faults} not as it should be" if faults else "all as it should be"
    old = sum(one.remembered for one in report.outcomes)
    runs = (
        f"{report.fresh} runs in {duration(report.seconds)}, {report.per_minute:.1f} a minute" if report.fresh else ""
    )
    return "; ".join(filter(None, [what, runs, f"{old} remembered (--again forgets them)" if old else ""]))


def _run(outcome: Outcome) -> dict[str, Any]:
    record, first = outcome.record, outcome.first
    return {
        "submission": outcome.case.word,
        "turn": outcome.case.turn,
        "verdict": record["verdict"],
        "score": record["score"],
        "max_score": record["max_score"],
        "first": {key: first[key] for key in ("id", "verdict", "observed", "cause")} if first else None,
        "seconds": round(outcome.seconds, 3),
        "remembered": outcome.remembered,
        "faults": outcome.faults,
    }


def _case(one: Outcome) -> Case:
    return _of_faults(one.case.word, one.seconds, one.faults, "failure" if one.has_verdict else "error")


def _of_faults(name: str, seconds: float, faults: list[str], kind: str) -> Case:
    return Case(name, seconds, kind, faults[0], "\n".join(faults)) if faults else Case(name, seconds)
