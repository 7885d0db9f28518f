"""What long steps show while they run: bars on a terminal, plain lines elsewhere. All of it goes to standard error."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from kindlabs.terminal import printable

QUIET_BELOW = 1.0
"""Seconds: a step that took less leaves no line behind, so that a warm run prints its verdict and nothing else."""

TOLD_EVERY = 20.0
"""Seconds between two lines that say how far a step is, where there are no bars."""


@dataclass
class Step:
    """One long step: ``advance`` it by units done, ``note`` what it is busy with. Safe to call from any thread."""

    title: str
    total: float | None
    _steps: Steps
    _task: TaskID | None = None
    quiet_below: float = QUIET_BELOW
    started: float = field(default_factory=time.monotonic)
    done: float = 0
    told: float = field(default_factory=time.monotonic)

    def advance(self, by: float = 1, note: str = "", done: str = "") -> None:
        """Count *by* more units as done, of the *total* that the step was given.

        *done* says what they were: above the bars, where it stays; on plain output before the note, in one line.
        """
        self._steps._update(self, by, note, done)

    def note(self, text: str) -> None:
        """Show what the step is busy with; on plain output a line of its own."""
        self._steps._update(self, 0, text)


class Steps:
    """The steps of one command. Use it as a context manager around all of them.

    Args:
        console: where to draw; standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        if self.console.is_terminal and self.console.file.isatty():  # FORCE_COLOR makes the first one true in a log too
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}", style="dim", markup=False),
                TimeElapsedColumn(),
                console=self.console,
                transient=True,
            )

    def __enter__(self) -> Steps:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bars:
            self._bars.stop()

    @contextmanager
    def step(self, title: str, total: float | None = None, quiet_below: float = QUIET_BELOW) -> Iterator[Step]:
        """Show *title* while the block runs, then how long it took.

        Args:
            title: what is being done, as a noun phrase or an imperative: "Build the node image".
            total: how many units of work there are, None when nobody knows.
            quiet_below: seconds that are not worth a line afterwards.
        """
        step = Step(title, total, self, quiet_below=quiet_below)
        if self._bars:
            step._task = self._bars.add_task(printable(title), total=total, note="")
        elif total is None or total > 1:
            self._line(f"  … {title}")
        try:
            yield step
        except BaseException:
            self._close(step, "✗", always=True)
            raise
        self._close(step, "✓", always=False)

    def line(self, text: str) -> None:
        """Print a line above the bars."""
        self._line(text)

    def _close(self, step: Step, mark: str, *, always: bool) -> None:
        seconds = time.monotonic() - step.started
        if self._bars and step._task is not None:
            self._bars.remove_task(step._task)
        if always or seconds >= step.quiet_below:
            self._line(f"  {mark} {step.title}  ({duration(seconds)})")

    def _update(self, step: Step, by: float, note: str, done: str = "") -> None:
        if self._bars and step._task is not None:
            if done:
                self._line(f"    {done}")
            self._bars.update(step._task, advance=by)
            if note:
                self._bars.update(step._task, note=printable(note))
            return
        step.done += by
        note = "; ".join(filter(None, (done, note)))
        far = f"{step.done:.0f} of {step.total:.0f}" if step.total else ""
        if note or (far and time.monotonic() - step.told > TOLD_EVERY):
            step.told = time.monotonic()
            self._line(f"    {step.title}: {note or far}")

    def _line(self, text: str) -> None:
        with self._lock:
            self.console.print(printable(text), markup=False, soft_wrap=True)
            if self.console.file is sys.stderr:
                sys.stderr.flush()


class TimeLeft:
    """What is left of *total* equal pieces of work, since *began* (of the monotonic clock)."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.began = total, 0, time.monotonic()

    @property
    def per_minute(self) -> float:
        """Pieces a minute, so far."""
        return self.done / max(time.monotonic() - self.began, 0.001) * 60

    def after_one_more(self) -> str:
        """``12 of 66, some 9 min 05 s left``."""
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.total - self.done)
        return f"{self.done} of {self.total}" + (f", some {duration(left)} left" if left else "")


def duration(seconds: float) -> str:
    """Seconds as a person says them: ``0.4 s``, ``12 s``, ``3 min 05 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
