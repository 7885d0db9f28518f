"""Runs orders in processes of their own, side by side, each process with a cluster of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kindlabs.asking import Ask
from kindlabs.clusters.lease import lease
from kindlabs.clusters.profiles import load
from kindlabs.course import CourseLab
from kindlabs.errors import InfraError, of_machine
from kindlabs.progress import Steps, duration
from kindlabs.record import Record
from kindlabs.workers.order import DID_NOT_END, LONGEST_RUN, Order

MEMORY_EACH = 4 * 2**30
"""What a cluster and its runs keep busy: bytes, with add-ons, Pods and page cache."""


@dataclass(frozen=True)
class Answer:
    """What came of an order: its place among those given, who ran it, and :meth:`kindlabs.record.Record.as_dict`."""

    place: int
    worker: int
    record: dict[str, Any]


def jobs_here() -> int:
    """How many clusters this machine bears side by side: a run waits most of its time, so each core takes one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(os.cpu_count() or 1, memory // MEMORY_EACH))


def prepare(course_root: Path, lab: CourseLab, steps: Steps, ask: Ask) -> None:
    """See that there is a cluster, and an engine below it, where a person can be asked and sees how far it is.

    Raises: InfraError, LabError, UsageError, as :func:`kindlabs.clusters.lease.lease`.
    """
    with lease(course_root, lab.profile, lab.addons, steps, ask, images=lab.images):
        pass


def side_by_side(orders: Sequence[Order], jobs: int) -> int:
    """How many of *orders* run at once when up to *jobs* may."""
    several = any(not is_wide(order.lab) for order in orders)
    return min(jobs, len(orders)) if several else min(1, len(orders))


def is_wide(lab: CourseLab) -> bool:
    """Whether a lab's cluster has several nodes, each of which keeps a core as busy as a cluster of one does."""
    return load(lab.course_root, lab.profile).nodes > 1


def run(course_root: Path, orders: Sequence[Order], jobs: int, steps: Steps) -> Generator[Answer, None, None]:
    """Run *orders* and give what came of each, in the order in which they end.

    The n-th process has the n-th cluster of a lab's profile; clusters of several nodes are left to the first one.
    """
    numbered = list(enumerate(orders))
    todo, wide = (_Todo(one for one in numbered if is_wide(one[1].lab) == several) for several in (False, True))
    answers = queue.Queue[Answer]()
    others = max((order.not_on + 1 for order in orders if order.not_on), default=0)
    with _workers(course_root, min(jobs, max(len(orders), others)), steps) as workers:
        for worker in workers:
            own: list[_Share] = [(wide, None)] if worker is workers[0] else []
            own.append((todo, worker.index if len(workers) > 1 else None))
            threading.Thread(target=_keep_busy, args=(worker, own, answers), daemon=True).start()
        try:
            for _ in orders:
                yield answers.get()
        finally:
            todo.clear()  # whoever interrupts wants no further run to begin
            wide.clear()


class _Todo:
    """Orders that nobody has taken yet, with their places."""

    def __init__(self, orders: Iterable[tuple[int, Order]]) -> None:
        self._orders, self._lock = list(orders), threading.Lock()

    def take(self, worker: int | None) -> tuple[int, Order] | None:
        """The next one that *worker* may take; any with None. None when there is none."""
        with self._lock:
            for at, (_, order) in enumerate(self._orders):
                if worker is None or order.not_on != worker:
                    return self._orders.pop(at)
        return None

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._orders.clear()


_Share = tuple[_Todo, int | None]
"""Orders, and as which worker somebody takes from them; with None whatever comes next."""


class Worker:
    """One process, begun when it has something to do, and anew when it has died."""

    def __init__(self, course_root: Path, index: int, steps: Steps) -> None:
        self.index = index
        self._words = [sys.executable, "-m", "kindlabs.workers.process", str(course_root), str(index)]
        self._steps = steps
        self._process: subprocess.Popen[str] | None = None

    def judge(self, order: Order) -> dict[str, Any]:
        """Run one order; whatever becomes of it, there is a record."""
        try:
            return self._ask(order)
        except Exception as error:  # nobody would wait for a thread that has ended, and everybody for its answer
            self.end()
            fault = of_machine(error) or InfraError(f"The process that runs it cannot be asked: {error!r}.")
            return _without_verdict(order, fault)

    def _ask(self, order: Order) -> dict[str, Any]:
        process = self._process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(order.as_line())
            process.stdin.flush()
        line = process.stdout.readline()
        if line.endswith("\n"):  # else it died, in the middle of a line or before it
            answer: dict[str, Any] = json.loads(line)
            return answer
        self.end()
        why = f"The process that ran it ended with code {process.returncode}."
        if process.returncode == DID_NOT_END:
            why = f"The run had not ended after {duration(LONGEST_RUN)}."
        return _without_verdict(order, InfraError(why))

    def end(self) -> None:
        """End the process, at whatever it is."""
        if process := self._process:
            process.terminate()
            process.wait()
            self._shown.join()
            for stream in filter(None, (process.stdin, process.stdout)):
                with suppress(OSError):  # what was not sent yet, to a process that is gone
                    stream.close()
            self._process = None

    def _begin(self) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        process = subprocess.Popen(self._words, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8")
        self._shown = threading.Thread(target=_pass_on, args=(process.stderr, self._steps), daemon=True)
        self._shown.start()
        return process


def _without_verdict(order: Order, fault: InfraError) -> dict[str, Any]:
    return Record.without_verdict(order.lab, order.shown_as or order.submission, fault).as_dict()


@contextmanager
def _workers(course_root: Path, count: int, steps: Steps) -> Iterator[list[Worker]]:
    workers = [Worker(course_root, index, steps) for index in range(1, count + 1)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()


def _keep_busy(worker: Worker, mine: list[_Share], answers: queue.Queue[Answer]) -> None:
    for todo, known_as in mine:
        while found := todo.take(known_as):
            place, order = found
            answers.put(Answer(place, worker.index, worker.judge(order)))


def _pass_on(shown: IO[str], steps: Steps) -> None:
    with shown:
        for line in shown:
            steps.line(line.rstrip())
