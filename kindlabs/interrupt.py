"""Ended from outside: SIGTERM (CI, ``timeout``) and SIGHUP (a closed terminal) do what Ctrl-C in a terminal does."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def heed() -> None:
    """From now on these signals raise KeyboardInterrupt; one that is ignored, as under nohup, stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _as_ctrl_c)


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    """A terminal interrupts everything in the foreground: what this process has started gets the signal too."""
    deaf = signal.getsignal(signal.SIGINT) == signal.SIG_IGN  # as whatever a script starts with &, and its children
    for child in _children():
        with contextlib.suppress(OSError):
            if os.getpgid(child) == os.getpgrp():  # an engine in a session of its own lives on
                os.kill(child, signal.SIGTERM if deaf else signal.SIGINT)
    raise KeyboardInterrupt


def _children() -> list[int]:
    """The processes that this one has started, by any of its threads; none where the kernel does not tell (macOS)."""
    found: list[int] = []
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended
            found += map(int, file.read_text().split())
    return found
