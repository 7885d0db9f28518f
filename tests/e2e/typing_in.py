"""Type a command as a person does, and keep what it said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Typed:
    """What a command said: ``code``, ``out`` (standard output), ``err`` (standard error)."""

    code: int
    out: str
    err: str


Type = Callable[..., Typed]


def type_in(folder: Path, *words: str, timeout: float = 600, **variables: str) -> Typed:
    """Run a command in *folder*, without a terminal; *variables* are added to the environment.

    A make that these tests run under is not passed on: a person's make is nobody's child.
    """
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Typed(done.returncode, done.stdout, done.stderr)
