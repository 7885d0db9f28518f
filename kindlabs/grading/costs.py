"""The class as a whole: which check and which cause of a lab cost how many learners, made of the records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindlabs.grading.learner import Learner
from kindlabs.grading.records import Graded, has_verdict, verdict_of
from kindlabs.record import Verdict
from kindlabs.reports import telling


@dataclass
class CheckCost:
    """How many passed a check, failed it or were blocked, and the points that it cost all of them."""

    id: str
    title: str
    counts: Counter[str] = field(default_factory=Counter)
    lost: int = 0


@dataclass
class CauseCost:
    """Whom a cause cost a check; ``learners``: id → the name of her page; ``messages``: what was said of it."""

    reason: str
    checks: list[str] = field(default_factory=list)
    learners: dict[str, str] = field(default_factory=dict)
    messages: Counter[str] = field(default_factory=Counter)

    @property
    def example(self) -> str:
        """What was said most often."""
        return self.messages.most_common(1)[0][0]


@dataclass
class LabCost:
    """What a lab cost those of the class who have a verdict, ``judged`` of them; ``mean`` is their points."""

    id: str
    title: str
    verdicts: dict[str, int]
    judged: int
    max_score: int
    mean: float
    checks: list[CheckCost]
    causes: list[CauseCost]


def of_labs(records: Iterable[Graded]) -> list[LabCost]:
    """What each lab cost, in the labs' order."""
    labs: dict[str, list[Graded]] = {}
    for graded in records:
        labs.setdefault(graded["lab"], []).append(graded)
    return [_of_lab(lab, labs[lab]) for lab in sorted(labs)]


def page_of(graded: Graded) -> str:
    """The name of a learner's page."""
    return f"{Learner(**graded['learner']).folder}.html"


def _of_lab(lab: str, records: Sequence[Graded]) -> LabCost:
    counts = Counter(map(verdict_of, records))
    judged = [graded for graded in records if graded["result"] and has_verdict(graded)]
    results = [graded["result"] for graded in judged]
    return LabCost(
        id=lab,
        title=next((graded["result"]["lab"]["title"] for graded in records if graded["result"]), ""),
        verdicts={name: counts[name] for name in [*Verdict, "missing"] if counts[name]},
        judged=len(judged),
        max_score=max((result["max_score"] for result in results), default=0),
        mean=sum(result["score"] for result in results) / max(len(results), 1),
        checks=_checks(results),
        causes=_causes(judged),
    )


def _checks(results: Iterable[dict[str, Any]]) -> list[CheckCost]:
    """Those that cost somebody something or could have, in the order of the lab."""
    found: dict[str, CheckCost] = {}
    for result in results:
        for check in telling.shown(result):
            cost = found.setdefault(check["id"], CheckCost(check["id"], check["title"]))
            cost.counts[check["verdict"]] += 1
            cost.lost += check["max_points"] - check["points"]
    return list(found.values())


def _causes(judged: Iterable[Graded]) -> list[CauseCost]:
    """The causes of failed checks by their reason, that of most learners first."""
    found: dict[str, CauseCost] = {}
    for graded in judged:
        for check in graded["result"]["checks"]:
            if check["verdict"] != Verdict.FAILED:
                continue
            reason = check["cause"]["reason"] if check["cause"] else ""
            cost = found.setdefault(reason, CauseCost(reason))
            if check["id"] not in cost.checks:
                cost.checks.append(check["id"])
            cost.learners[graded["learner"]["id"]] = page_of(graded)
            cost.messages[telling.said(check)] += 1
    return sorted(found.values(), key=lambda cost: -len(cost.learners))
