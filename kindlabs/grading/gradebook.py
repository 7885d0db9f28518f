"""The gradebook: a row for each learner and lab, made of the records alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kindlabs.clusters.state import write_whole
from kindlabs.grading import pages
from kindlabs.grading.records import Graded, first_of, has_verdict, verdict_of
from kindlabs.reports import telling
from kindlabs.terminal import printable

SCHEMA_ID = "kind-labs/gradebook/v1"
COLUMNS = (
    *("learner", "name", "email", "group", "submitted", "late", "lab", "score", "max_score", "verdict"),
    *("check", "cause", "at"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet runs, wide forms included. Source: "CSV Injection", owasp.org."""

Row = dict[str, Any]
"""``score`` is None without a verdict, ``max_score`` where there is no submission; ``at`` is where ``cause`` lies."""


def row(graded: Graded) -> Row:
    """The row of one record."""
    learner, result, first = graded["learner"], graded["result"], first_of(graded)
    return {
        "learner": learner["id"],
        **{name: learner[name] for name in ("name", "email", "group", "submitted", "late")},
        "lab": graded["lab"],
        "score": result["score"] if result and has_verdict(graded) else None,
        "max_score": result["max_score"] if result else None,
        "verdict": verdict_of(graded),
        "check": first["id"] if first else "",
        "cause": telling.said(first) if first else "",
        "at": telling.where(first) if first else "",
    }


def write(out: Path, records: Iterable[Graded]) -> list[Path]:
    """Write ``gradebook.csv``, ``gradebook.json`` and the pages; the files, of the pages the first."""
    records = list(records)
    rows = [row(graded) for graded in records]
    files = {out / "gradebook.csv": as_csv(rows), out / "gradebook.json": as_json(rows)}
    for file, text in files.items():
        write_whole(file, text)
    return [*files, pages.write(out, rows, records)]


def as_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV; the mark at its head tells spreadsheets that it is UTF-8."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    table.writerows([cell(row[name]) for name in COLUMNS] for row in rows)
    return "\ufeff" + text.getvalue()


def as_json(rows: Iterable[Row]) -> str:
    """The rows as JSON."""
    return json.dumps({"schema": SCHEMA_ID, "rows": list(rows)}, indent=2, ensure_ascii=False) + "\n"


def cell(value: Any) -> str | int:
    """A value as a cell: one line, and text where a spreadsheet would run it."""
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int):
        return value
    text = printable(" ".join(str(value).split()))
    return f"'{text}" if text.startswith(FORMULA) else text
