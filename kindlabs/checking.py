"""From ``lab check`` to a record: the submission is read, a cluster leased, the run judged and shown."""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
import time
from pathlib import Path

from rich.console import Console

from kindlabs import submission
from kindlabs.addons.addon import load
from kindlabs.asking import Ask
from kindlabs.board import Board
from kindlabs.checks import declared
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kubectl import kubectl_program, learners_kubectl
from kindlabs.clusters.lease import lease
from kindlabs.course import Course, CourseLab
from kindlabs.errors import InfraError, UsageError, of_machine
from kindlabs.progress import Steps
from kindlabs.record import Record
from kindlabs.spelling import did_you_mean
from kindlabs.submission import Submission
from kindlabs.typed import from_root
from kindlabs.validators import read_validator


def check_submission(
    course: Course, lab_id: str, name: str | None, *, fresh: bool, out: Console, ask: Ask, only: str | None = None
) -> Record:
    """Judge one submission and show it on *out*; that no cluster can be had is a verdict too, to be recorded.

    Args:
        only: the id of the one check to run, with what it needs; None for all.

    Raises: UsageError and LabError before there is anything to record.
    """
    lab = course.lab(lab_id)
    _refuse_unknown(lab, only)
    with Steps() as steps:
        handed_in = submission.resolve(course, lab, name, kubectl=lambda: kubectl_program(steps))
        setup = lab.setup(handed_in.nonce)  # a lab that cannot be read is told before any cluster is touched
        _announce(handed_in, lab, steps)
        board = Board(out, _again(lab, handed_in))
        loading = threading.Thread(target=_load_run, daemon=True)  # its libraries, while the cluster is looked at
        loading.start()
        read_validator(lab.validator)
        started = time.monotonic()
        try:
            with lease(course.root, lab.profile, lab.addons, steps, ask, images=lab.images) as cluster:
                leased = time.monotonic() - started
                loading.join()
                from kindlabs.run import Run

                board.open(f"Lab {lab.number}  {lab.title}", _where(lab, handed_in, cluster))
                kubectl = learners_kubectl(course.root, cluster, lab.namespaces[0])
                run = Run(lab, handed_in, cluster, setup, fresh, steps, board.check, kubectl, only)
                record = run.judge()
        except Exception as error:
            fault = error if isinstance(error, InfraError) else of_machine(error)
            if fault is None:
                raise
            leased = time.monotonic() - started
            board.open(f"Lab {lab.number}  {lab.title}", f"{handed_in.name}, and no cluster to judge it on")
            record = Record.begin(lab, handed_in, board.check, only)
            record.give_up(lab.validator, fault)
        record.seconds = {"cluster": leased, **record.seconds}
        board.close(record)
        return record


def _refuse_unknown(lab: CourseLab, check: str | None) -> None:
    known = [spec.id for spec in declared(lab.validator)]
    if check is not None and known and check not in known:
        message = f"Lab {lab.number} has no check {check!r}.{did_you_mean(check, known)}"
        raise UsageError(message, f"Name one of {', '.join(known)}.")


def _announce(handed_in: Submission, lab: CourseLab, steps: Steps) -> None:
    if handed_in.created:
        task = os.path.relpath(lab.readme)
        steps.line(f"{handed_in.name}/ is new: it holds what lab {lab.number} begins with. The task is in {task}.")
    for name in handed_in.passed_over:
        steps.line(f"{handed_in.shown_as}/{name} is passed over: {lab.handin} of the folder itself count.")
    for remark in handed_in.remarks:
        steps.line(remark)


def _where(lab: CourseLab, handed_in: Submission, cluster: Cluster) -> str:
    where = f"{handed_in.name} on {cluster.name}, Kubernetes {cluster.version}"
    addresses = [load(lab.course_root, name).address.format(**cluster.ports) for name in lab.addons]
    return ", ".join(filter(None, [where, *addresses]))


def _again(lab: CourseLab, handed_in: Submission) -> str:
    """The make command that judges the same once more, in the checkout's folder."""
    if handed_in.folder == lab.work:
        return f"make check LAB={lab.number}"
    name = handed_in.name
    if handed_in.folder == Path(name):  # solution, start and mutants are read elsewhere
        name = from_root(name, lab.course_root)
    return f"make check LAB={lab.number} SUBMISSION={shlex.quote(name)}"


def _load_run() -> None:
    with contextlib.suppress(Exception):  # whoever imports it next is told
        import kindlabs.run  # noqa: F401
