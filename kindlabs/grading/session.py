"""One ``lab grade``: from a class to a gradebook, and nothing that was judged is lost on the way."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kindlabs.asking import Ask
from kindlabs.course import Course, CourseLab
from kindlabs.errors import UsageError
from kindlabs.grading import gradebook
from kindlabs.grading.intake import Intake, Taken, take_in
from kindlabs.grading.records import Graded, Records, has_verdict, verdict_of
from kindlabs.grading.roster import read_roster
from kindlabs.nonces import issue
from kindlabs.progress import Steps, TimeLeft, duration
from kindlabs.record import Record, Verdict
from kindlabs.validators import read_validator
from kindlabs.workers import engine, pool
from kindlabs.workers.order import Order

MARKS = {Verdict.PASSED: "✓", Verdict.LAB_ERROR: "!", Verdict.INFRA_ERROR: "!"}


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        lab: as a person names it.
        submissions: the class: a folder, or an archive of one.
        roster: a CSV of who is in it; None for whoever handed something in.
        out: the gradebook's folder.
        jobs: clusters side by side; None for as many as the machine bears.
    """

    lab: str
    submissions: Path
    roster: Path | None = None
    out: Path = Path("gradebook")
    jobs: int | None = None


@dataclass
class Report:
    """What came of it: the records of the class, how many runs were made now and in how many seconds, and the files.

    ``others``: who has a record for the lab, and is not in the class; of an earlier one, or called otherwise by now.
    """

    lab: CourseLab
    records: list[Graded] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    fresh: int = 0
    seconds: float = 0.0
    files: list[Path] = field(default_factory=list)

    @property
    def undecided(self) -> list[Graded]:
        """Those without a verdict."""
        return [graded for graded in self.records if not has_verdict(graded)]

    @property
    def exit_code(self) -> int:
        """0 everybody has a verdict, 3 somebody has none."""
        return 3 if self.undecided else 0


@dataclass
class Item:
    """A submission and what its record has to say of it; ``earlier``: what was found when it was last judged."""

    taken: Taken
    digests: dict[str, str]
    earlier: Graded | None

    @property
    def is_done(self) -> bool:
        """Whether it was judged as it is now, and with a verdict."""
        return bool(self.earlier and has_verdict(self.earlier) and self.earlier["digests"] == self.digests)


def dry_run(course: Course, options: Options) -> tuple[Intake, list[Item]]:
    """Take the class in and say what would be judged; nothing is run, and nothing is left behind."""
    lab = _lab(course, options)
    with tempfile.TemporaryDirectory(prefix="lab-grade-") as place:
        intake = _take_in(lab, options, Path(place))
        return intake, _items(course, lab, intake, Records(options.out))


def grade(
    course: Course, options: Options, steps: Steps, ask: Ask, listen: Callable[[Intake], None] = lambda _: None
) -> Report:
    """Judge a class; *listen* hears of it as it was taken in, before anything runs.

    Raises: UsageError, LabError, InfraError (no cluster at all can be had).
    """
    lab = _lab(course, options)
    with alone(options.out):
        place = options.out / "submissions" / lab.number
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        records, report = Records(options.out), Report(lab)
        with steps.step(f"Take in {options.submissions}", total=1):
            intake = _take_in(lab, options, place)
            items = _items(course, lab, intake, records)
        listen(intake)
        try:
            _Grading(course, lab, records, options.jobs or pool.jobs_here(), steps, report).run(items, ask)
        finally:  # whoever interrupts has a gradebook of what there is
            _keep_missing(lab, intake, records)
            people = [*(item.taken.learner for item in items), *intake.missing]
            report.records = [graded for learner in people if (graded := records.get(learner, lab))]
            everybody = list(records.all())
            of_lab = [graded["learner"]["id"] for graded in everybody if graded["lab"] == lab.id]
            report.others = [who for who in of_lab if who not in {learner.id for learner in people}]
            report.files = gradebook.write(options.out, everybody)
        return report


def _lab(course: Course, options: Options) -> CourseLab:
    """The lab, read as far as it can be before there is a cluster."""
    lab = course.lab(options.lab)
    read_validator(lab.validator)
    lab.setup("a0000000")
    return lab


def _take_in(lab: CourseLab, options: Options, place: Path) -> Intake:
    roster = read_roster(options.roster) if options.roster else None
    return take_in(lab, options.submissions, roster, place, options.out)


def _items(course: Course, lab: CourseLab, intake: Intake, records: Records) -> list[Item]:
    of_all = {"lab": lab.digest, "engine": engine.digest(course.root)}
    items = []
    for taken in intake.taken:
        nonce = issue(course.root, lab.id, taken.learner.id)
        digests = {"submission": engine.combined(taken.digest, nonce), **of_all}
        items.append(Item(taken, digests, records.get(taken.learner, lab)))
    for learner in intake.missing:
        if (earlier := records.get(learner, lab)) and earlier["result"]:
            intake.note(learner.id, "judged earlier, and now without files", "the earlier record stays")
    return items


def _keep_missing(lab: CourseLab, intake: Intake, records: Records) -> None:
    """A record for who handed nothing in, unless there is one of something that was handed in earlier."""
    for learner in intake.missing:
        earlier = records.get(learner, lab)
        if earlier is None or earlier["result"] is None:
            records.put(learner, lab, {}, None, 0)


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """While the block runs, the only one who writes into *out*. Raises: UsageError."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: it is no folder.", "Name a folder with --out.")
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        message = f"{out}: another lab grade writes there now."
        raise UsageError(message, "Wait for it, or name another folder with --out.") from None
    try:
        yield
    finally:
        lock.release()


class _Grading:
    """Runs what is left to run, keeps each record as it comes, and shows how far it is."""

    def __init__(
        self, course: Course, lab: CourseLab, records: Records, jobs: int, steps: Steps, report: Report
    ) -> None:
        self._course, self._lab, self._records, self._report = course, lab, records, report
        self._jobs, self._steps = jobs, steps

    def run(self, items: Sequence[Item], ask: Ask) -> None:
        """Run what has no record of now; what the infrastructure kept from a verdict is tried again, elsewhere."""
        for item in items:
            if item.taken.fault:
                found = Record.unreadable(self._lab, item.taken.learner.id, item.taken.fault)
                self._keep(item, found.as_dict(), tries=1)
            elif item.is_done:
                self._remember(item)
        todo = [item for item in items if not item.taken.fault and not item.is_done]
        if not todo:
            return
        pool.prepare(self._course.root, self._lab, self._steps, ask)
        failed = self._pass(f"Grade lab {self._lab.number}", [(item, None) for item in todo], tries=1)
        if failed:
            self._pass("Try again what had no verdict", failed, tries=2)

    def _pass(self, title: str, todo: list[tuple[Item, int | None]], tries: int) -> list[tuple[Item, int | None]]:
        """Run each once; those that ended with ``infra_error``, each with the worker that had it."""
        orders = [self._order(item, not_on) for item, not_on in todo]
        far = _Far(len(todo), pool.side_by_side(orders, self._jobs))
        failed: list[tuple[Item, int | None]] = []
        running = closing(pool.run(self._course.root, orders, self._jobs, self._steps))
        with self._steps.step(title, total=len(todo)) as step, running as answers:
            for answer in answers:
                item = todo[answer.place][0]
                graded = self._keep(item, answer.record, tries)
                self._report.fresh += 1
                if verdict_of(graded) == Verdict.INFRA_ERROR:
                    failed.append((item, answer.worker))
                step.advance(note=far.after(graded), done=_told(graded))
        self._report.seconds += time.monotonic() - far.left.began
        return failed

    def _order(self, item: Item, not_on: int | None) -> Order:
        who = item.taken.learner.id
        return Order(self._lab, str(item.taken.folder.resolve()), shown_as=who, learner=who, not_on=not_on)

    def _keep(self, item: Item, result: dict[str, Any], tries: int) -> Graded:
        return self._records.put(item.taken.learner, self._lab, item.digests, result, tries)

    def _remember(self, item: Item) -> None:
        """Nothing was run; who she is may have changed since."""
        assert item.earlier is not None
        if item.earlier["learner"] != asdict(item.taken.learner):
            self._keep(item, item.earlier["result"], item.earlier["tries"])


class _Far:
    """How far a pass is: what a person wants to know who waits for it."""

    def __init__(self, total: int, width: int) -> None:
        self.left = TimeLeft(total)
        self._width, self._verdicts = width, Counter[str]()

    def after(self, graded: Graded) -> str:
        """``3 of 12, some 2 min 05 s left; 2 running, 6.5 a minute; 2 passed, 1 failed``."""
        self._verdicts[verdict_of(graded)] += 1
        far = self.left.after_one_more()
        running = min(self._width, self.left.total - self.left.done)
        counts = ", ".join(f"{self._verdicts[name]} {name}" for name in Verdict if self._verdicts[name])
        return f"{far}; {running} running, {self.left.per_minute:.1f} a minute; {counts}"


def _told(graded: Graded) -> str:
    """``✗ anna failed 4 of 10 (6.2 s)``."""
    verdict, result = Verdict(verdict_of(graded)), graded["result"]
    score = f" {result['score']} of {result['max_score']}" if has_verdict(graded) else ""
    seconds = duration(sum(result["seconds"].values()))
    return f"{MARKS.get(verdict, '✗')} {graded['learner']['id']} {verdict}{score} ({seconds})"
