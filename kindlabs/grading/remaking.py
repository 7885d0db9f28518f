"""A gradebook made again of the records that there are: no cluster, no submission and no lab is needed."""

from __future__ import annotations

from pathlib import Path

from kindlabs.errors import UsageError
from kindlabs.grading import gradebook
from kindlabs.grading.records import Records
from kindlabs.grading.session import alone


def remake(out: Path) -> list[Path]:
    """Write the gradebook of the records below *out*; its files. Raises: UsageError (no records, somebody grades)."""
    records = Records(out)
    if not any(records.all()):
        raise UsageError(f"{out}: there are no records in it.", "Name the folder that lab grade --out wrote into.")
    with alone(out):
        return gradebook.write(out, records.all())
