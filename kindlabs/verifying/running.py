"""Runs cases in processes of their own, side by side, each process with a cluster of its own."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from kindlabs.clusters.profiles import load
from kindlabs.errors import InfraError
from kindlabs.progress import Steps
from kindlabs.record import Record
from kindlabs.verifying.cases import Case

MEMORY_EACH = 4 * 2**30
"""What a cluster and its runs keep busy: bytes, with add-ons, Pods and page cache."""

Answer = dict[str, Any]
"""A record as a dict, see :meth:`kindlabs.record.Record.as_dict`."""


def jobs_here() -> int:
    """How many clusters this machine bears side by side: a run waits most of its time, so each core takes one."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(os.cpu_count() or 1, memory // MEMORY_EACH))


def run(course_root: Path, cases: list[Case], jobs: int, steps: Steps) -> Generator[tuple[Case, Answer], None, None]:
    """Run *cases* and give each with its record, in the order in which they end.

    The n-th process has the n-th cluster of a lab's profile; clusters of several nodes are left to the first one.
    """
    todo, wide = (deque(case for case in cases if _is_wide(course_root, case) == several) for several in (False, True))
    answers = queue.Queue[tuple[Case, Answer]]()
    with _workers(course_root, min(jobs, len(cases)), steps) as workers:
        for worker in workers:
            own = [wide, todo] if worker is workers[0] else [todo]
            threading.Thread(target=_keep_busy, args=(worker, own, answers), daemon=True).start()
        try:
            for _ in cases:
                yield answers.get()
        finally:
            todo.clear()  # whoever interrupts wants no further run to begin
            wide.clear()


def _is_wide(course_root: Path, case: Case) -> bool:
    """Whether a case's cluster has several nodes, each of which keeps a core as busy as a cluster of one does."""
    return load(course_root, case.lab.profile).nodes > 1


class Worker:
    """One process, begun when it has something to do, and anew when it has died."""

    def __init__(self, course_root: Path, index: int, steps: Steps) -> None:
        self._words = [sys.executable, "-m", "kindlabs.verifying.worker", str(course_root), str(index)]
        self._steps = steps
        self._process: subprocess.Popen[str] | None = None

    def judge(self, case: Case) -> Answer:
        """Run one case."""
        order = {"lab": case.lab.id, "word": case.word, "without": case.without}
        process = self._process = self._process or self._begin()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
        if line := process.stdout.readline():
            answer: Answer = json.loads(line)
            return answer
        self.end()
        ended = InfraError(f"The process that ran it ended with code {process.returncode}.")
        return Record.without_verdict(case.lab, case.word, ended).as_dict()

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


@contextmanager
def _workers(course_root: Path, count: int, steps: Steps) -> Iterator[list[Worker]]:
    workers = [Worker(course_root, index, steps) for index in range(1, count + 1)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()


def _keep_busy(worker: Worker, mine: list[deque[Case]], answers: queue.Queue[tuple[Case, Answer]]) -> None:
    for todo in mine:
        with suppress(IndexError):  # nothing is left to do
            while True:
                case = todo.popleft()
                answers.put((case, worker.judge(case)))


def _pass_on(shown: IO[str], steps: Steps) -> None:
    with shown:
        for line in shown:
            steps.line(line.rstrip())
