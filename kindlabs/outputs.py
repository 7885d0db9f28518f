"""Where a command is asked to write, ``-`` for standard output: refused before the run, so nothing is lost later."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar, cast

from kindlabs.errors import InfraError, UsageError

T = TypeVar("T")


def refuse(places: Sequence[str | None], *, spoken: bool = False) -> None:
    """Refuse what cannot be written, and two reports in one place; *spoken*: standard output is taken already."""
    seen = {"-"} if spoken else set[str]()
    for where in filter(None, places):
        called = where if where == "-" else os.path.realpath(where)
        if called in seen:
            what = "standard output" if where == "-" else where
            raise UsageError(f"Two reports would be written to {what}.", "Give each a file of its own.")
        seen.add(called)
        _refuse_unwritable(where)


def _refuse_unwritable(where: str | None) -> None:
    """Refuse a path that cannot be written before the run, not after it."""
    if where in (None, "-"):
        return
    path = Path(str(where))
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        why = "it is a folder" if path.is_dir() else "it cannot be written"
        why = why if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise UsageError(f"{where}: {why}.", "Name a file in a folder that is there, or - for standard output.")
    if path.is_file():
        path.unlink()  # nobody takes an older record for this run's, should it end without one


def write_all(wanted: Iterable[tuple[str | None, Callable[[T], str]]], told: T) -> None:
    """Write what is asked for of *wanted*: places, each with what makes its report of *told*. Raises: InfraError."""
    for where, report in wanted:
        if where:
            write(report(told), where)


def write(text: str, where: str) -> None:
    """Write a report. Raises: InfraError."""
    if where == "-":
        cast(TextIOWrapper, sys.stdout).reconfigure(encoding="utf-8")  # as JSON is, whatever the terminal's is
        sys.stdout.write(text)
        return
    try:
        Path(where).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InfraError(f"The result could not be written to {where}: {error.strerror}.") from error
