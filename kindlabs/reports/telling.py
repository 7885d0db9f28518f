"""What every report of a run says, in the same words: the verdict in a sentence, the points, and why a check failed."""

from __future__ import annotations

from typing import Any

from kindlabs.errors import NO_REGISTRY, OWN_FAULT
from kindlabs.record import NO_VERDICT, Verdict

Told = dict[str, Any]
"""A record, or one of its checks, as the schema has it."""

NOT_THERE = "Not there yet"
MARKS = {
    Verdict.PASSED: "✓",
    Verdict.FAILED: "✗",
    Verdict.BLOCKED: "·",
    Verdict.LAB_ERROR: "!",
    Verdict.INFRA_ERROR: "!",
}


def headline(record: Told) -> str:
    """The verdict in a sentence."""
    verdict = record["verdict"]
    only = record.get("only")
    if only and verdict == Verdict.BLOCKED:
        return f"Check {only} passed, with what it needs; the others were not judged"
    if verdict == Verdict.FAILED and record["max_score"] and record["score"] == record["max_score"]:
        return f"{NOT_THERE}: every check of the task passed, but not all is sound"
    words = {
        Verdict.PASSED: "All checks passed",
        Verdict.LAB_ERROR: "No verdict: the lab itself is broken; nothing of this counts against you",
        Verdict.INFRA_ERROR: f"No verdict: {_who_broke(record)}; nothing of this counts against you",
    }
    return words.get(verdict, NOT_THERE)


def points(record: Told) -> str:
    """``4 of 10 points``; nothing where there is no verdict."""
    judged = record["verdict"] not in NO_VERDICT and record["max_score"]
    return f"{record['score']} of {record['max_score']} points" if judged else ""


def seconds(record: Told) -> float:
    """What the run took."""
    return float(sum(record["seconds"].values()))


def shown(record: Told) -> list[Told]:
    """The checks that a report has: those of no points only where they did not pass."""
    return [check for check in record["checks"] if is_shown(check)]


def is_shown(check: Told) -> bool:
    """Whether there is anything to say of a check."""
    return bool(check["max_points"]) or check["verdict"] != Verdict.PASSED


def said(check: Told) -> str:
    """Why a check did not pass, as short as it can be: its cause, else what was observed."""
    return str(check["cause"]["message"] if check["cause"] else check["observed"])


def details(check: Told) -> dict[str, str]:
    """What is said below it: where, expected, observed, way, next; only what there is, and nothing twice."""
    cause = check["cause"] or {"message": "", "chain": [], "object": ""}
    rows = {
        "where": where(check),
        "expected": check["expected"],
        "observed": check["observed"] if check["observed"] != cause["message"] else "",
        "way": " → ".join([*cause["chain"], cause["object"]]) if cause["chain"] else "",
        "next": check["next_step"],
    }
    return {label: text for label, text in rows.items() if text}


def where(check: Told) -> str:
    """The place of its cause in the learner's files, ``web.yaml:12``; nothing where it has none."""
    source = (check["cause"] or {}).get("source")
    return f"{source['file']}:{source['line']}" if source else ""


def _who_broke(record: Told) -> str:
    """Whose fault it is that there is no verdict."""
    evidence = [check["observed"] for check in record["checks"] if check["verdict"] == Verdict.INFRA_ERROR]
    if any(words.startswith(OWN_FAULT) for words in evidence):
        return "kind-labs itself stumbled"
    if any(words.startswith(NO_REGISTRY) for words in evidence):
        return "a registry gave no answer"
    return "cluster or machine broke"
