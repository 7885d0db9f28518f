"""Who is in a class: a CSV of one's own, Moodle's grading worksheet, Canvas's gradebook, GitHub Classroom's roster.

Sources: docs.moodle.org, "Offline grading worksheet"; lib/gradebook_exporter.rb of Canvas; the roster that
GitHub Classroom gives as classroom_roster.csv, and cmd/gh-classroom/assignment-grades of github/gh-classroom.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from kindlabs.errors import UsageError
from kindlabs.grading.learner import Learner, readable

COLUMNS = {
    "id": ("id", "identifier", "roster_identifier"),
    "name": ("name", "full name", "student"),
    "email": ("email", "e-mail", "email address"),
    "path": ("path", "repository"),
    "submitted": ("submitted", "last modified (submission)", "submission_timestamp"),
    "group": ("group", "group_name", "section"),
    "username": ("username", "github_username", "sis login id"),
    "status": ("status",),
}
"""What is wanted, and what columns are called that have it, in small letters."""
PARTICIPANT = re.compile(r"\D+ (\d+)")
"""How Moodle writes an identifier, ``Participant 1017``; files have the number alone."""
LARGEST = 10 * 2**20
HELP = "The columns are id, name, email, path, submitted and group; only id is needed. docs/grading.md has examples."


@dataclass(frozen=True)
class Row:
    """One learner of the roster; ``keys``: what she is known by, in small letters; ``path``: where her files are."""

    learner: Learner
    keys: frozenset[str]
    path: str = ""


def read_roster(path: Path) -> list[Row]:
    """The rows of a roster, in its order. Raises: UsageError with file and line."""
    table = _table(path)
    rows: dict[str, Row] = {}
    try:
        heads = list(table.fieldnames or [])
        if _column("id", heads) is None:
            found = ", ".join(map(readable, heads)) or "nothing"
            raise UsageError(f"{path}:1: expected a column id; found {found}.", HELP)
        for line in table:
            row = _row(line, heads)
            if row is None:
                continue
            if not row.learner.id or row.learner.id.lower() in rows:
                why = f"a second learner with the id {row.learner.id}" if row.learner.id else "a learner without id"
                raise UsageError(f"{path}:{table.line_num}: {why}.", "Give each learner an id of her own.")
            rows[row.learner.id.lower()] = row
    except csv.Error as error:
        raise UsageError(f"{path}:{table.reader.line_num}: no CSV: {error}.", HELP) from None
    return list(rows.values())


def _table(path: Path) -> csv.DictReader[str]:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: {path.stat().st_size / 1e6:.0f} MB; expected a list of learners.", HELP)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.", "Name a CSV with --roster.") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8, at byte {error.start}.", "Save it as CSV UTF-8.") from None
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)  # spreadsheets in half of the world write semicolons
    return csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _column(want: str, heads: list[str]) -> str | None:
    """What the column is called that has it; the first of several."""
    called = {head.strip().lower(): head for head in reversed(heads)}
    return next((called[name] for name in COLUMNS[want] if name in called), None)


def _row(line: dict[str, str | None], heads: list[str]) -> Row | None:
    """The learner of one line; None for an empty one, and the second one of Canvas."""
    columns = {want: _column(want, heads) for want in COLUMNS}
    said = {want: readable((line.get(head) or "").strip()) if head else "" for want, head in columns.items()}
    if not said["id"] and (not any(said.values()) or said["name"] == "Points Possible"):
        return None
    number = PARTICIPANT.fullmatch(said["id"]) if (columns["name"] or "").strip().lower() == "full name" else None
    who = number[1] if number else said["id"]
    late = bool(re.search(r"\blate\b", said["status"]))  # Moodle: "Submitted for grading - 2 hours late"
    learner = Learner(who, said["name"], said["email"], said["group"], said["submitted"], late)
    keys = (who.lower(), said["username"].lower(), said["email"].lower())
    return Row(learner, frozenset(filter(None, keys)), said["path"])
