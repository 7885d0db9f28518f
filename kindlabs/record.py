"""The result record: what one run found, as every report renders it (``kind-labs/result/v1``)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from importlib import resources
from typing import Any

SCHEMA_ID = "kind-labs/result/v1"


class Verdict(StrEnum):
    """Of a check, or of a whole run: then the gravest of its checks, in this order from the end."""

    PASSED = "passed"
    BLOCKED = "blocked"
    FAILED = "failed"
    LAB_ERROR = "lab_error"
    INFRA_ERROR = "infra_error"


EXIT_CODES = {Verdict.PASSED: 0, Verdict.BLOCKED: 1, Verdict.FAILED: 1, Verdict.LAB_ERROR: 3, Verdict.INFRA_ERROR: 3}


@dataclass
class CauseRecord:
    """The first broken link; ``source`` is {file, line} in the learner's files, or None."""

    reason: str
    object: str
    message: str
    source: dict[str, Any] | None = None
    chain: list[str] = field(default_factory=list)


@dataclass
class CheckResult:
    """What one check found; ``seconds`` is what it took."""

    id: str
    title: str
    verdict: Verdict
    points: int
    max_points: int
    seconds: float = 0.0
    expected: str = ""
    observed: str = ""
    cause: CauseRecord | None = None
    next_step: str = ""


@dataclass
class Record:
    """One submission judged once on one lab.

    ``lab``: {id, title, digest}; ``submission``: {path, digest, findings [{message, file, line}]};
    ``cluster``: {name, profile, kubernetes, addons}; ``seconds``: by phase; ``started``: RFC 3339, UTC.
    """

    lab: dict[str, Any]
    submission: dict[str, Any]
    started: str
    cluster: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of the checks; a run without checks is the lab's error, never a pass."""
        order = list(Verdict)
        return max((c.verdict for c in self.checks), key=order.index, default=Verdict.LAB_ERROR)

    @property
    def score(self) -> int:
        """Points that passed checks are worth."""
        return sum(c.points for c in self.checks)

    @property
    def max_score(self) -> int:
        """Points that all checks are worth."""
        return sum(c.max_points for c in self.checks)

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return EXIT_CODES[self.verdict]

    def as_dict(self) -> dict[str, Any]:
        """The record as its schema describes it."""
        body = {"schema": SCHEMA_ID, **asdict(self)}
        seconds = {phase: round(value, 3) for phase, value in self.seconds.items()}
        totals = {"verdict": self.verdict.value, "score": self.score, "max_score": self.max_score}
        for check in body["checks"]:
            check["seconds"] = round(check["seconds"], 3)
            check["verdict"] = str(check["verdict"])
        return body | totals | {"seconds": seconds}

    def as_json(self) -> str:
        """The record as JSON text."""
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"
        return text.encode(errors="replace").decode()  # half a surrogate pair, as in a file name that is no UTF-8


def schema() -> dict[str, Any]:
    """The JSON Schema of the record."""
    text = resources.files("kindlabs").joinpath("result.schema.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found
