"""Results that are kept, so that an interrupted ``lab verify`` goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from kindlabs.clusters.state import write_whole
from kindlabs.verifying.cases import Case
from kindlabs.workers import engine


class Kept:
    """The records of one checkout's runs, each under a digest of its lab, the engine and what was asked."""

    def __init__(self, course_root: Path) -> None:
        self._folder = course_root / ".labs" / "verify"
        self._engine = engine.digest(course_root)

    def get(self, case: Case) -> dict[str, Any] | None:
        """The record of an earlier run of *case*; None where there is none, or something has changed since."""
        try:
            found: dict[str, Any] = json.loads(self._file(case).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def put(self, case: Case, record: dict[str, Any]) -> None:
        """Keep the record of a run."""
        file = self._file(case)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(record))

    def forget(self) -> None:
        """Forget all results."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, case: Case) -> Path:
        key = f"{self._engine} {case.lab.digest} {case.word} {case.turn} {case.without}"
        return self._folder / case.lab.id / f"{case.word}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
