"""Faults of this program itself: kept in a file for whoever mends them, and nothing against cluster or learner."""

from __future__ import annotations

import traceback
from datetime import datetime
from pathlib import Path

from kindlabs.course import find
from kindlabs.errors import OWN_FAULT, KindLabsError


def keep(error: Exception) -> str:
    """Write *error*'s traceback to ``.labs/logs`` of the checkout; say what it is, and where that file is.

    Where nothing can be written, the traceback itself is what is said.
    """
    told = "".join(traceback.format_exception(error))
    log = _root() / ".labs" / "logs" / f"fault-{datetime.now():%Y%m%d-%H%M%S}.txt"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(told, encoding="utf-8", errors="backslashreplace")
        where = f"kept in {log}"
    except OSError:
        where = told
    return f"{OWN_FAULT}: {type(error).__name__}: {error}\n  {where}"


def _root() -> Path:
    try:
        return find(Path.cwd()).root
    except KindLabsError:
        return Path.cwd()
