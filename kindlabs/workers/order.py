"""An order: what one run is to judge, as it is handed to a process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kindlabs.course import Course, CourseLab

LONGEST_RUN = 15 * 60.0
"""Seconds, with the cluster at hand; every wait of a run has a bound of its own, and they add up to far less."""
DID_NOT_END = 75
"""What a process ends with whose run was still not over after these."""


@dataclass(frozen=True)
class Order:
    """One submission of a lab, to be judged on a clean cluster.

    Args:
        lab: the lab, wherever its course lies: a copy of it with another validator is another lab.
        submission: what ``lab check --submission`` takes: a folder, ``solution``, ``start``, a mutant's id.
        shown_as: what messages call the folder; empty for its path.
        learner: to whom the nonce was issued; whoever works here when empty.
        not_on: the number of a worker that does not take it, as long as another one can.
    """

    lab: CourseLab
    submission: str
    shown_as: str = ""
    learner: str = ""
    not_on: int | None = None

    def as_line(self) -> str:
        """The order as a line of JSON."""
        words = {"submission": self.submission, "shown_as": self.shown_as, "learner": self.learner}
        return json.dumps({"course": str(self.lab.course_root), "lab": self.lab.id, **words}) + "\n"

    @classmethod
    def read(cls, line: str) -> Order:
        """The order that a line says. Raises: UsageError, UnreadableLab."""
        words = json.loads(line)
        lab = Course(Path(words.pop("course"))).lab(words.pop("lab"))
        return cls(lab, **words)
