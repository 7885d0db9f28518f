"""Whether what came is what should have come: of one case, and of a lab as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kindlabs.checks import declared
from kindlabs.course import CourseLab
from kindlabs.mutants import Mutant
from kindlabs.record import NO_VERDICT, Verdict
from kindlabs.reports import telling
from kindlabs.spelling import did_you_mean
from kindlabs.verifying.cases import Case


@dataclass
class Outcome:
    """What one case came to: the record of its run, and what of it is not as it should be."""

    case: Case
    record: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    remembered: bool = False

    @property
    def has_verdict(self) -> bool:
        """Whether its run came to a verdict."""
        return self.record["verdict"] not in NO_VERDICT

    @property
    def seconds(self) -> float:
        """What the run took, without the wait for a cluster."""
        return float(sum(value for phase, value in self.record["seconds"].items() if phase != "cluster"))

    @property
    def first(self) -> dict[str, Any] | None:
        """The first check that did not pass."""
        return next((check for check in self.record["checks"] if check["verdict"] != Verdict.PASSED), None)


def judge(case: Case, record: dict[str, Any], *, remembered: bool = False) -> Outcome:
    """Hold the record of a run to what its case asks for."""
    outcome = Outcome(case, record, remembered=remembered)
    if not outcome.has_verdict:
        outcome.faults = [_no_verdict(record)]
    elif case.mutant:
        outcome.faults = _of_a_mutant(outcome, case.mutant)
    elif case.word == "start":
        outcome.faults = _of_the_start(outcome)
    elif (first := outcome.first) is not None:
        outcome.faults = [f"it does not pass: {said_of(first)}"]
    return outcome


def differing(outcomes: Iterable[Outcome]) -> list[str]:
    """One sentence for each submission of which two runs differ, whatever each of them came to."""
    seen: dict[str, dict[str, Any]] = {}
    found = []
    for outcome in filter(lambda one: one.has_verdict, outcomes):
        verdicts = {check["id"]: check["verdict"] for check in outcome.record["checks"]}
        before = seen.setdefault(outcome.case.name, verdicts)
        if other := [check for check in {**before, **verdicts} if before.get(check) != verdicts.get(check)]:
            words = [f"{check} {before.get(check)}, then {verdicts.get(check)}" for check in other]
            found.append(f"{outcome.case.name}: two runs differ: {'; '.join(words)}")
    return found


def unkilled(lab: CourseLab) -> list[str]:
    """One sentence for each check that no mutant fails first, and for each excuse that excuses nothing."""
    checks, killed, excused = [spec.id for spec in declared(lab.validator)], _killed(lab), lab.unkilled()
    where = f"fixtures/{lab.id}/mutants.yaml"
    found = [
        f"no mutant fails {check} first: write one, or say why under `unkilled` in {where}"
        for check in checks
        if check not in killed and check not in excused
    ]
    for check in [*killed, *excused]:
        if check not in [*checks, "submission"]:
            found.append(f"{where} names check {check}, which the validator has not.{did_you_mean(check, checks)}")
    idle = [check for check in excused if check in killed]
    return found + [f"{where} says why nothing fails {check} first, but a mutant does" for check in idle]


def said_of(check: dict[str, Any]) -> str:
    """A check that did not pass, in one line: its id, its verdict, and what was found."""
    return f"{check['id']} {check['verdict']}: {' '.join(telling.said(check).split())}"


def _killed(lab: CourseLab) -> list[str]:
    return list(dict.fromkeys(mutant.fails for mutant in lab.mutants()))


def _no_verdict(record: dict[str, Any]) -> str:
    check = next(check for check in record["checks"] if check["verdict"] == record["verdict"])
    return f"no verdict: {said_of(check)}"


def _of_a_mutant(outcome: Outcome, mutant: Mutant) -> list[str]:
    """A mutant fails first on its check, with its sentence, at a line of its own."""
    first = outcome.first
    if first is None:
        return [f"it passes; expected {mutant.fails} to fail"]
    if (first["id"], first["verdict"]) != (mutant.fails, Verdict.FAILED):
        return [f"expected {mutant.fails} to fail first; {said_of(first)}"]
    if first["cause"] is None:
        return [f"{mutant.fails} fails without a cause; it observed: {first['observed']}"]
    said = first["cause"]["message"]
    faults = [] if mutant.is_said_by(said) else [f"expected: {mutant.says}\nit says:  {said}"]
    return faults if first["cause"]["source"] else [*faults, "the cause has no file and line of the submission"]


def _of_the_start(outcome: Outcome) -> list[str]:
    """An untouched start does not pass, says why, and scores no more than the lab allows."""
    record, allowed = outcome.record, outcome.case.lab.start_points
    if outcome.first is None:
        return ["the untouched start passes"]
    faults = []
    if record["score"] > allowed:
        faults.append(f"the untouched start scores {record['score']}; lab.yaml allows it {allowed} (start.points)")
    mute = [check["id"] for check in record["checks"] if check["verdict"] == Verdict.FAILED and not _helps(check)]
    return faults + [f"{check} fails without a cause, or without a next step" for check in mute]


def _helps(check: dict[str, Any]) -> bool:
    return bool(check["cause"] and check["next_step"])
