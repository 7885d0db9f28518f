"""Markdown, as GitHub shows it below a job; learners' words stand in code, where nothing means anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from kindlabs.progress import duration
from kindlabs.record import Verdict
from kindlabs.reports import telling
from kindlabs.reports.telling import MARKS, Told
from kindlabs.terminal import printable

LONGEST_LINE, LONGEST_BLOCK, LONGEST_EVIDENCE, LONGEST = 2_000, 4_000, 20_000, 250_000
"""Characters, of four bytes at most: GitHub shows nothing at all of a summary above 1 MiB."""


def of_record(record: Told) -> str:
    """A record as a table of its checks, why they failed, and what the run kept, folded away."""
    evidence = "\n\n".join(_evidence(record["evidence"]))
    text = "\n\n".join(_body(record))
    if len(text) + len(evidence) > LONGEST:
        evidence = "What the run kept is too long to be shown here; its record has it." if evidence else ""
    return "\n\n".join(filter(None, [text, evidence])) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown of one line, of which only the bars between columns are escaped."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """*text* as code within a line, whatever it holds."""
    text = _cut(" ".join(printable(text).split()), LONGEST_LINE, " ")
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block(text: str, longest: int = LONGEST_BLOCK) -> str:
    """*text* as a block of code, its middle left out where it is very long."""
    text = _cut(printable(text), longest, "\n")
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def _body(record: Told) -> Iterator[str]:
    lab, sums = record["lab"], " · ".join(filter(None, [telling.points(record), duration(telling.seconds(record))]))
    yield f"### {_sentence(lab['id'])}: {_sentence(lab['title'])}"
    yield f"**{_sentence(telling.headline(record))}** · {sums} · {code(record['submission']['path'])}"
    checks = telling.shown(record)
    rows = [
        [f"{MARKS[Verdict(check['verdict'])]} {check['verdict']}", _points(check), code(check["id"]), _title(check)]
        for check in checks
    ]
    yield table(["verdict", "points", "check", "sentence"], rows)
    for check in checks:
        if check["verdict"] not in (Verdict.PASSED, Verdict.BLOCKED):
            yield "\n".join(_why(check))


def _why(check: Told) -> Iterator[str]:
    yield f"#### {code(check['id'])}"
    yield ""
    if check["cause"]:
        yield f"{code(telling.said(check))}\n"
    rows = telling.details(check)
    for label, text in rows.items():
        if "\n" not in text:
            yield f"- {label}: {code(text)}"
    for label, text in rows.items():
        if "\n" in text:
            yield f"\n{label}:\n\n{block(text)}"


def _evidence(evidence: Told) -> Iterator[str]:
    events = [
        f"{e['time']} {e['object']}: {e['reason']}: {e['message']} ({e['count']})" for e in evidence.get("events", [])
    ]
    requests = [f"{r['request']}\n  {r['answer']} ({r['times']})" for r in evidence.get("requests", [])]
    logs = [f"{where}:\n{text}" for where, text in evidence.get("logs", {}).items()]
    script = [evidence["script"]] if "script" in evidence else []
    for title, texts in {"Events": events, "Requests": requests, "Logs": logs, "Script": script}.items():
        if texts:
            yield f"<details><summary>{title}</summary>\n\n{block(chr(10).join(texts), LONGEST_EVIDENCE)}\n\n</details>"


def _points(check: Told) -> str:
    return f"{check['points']} of {check['max_points']}" if check["max_points"] else ""


def _title(check: Told) -> str:
    waits = f" ({code(check['observed'])})" if check["verdict"] == Verdict.BLOCKED else ""
    return _sentence(check["title"]) + waits


def _sentence(text: str) -> str:
    """A sentence of the lab's: its code stays code, the rest is text."""
    parts = re.split(r"`([^`]+)`", " ".join(printable(text).split()))
    return "".join(code(part) if at % 2 else _plain(part) for at, part in enumerate(parts))


def _plain(text: str) -> str:
    return re.sub(r"[\\`*_\[\]#~]", r"\\\g<0>", escape(text, quote=False))


def _cut(text: str, longest: int, between: str) -> str:
    left_out, half = len(text) - longest, longest // 2
    return f"{text[:half]}{between}… {left_out:,} characters …{between}{text[-half:]}" if left_out > 0 else text


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
