"""The process that runs orders, one after the other, on a cluster of its own: JSON lines in, JSON lines out.

``python -m kindlabs.workers.process COURSE INDEX``. Each line in is an order, each line out the record of its run.
What a person would read goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
from rich.console import Console

from kindlabs import interrupt, submission
from kindlabs.asking import nobody
from kindlabs.clusters.kubectl import kubectl_program
from kindlabs.clusters.lease import lease
from kindlabs.course import Course
from kindlabs.errors import InfraError, KindLabsError, LabError, UnreadableSubmission, of_machine
from kindlabs.mistakes import told
from kindlabs.progress import Steps
from kindlabs.record import Record, schema
from kindlabs.run import Run
from kindlabs.workers.order import DID_NOT_END, LONGEST_RUN, Order


def main() -> None:
    """Answer orders until there are no more."""
    root, index = Path(sys.argv[1]), int(sys.argv[2])
    interrupt.heed()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a validator prints is no answer
    try:
        for line in sys.stdin:
            answers.write(json.dumps(_answer(Order.read(line), root, index).as_dict()) + "\n")
            answers.flush()
    except KeyboardInterrupt:
        os._exit(130)
    os._exit(0)  # daemon threads hold watches that nobody reads any more


def _answer(order: Order, root: Path, index: int) -> Record:
    try:
        return _held_to_schema(_run(order, root, index))
    except UnreadableSubmission as error:
        return Record.unreadable(order.lab, order.shown_as or order.submission, error)
    except Exception as error:
        return Record.without_verdict(order.lab, order.shown_as or order.submission, _known(error))


def _known(error: Exception) -> InfraError | LabError:
    if isinstance(error, InfraError | LabError):
        return error
    if isinstance(error, KindLabsError):
        return LabError(error.message, error.next_step)
    return of_machine(error) or LabError(told(error))


def _run(order: Order, root: Path, index: int) -> Record:
    lab = order.lab
    steps = Steps(Console(file=sys.stderr, force_terminal=False, highlight=False, width=200))
    handed_in = submission.resolve(
        Course(lab.course_root),
        lab,
        order.submission,
        kubectl=lambda: kubectl_program(steps),
        learner=order.learner,
        shown_as=order.shown_as,
    )
    setup = lab.setup(handed_in.nonce)
    leased = lease(root, lab.profile, lab.addons, steps, nobody, images=lab.images, index=index)
    with leased as cluster, bounded(LONGEST_RUN):
        return Run(lab, handed_in, cluster, setup, fresh=True).judge()


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """End this process when the block takes longer: the next order gets another one."""
    timer = threading.Timer(seconds, os._exit, args=(DID_NOT_END,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _held_to_schema(record: Record) -> Record:
    try:
        jsonschema.validate(record.as_dict(), schema(), cls=jsonschema.Draft202012Validator)
    except jsonschema.ValidationError as error:
        raise LabError(f"Its record does not fit result.schema.json: {error.json_path}: {error.message}.") from None
    return record


if __name__ == "__main__":
    main()
