"""What came of each learner: one file for each learner and lab, whole or not there, so that nothing is judged twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kindlabs.clusters.state import write_whole
from kindlabs.course import CourseLab
from kindlabs.grading.learner import Learner
from kindlabs.record import NO_VERDICT, Verdict

SCHEMA_ID = "kind-labs/graded/v1"

Graded = dict[str, Any]
"""``learner``: see :class:`Learner`; ``lab``: its id; ``digests``: of ``submission``, ``lab`` and ``engine``;
``tries``: how often it was run; ``result``: the record of the run, None for somebody who handed nothing in."""


class Records:
    """The records below a gradebook's folder: ``records/<learner>/<lab>.json``."""

    def __init__(self, out: Path) -> None:
        self._folder = out / "records"

    def put(
        self, learner: Learner, lab: CourseLab, digests: dict[str, str], result: dict[str, Any] | None, tries: int
    ) -> Graded:
        """Keep what came, in the place of what came earlier."""
        graded = {
            "schema": SCHEMA_ID,
            "learner": asdict(learner),
            "lab": lab.id,
            "digests": digests,
            "tries": tries,
            "result": result,
        }
        file = self.file(learner, lab)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(graded, indent=2, ensure_ascii=False) + "\n"
        write_whole(file, text.encode(errors="replace").decode())
        return graded

    def get(self, learner: Learner, lab: CourseLab) -> Graded | None:
        """What came earlier; None where there is nothing."""
        return _read(self.file(learner, lab))

    def file(self, learner: Learner, lab: CourseLab) -> Path:
        """Where the record of a learner for a lab is."""
        return self._folder / learner.folder / f"{lab.id}.json"

    def all(self) -> Iterator[Graded]:
        """All that there are: learner by learner, the labs of each in their order."""
        for file in sorted(self._folder.glob("*/*.json"), key=lambda file: (file.parent.name.lower(), file.name)):
            if found := _read(file):
                yield found


def verdict_of(graded: Graded) -> str:
    """The verdict of a record; ``missing`` for somebody who handed nothing in."""
    return str(graded["result"]["verdict"]) if graded["result"] else "missing"


def has_verdict(graded: Graded) -> bool:
    """Whether there is nothing left to do for it."""
    return verdict_of(graded) not in NO_VERDICT


def first_of(graded: Graded) -> dict[str, Any] | None:
    """The first check that did not pass; of one without a verdict, that which says why."""
    checks = graded["result"]["checks"] if graded["result"] else []
    if not has_verdict(graded):
        checks = [check for check in checks if check["verdict"] == verdict_of(graded)]
    return next((check for check in checks if check["verdict"] != Verdict.PASSED), None)


def _read(file: Path) -> Graded | None:
    try:
        found: Graded = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA_ID else None
