"""The gradebook as pages that open offline: the class with what each lab cost it, and a page for each learner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kindlabs.clusters.state import write_whole
from kindlabs.grading.costs import of_labs, page_of
from kindlabs.grading.records import Graded
from kindlabs.record import Verdict
from kindlabs.reports import html

COLUMNS = ("learner", "name", "group", "lab", "score", "verdict", "late", "submitted", "check", "cause", "at")
ALWAYS = {"learner", "score", "verdict"}
HEADS = {"check": "first failed check", "at": "where"}
CLASSES = {"name": "name", "submitted": "short", "check": "short", "cause": "long", "at": "long"}
"""How wide a cell is: those of the style."""
ORDER = {name: place for place, name in enumerate([*Verdict, "missing"])}


def write(out: Path, rows: Sequence[dict[str, Any]], records: Sequence[Graded]) -> Path:
    """Write ``index.html``, which is given back, and ``learners/<learner>.html``; *rows* are those of *records*."""
    learners = out / "learners"
    learners.mkdir(exist_ok=True)
    of_learners: dict[str, list[Graded]] = {}
    for graded in records:
        of_learners.setdefault(page_of(graded), []).append(graded)
    for page, of_learner in of_learners.items():
        write_whole(learners / page, learner(of_learner))
    for old in learners.glob("*.html"):
        if old.name not in of_learners:  # there is no record of hers any more
            old.unlink()
    write_whole(out / "index.html", index(rows, records))
    return out / "index.html"


def index(rows: Sequence[dict[str, Any]], records: Sequence[Graded]) -> str:
    """The class: a row for each learner and lab, without the columns that say nothing; and what each lab cost."""
    shown = [_shown(row, graded) for row, graded in zip(rows, records, strict=True)]
    labs = of_labs(records)
    wanted = ALWAYS | {column for column in COLUMNS if any(row[column] for row in rows)}
    columns = [column for column in COLUMNS if column in wanted and (column != "lab" or len(labs) > 1)]
    of_page = {"rows": shown, "columns": columns, "heads": HEADS, "classes": CLASSES, "order": ORDER, "labs": labs}
    return html.page("gradebook.html", "table.js", **of_page)


def learner(records: Sequence[Graded]) -> str:
    """One learner's page, of her records."""
    return html.page("learner.html", learner=records[-1]["learner"], records=records)


def _shown(row: dict[str, Any], graded: Graded) -> dict[str, Any]:
    """A row with its page, and the place in a file as it is called in her own folder."""
    return {**row, "page": page_of(graded), "at": row["at"].removeprefix(f"{row['learner']}/")}
