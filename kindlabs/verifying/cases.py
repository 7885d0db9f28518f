"""What is to be run: of each lab that is asked for its solutions, its start and its mutants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kindlabs.course import Course, CourseLab
from kindlabs.errors import UsageError
from kindlabs.mutants import Mutant
from kindlabs.progress import Steps
from kindlabs.verifying import changes


@dataclass(frozen=True)
class Case:
    """One submission of a lab, to be judged on a clean cluster.

    Args:
        word: what ``lab check --submission`` calls it.
        mutant: what must be said of it, where it is one.
        turn: which of several runs of the same submission.
        without: the number of an assertion that the validator does without, from 0; None for the validator as it is.
    """

    lab: CourseLab
    word: str
    mutant: Mutant | None = field(default=None, compare=False)
    turn: int = 1
    without: int | None = None

    @property
    def name(self) -> str:
        """``03 wrong-class``."""
        return f"{self.lab.number} {self.word}"


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        labs: the labs, as a person names them; none for all.
        changed: a git revision: only labs that have changed since.
        rotate: so many runs of what is not asked for by ``changed``, others each day: of each lab that has not changed
            itself, of all labs where ``changed`` is None.
        shard: ``i/n``.
        repeat: how often each submission is judged.
        jobs: clusters side by side; None for as many as the machine bears.
        again: forget the results of earlier runs.
        assertions: see whether each assertion of the validators is needed.
    """

    labs: tuple[str, ...] = ()
    changed: str | None = None
    rotate: int | None = None
    shard: str | None = None
    repeat: int = 1
    jobs: int | None = None
    again: bool = False
    assertions: bool = False


def chosen(course: Course, options: Options, steps: Steps) -> list[Case]:
    """The cases that *options* ask for; what is left to chance is said."""
    labs = [course.lab(name) for name in options.labs] or course.labs()
    whole, rest = ([], labs) if options.rotate is not None else (list(dict.fromkeys(labs)), [])
    if options.changed is not None:
        files = changes.changed_files(course.root, options.changed)
        if options.rotate is not None or not any(map(changes.is_engine, files)):
            whole = changes.touched(labs, files)
        rest = [lab for lab in labs if lab not in whole]
    found = _all_of(whole)
    if options.rotate is not None:
        day = datetime.now(UTC).date().toordinal()
        drawn = in_rotation(_all_of(rest), options.rotate, day)
        numbers = ", ".join(lab.number for lab in whole) or "none"
        steps.line(f"In full: {numbers}. In rotation, of the rest on day {day}: {len(drawn)} of {len(_all_of(rest))}.")
        found += sorted(drawn, key=lambda case: case.lab.id)
    return shard(found, options.shard) if options.shard else found


def _all_of(labs: Iterable[CourseLab]) -> list[Case]:
    return [case for lab in labs for case in cases_of(lab)]


def cases_of(lab: CourseLab) -> list[Case]:
    """All cases of a lab; the solutions first. Raises: UnreadableLab."""
    words = dict.fromkeys(["solution", *lab.solutions, "start"])
    return [*(Case(lab, word) for word in words), *(Case(lab, mutant.id, mutant) for mutant in lab.mutants())]


def shard(cases: list[Case], said: str) -> list[Case]:
    """Every n-th case, from the i-th on; *said* is ``i/n``. Raises: UsageError."""
    first, slash, of = said.partition("/")
    if not (slash and first.isdecimal() and of.isdecimal() and 1 <= int(first) <= int(of)):
        raise UsageError(f"--shard {said}: expected i/n, such as 1/3.", "The shards of three are 1/3, 2/3 and 3/3.")
    return cases[int(first) - 1 :: int(of)]


def in_rotation(cases: Iterable[Case], count: int, day: int) -> list[Case]:
    """*count* of the cases for this *day*; another day others, until all have been: in an order that stays the same.

    The order is by a digest of the name, so that neighbours are of different labs.
    """
    ordered = sorted(cases, key=lambda case: hashlib.sha256(case.name.encode()).hexdigest())
    first = day * count % len(ordered) if ordered else 0
    return [*ordered[first:], *ordered[:first]][:count]
