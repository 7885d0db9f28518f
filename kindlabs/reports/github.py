"""Annotations: GitHub shows them at file and line of a pull request.

Source: "Workflow commands for GitHub Actions", docs.github.com/en/actions/reference; its escapes are those of
actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from kindlabs.checks import SUBMISSION
from kindlabs.errors import UnreadableSubmission
from kindlabs.record import NO_VERDICT, UNREADABLE, Verdict
from kindlabs.reports import telling
from kindlabs.reports.telling import Told
from kindlabs.terminal import printable


def in_workspace(file: str) -> str:
    """A file of the working directory as GitHub names it: from the folder of the job's repository."""
    root = os.environ.get("GITHUB_WORKSPACE")
    is_there = os.path.exists(file)  # noqa: PTH110 (Path's raises for a name that is too long)
    return os.path.relpath(file, root) if root and is_there else file


def of_record(record: Told) -> str:
    """A line for each failed check and each finding in the files; one for a run without a verdict."""
    if record["verdict"] in NO_VERDICT:
        return _of_nothing(record)
    failed = [check for check in record["checks"] if check["verdict"] == Verdict.FAILED]
    return "".join(line for check in failed for line in _of_check(check, record["submission"]["findings"]))


def of_unreadable(fault: UnreadableSubmission) -> str:
    """A line for a submission of which no record can be made."""
    found = UNREADABLE.fullmatch(fault.message)
    place = (found[1], int(found[2] or 1)) if found else ("", 0)
    return error(found[3] if found else fault.message, "The submission cannot be read", *place)


def error(message: str, title: str, file: str = "", line: int = 0) -> str:
    """One annotation, as a line."""
    place = {"file": in_workspace(file), "line": str(line)} if file else {}
    properties = ",".join(f"{name}={_property(value)}" for name, value in {**place, "title": title}.items())
    return f"::error {properties}::{_data(message)}\n"


@contextmanager
def unheard(out: TextIO) -> Iterator[None]:
    """Meanwhile GitHub obeys no line of the output: what a learner's app answers may look like a command."""
    token = secrets.token_hex(16)
    out.write(f"::stop-commands::{token}\n")
    out.flush()
    try:
        yield
    finally:
        out.write(f"::{token}::\n")
        out.flush()


def _of_nothing(record: Told) -> str:
    first = next((check for check in record["checks"] if check["verdict"] == record["verdict"]), None)
    why = [telling.said(first), first["next_step"]] if first else []
    return error("\n".join(filter(None, why)) or "no check was made", telling.headline(record))


def _of_check(check: Told, findings: list[Told]) -> Iterator[str]:
    title = f"{check['id']}: {check['title']}"
    if check["id"] == SUBMISSION and findings:
        for finding in findings:
            yield error(finding["message"], title, finding["file"], finding["line"])
        return
    told = {"where"} if check["cause"] else {"where", "observed"}  # by the annotation itself
    rows = [f"{label}: {words}" for label, words in telling.details(check).items() if label not in told]
    text = "\n".join([telling.said(check), *rows])
    source = (check["cause"] or {}).get("source") or {"file": "", "line": 0}
    yield error(text, title, source["file"], source["line"])


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
