"""What is to be run: of each lab its solutions, its start and its mutants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from kindlabs.course import CourseLab
from kindlabs.errors import UsageError
from kindlabs.mutants import Mutant


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
