"""One ``lab verify``: from what is asked for to a report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from kindlabs import submission
from kindlabs.asking import Ask
from kindlabs.clusters.kubectl import kubectl_program
from kindlabs.course import Course, CourseLab
from kindlabs.progress import Steps, TimeLeft, duration
from kindlabs.validators import read_validator
from kindlabs.verifying import judging
from kindlabs.verifying.assertions import assertions_of
from kindlabs.verifying.cases import Case, Options, chosen
from kindlabs.verifying.judging import Outcome
from kindlabs.verifying.kept import Kept
from kindlabs.verifying.running import run
from kindlabs.workers.pool import jobs_here, prepare


@dataclass
class Report:
    """What came of it: an outcome for each case, and what is wrong with a lab as a whole.

    ``fresh``: how many runs were made now, in ``seconds``, clusters not counted; the others are remembered.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    of_labs: dict[str, list[str]] = field(default_factory=dict)
    fresh: int = 0
    seconds: float = 0.0

    @property
    def per_minute(self) -> float:
        """Runs a minute."""
        return self.fresh / self.seconds * 60 if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """0 all is as it should be, 1 something is not, 3 a run came to no verdict."""
        if not all(outcome.has_verdict for outcome in self.outcomes):
            return 3
        return int(any(outcome.faults for outcome in self.outcomes) or any(self.of_labs.values()))


def verify(course: Course, options: Options, steps: Steps, ask: Ask) -> Report:
    """Run what *options* ask for, and hold it to what the labs say.

    Raises: UsageError; LabError and UnreadableLab for a lab that cannot be read, before any cluster is touched.
    """
    cases = chosen(course, options, steps)
    _read(course, cases, steps)
    kept = Kept(course.root)
    if options.again:
        kept.forget()
    runner = _Runner(course, kept, options.jobs or jobs_here(), steps, ask)
    turns = [replace(case, turn=turn) for turn in range(1, options.repeat + 1) for case in cases]
    report = Report(runner.run("Verify", turns))
    report.of_labs = {lab.id: [] for lab in _labs_of(cases)}
    for lab in _labs_of(cases):
        report.of_labs[lab.id] += judging.unkilled(lab)
        report.of_labs[lab.id] += judging.differing(one for one in report.outcomes if one.case.lab == lab)
        if options.assertions:
            unnoticed, undecided = _unnoticed(lab, runner)
            report.of_labs[lab.id] += unnoticed
            report.outcomes += undecided
    report.fresh, report.seconds = runner.made, runner.seconds
    return report


def _labs_of(cases: Iterable[Case]) -> list[CourseLab]:
    return list({case.lab.id: case.lab for case in cases}.values())


def _read(course: Course, cases: list[Case], steps: Steps) -> None:
    """Read all that is to be run: an author's mistake is told before a cluster is made."""
    for lab in _labs_of(cases):
        read_validator(lab.validator)
    for case in cases:
        handed_in = submission.resolve(course, case.lab, case.word, kubectl=lambda: kubectl_program(steps))
        case.lab.setup(handed_in.nonce)


def _unnoticed(lab: CourseLab, runner: _Runner) -> tuple[list[str], list[Outcome]]:
    """One sentence for each assertion without which the mutants of its check fail as before; and what had no verdict.

    A check's only assertion is needed as soon as a mutant fails there: without any, a check is no check. Where none
    does, :func:`judging.unkilled` has said so.
    """
    found, undecided = assertions_of(lab), []
    alone = Counter(assertion.check for assertion in found)
    mutants = {check: [m for m in lab.mutants() if m.fails == check] for check in alone}
    left = {number: one for number, one in enumerate(found) if alone[one.check] > 1 and mutants[one.check]}
    for turn in range(max(map(len, mutants.values()), default=0)):
        tried = {
            number: Case(lab, mutants[one.check][turn].id, mutants[one.check][turn], without=number)
            for number, one in left.items()
            if turn < len(mutants[one.check])
        }
        outcomes = runner.run(f"Lab {lab.number} without an assertion", list(tried.values()))
        for number, outcome in zip(tried, outcomes, strict=True):
            if not outcome.has_verdict:
                undecided.append(outcome)
                left.pop(number)
            elif outcome.first is None or outcome.first["id"] != left[number].check:
                left.pop(number)
    where = lab.validator.relative_to(lab.course_root).as_posix()
    told = [f"{where}:{one.line}: no mutant notices when this is gone: {one.text}" for one in left.values()]
    return told, undecided


class _Runner:
    """Runs cases, or remembers what came of them, and shows how far it is."""

    def __init__(self, course: Course, kept: Kept, jobs: int, steps: Steps, ask: Ask) -> None:
        self._course, self._kept, self._jobs, self._steps, self._ask = course, kept, jobs, steps, ask
        self.made, self.seconds = 0, 0.0

    def run(self, title: str, cases: list[Case]) -> list[Outcome]:
        """The outcome of each case, in their order."""
        outcomes = {}
        for case in cases:
            if record := self._kept.get(case):
                outcomes[case] = judging.judge(case, record, remembered=True)
        todo = [case for case in cases if case not in outcomes]
        if todo:
            prepare(self._course.root, todo[0].lab, self._steps, self._ask)
            with self._steps.step(title, total=len(todo)) as step:
                left = TimeLeft(len(todo))
                with closing(run(self._course.root, todo, self._jobs, self._steps)) as answers:
                    for case, record in answers:
                        outcomes[case] = self._take(case, record)
                        step.advance(note=_told(outcomes[case], left.after_one_more()))
                        for line in "\n".join(outcomes[case].faults).splitlines():
                            self._steps.line(f"      {line}")
                self.seconds += time.monotonic() - left.began
        return [outcomes[case] for case in cases]

    def _take(self, case: Case, record: dict[str, Any]) -> Outcome:
        """Judge what came, and keep it where it is a verdict."""
        self.made += 1
        outcome = judging.judge(case, record)
        if outcome.has_verdict:
            self._kept.put(case, record)
        return outcome


def _told(outcome: Outcome, left: str) -> str:
    return f"{'✗' if outcome.faults else '✓'} {outcome.case.name} ({duration(outcome.seconds)}), {left}"
