"""A validator, read before any cluster is touched: what its author got wrong is one sentence, and costs no run."""

from __future__ import annotations

import ast
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from kindlabs.checks import declared
from kindlabs.errors import LabError
from kindlabs.mistakes import shown, told
from kindlabs.spelling import did_you_mean

ADVICE = "docs/writing-a-lab.md says how a validator is written"
FOREIGN = "PYTEST_"
"""How variables begin that are meant for somebody else's tests, and could leave checks out."""


def read_validator(validator: Path) -> None:
    """Import a validator, and look whether what it calls is there.

    Raises: LabError with file, line and the nearest name.
    """
    try:
        from kindlabs.vocabulary import misspelt  # brings all expectations and walks along
    except Exception as error:  # whatever one of them does when it is loaded
        raise LabError(told(error)) from None
    if not validator.is_file():
        names = [path.name for path in validator.parent.glob("test_*.py")]
        near = did_you_mean(validator.name, names, 1)
        raise LabError(f"{shown(validator)}: there is no such file; a lab needs a validator.{near}", ADVICE)
    try:
        tree = ast.parse(validator.read_bytes(), str(validator))
        with undisturbed():
            exec(compile(tree, str(validator), "exec"), {"__name__": validator.stem, "__file__": str(validator)})  # noqa: S102
    except KeyboardInterrupt:
        raise
    except LabError as error:
        raise LabError(f"{shown(validator)}: {error.message}", error.next_step) from None
    except BaseException as error:  # whatever a module does when it is loaded
        raise LabError(told(error), ADVICE) from None
    if not declared(validator):
        raise LabError(f"{shown(validator)}: no check in it.", ADVICE)
    if mistake := misspelt(tree):
        raise LabError(f"{shown(validator)}:{mistake}", ADVICE)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Nothing from outside reaches the validator; what it prints is no part of a report; it cannot end the process."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(FOREIGN)}
    leave, process = os._exit, os.getpid()

    def refuse(code: int) -> NoReturn:
        if os.getpid() != process:  # a child may end as it likes
            leave(code)
        raise LabError(f"the validator calls os._exit({code})")

    os._exit = refuse  # type: ignore[assignment]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os._exit = leave
        os.environ.update(kept)
