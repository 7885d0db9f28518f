"""The result record: what one run found, as every report renders it (``kind-labs/result/v1``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import InitVar, asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindlabs.checks import CLUSTER, LAB, SUBMISSION, CheckSpec, declared
from kindlabs.errors import InfraError, LabError, UnreadableSubmission

if TYPE_CHECKING:
    from kindlabs.course import CourseLab
    from kindlabs.submission import Submission

SCHEMA_ID = "kind-labs/result/v1"

UNREADABLE = re.compile(r"([^:\n]+)(?::(\d+)(?::\d+)?)?: (.+)", re.DOTALL)
"""The message of an UnreadableSubmission: the file, line and column where it has them, and why."""


class Verdict(StrEnum):
    """Of a check, or of a whole run: then the gravest of its checks, in this order from the end."""

    PASSED = "passed"
    BLOCKED = "blocked"
    FAILED = "failed"
    LAB_ERROR = "lab_error"
    INFRA_ERROR = "infra_error"


NO_VERDICT = (Verdict.LAB_ERROR, Verdict.INFRA_ERROR)
"""Of a run that judged nobody."""
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

    @classmethod
    def without_points(cls, check: str, title: str, verdict: Verdict) -> CheckResult:
        """The result of a check that a run has beside those of its validator."""
        return cls(check, title, verdict, points=0, max_points=0)

    @classmethod
    def not_judged(cls, spec: CheckSpec, verdict: Verdict, why: str) -> CheckResult:
        """The result of a check that could not be made."""
        return cls(spec.id, spec.title, verdict, 0, spec.points, observed=why)


@dataclass
class Record:
    """One submission judged once on one lab.

    ``lab``: {id, title, digest}; ``submission``: {path, digest, findings [{message, file, line}]};
    ``cluster``: {name, profile, kubernetes, addons}; ``seconds``: by phase; ``started``: RFC 3339, UTC.
    ``only``: the one check that was asked for, with what it needs; the others are not in the sums then, and the verdict
    is never ``passed``. ``listener`` hears of each check's result as it is added.
    """

    lab: dict[str, Any]
    submission: dict[str, Any]
    started: str
    cluster: dict[str, Any] | None = None
    only: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)
    listener: InitVar[Callable[[CheckResult], None]] = lambda _result: None

    def __post_init__(self, listener: Callable[[CheckResult], None]) -> None:
        self._listener = listener

    @classmethod
    def begin(
        cls,
        lab: CourseLab,
        submission: Submission,
        listener: Callable[[CheckResult], None] = lambda _result: None,
        only: str | None = None,
    ) -> Record:
        """The record of a run that begins now."""
        return cls(
            lab={"id": lab.id, "title": lab.title, "digest": lab.digest},
            submission={"path": submission.name, "digest": submission.digest, "findings": []},
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            only=only,
            listener=listener,
        )

    @classmethod
    def without_verdict(cls, lab: CourseLab, word: str, error: InfraError | LabError) -> Record:
        """The record of a submission, called *word*, that could not be judged, or not even be made."""
        record = cls._of_nothing(lab, word)
        record.give_up(lab.validator, error)
        return record

    @classmethod
    def unreadable(cls, lab: CourseLab, word: str, error: UnreadableSubmission) -> Record:
        """The record of a submission, called *word*, whose files cannot be read: no check could be made of them."""
        record = cls._of_nothing(lab, word)
        found = UNREADABLE.fullmatch(error.message)
        file, line, why = (found[1], int(found[2] or 1), found[3]) if found else (word, 1, error.message)
        result = CheckResult.without_points(SUBMISSION, "The files can be read.", Verdict.FAILED)
        result.expected, result.observed, result.next_step = "files that can be read", error.message, error.next_step
        result.cause = CauseRecord("Unreadable", file, why, {"file": file, "line": line})
        record.submission["findings"] = [{"message": why, "file": file, "line": line}]
        record.add(result)
        for spec in record.unjudged(lab.validator):
            record.add(CheckResult.not_judged(spec, Verdict.BLOCKED, f"waits for {SUBMISSION}"))
        return record

    @classmethod
    def _of_nothing(cls, lab: CourseLab, word: str) -> Record:
        return cls(
            lab={"id": lab.id, "title": lab.title, "digest": lab.digest},
            submission={"path": word, "digest": "sha256:" + "0" * 64, "findings": []},
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def add(self, result: CheckResult) -> None:
        """Add what one check found, and let the listener hear of it."""
        self.checks.append(result)
        self._listener(result)

    def give_up(self, validator: Path, error: InfraError | LabError) -> None:
        """Add why there is no verdict, then one unjudged result for each check that has none.

        So max_score stays the lab's.
        """
        result, missing = _no_verdict(error), self.unjudged(validator)
        self.add(result)
        for spec in missing:
            self.add(CheckResult.not_judged(spec, result.verdict, f"not judged, see {result.id}"))

    def unjudged(self, validator: Path) -> list[CheckSpec]:
        """The checks that *validator* declares, as far as they were asked for, and that have no result."""
        judged = [result.id for result in self.checks]
        missing = []
        for spec in declared(validator):
            if self.only not in (None, spec.id):
                continue
            if spec.id in judged:
                judged.remove(spec.id)  # two of one name need two results
            else:
                missing.append(spec)
        return missing

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of the checks; a run without checks is the lab's error, never a pass.

        Where only one check was asked for, the others still wait: ``blocked`` is the best that this can be.
        """
        return Verdict.BLOCKED if self.only and self._gravest is Verdict.PASSED else self._gravest

    @property
    def _gravest(self) -> Verdict:
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
        """What the command ends with: 0 as well when the only check that was asked for has passed."""
        return EXIT_CODES[self._gravest]

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


def _no_verdict(error: InfraError | LabError) -> CheckResult:
    if isinstance(error, LabError):
        result = CheckResult.without_points(LAB, "The lab is sound.", Verdict.LAB_ERROR)
    else:
        result = CheckResult.without_points(CLUSTER, "The cluster answers.", Verdict.INFRA_ERROR)
    result.observed, result.next_step = error.message, error.next_step
    return result
