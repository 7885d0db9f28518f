"""From ``lab check`` to a record: the submission is read, a cluster leased, the run judged and shown."""

from __future__ import annotations

import os
import shlex
import threading
import time
from pathlib import Path

from rich.console import Console

from kindlabs import submission
from kindlabs.asking import Ask
from kindlabs.board import Board
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import lease
from kindlabs.course import Course, Lab
from kindlabs.errors import InfraError, of_machine
from kindlabs.progress import Steps
from kindlabs.record import Record


def check_submission(course: Course, lab_id: str, word: str | None, *, fresh: bool, out: Console, ask: Ask) -> Record:
    """Judge one submission and show it on *out*; that no cluster can be had is a verdict too, to be recorded.

    Raises: UsageError and LabError before there is anything to record.
    """
    lab = course.lab(lab_id)
    with Steps() as steps:
        handed_in = submission.resolve(course, lab, word, kubectl=lambda: _kubectl(steps))
        _announce(handed_in, lab, steps)
        # The judge's libraries load while the cluster is looked at.
        loading = threading.Thread(target=_load_judge, daemon=True)
        loading.start()
        started = time.monotonic()
        try:
            with lease(course.root, lab.profile, lab.addons, steps, ask, images=lab.images) as cluster:
                leased = time.monotonic() - started
                loading.join()
                return _judge(course, lab, handed_in, cluster, leased, out=out, fresh=fresh)
        except (InfraError, OSError) as error:
            fault = error if isinstance(error, InfraError) else of_machine(error)
            if fault is None:
                raise
            return _no_cluster(lab, handed_in, fault, time.monotonic() - started, out=out)


def _judge(
    course: Course,
    lab: Lab,
    handed_in: submission.Submission,
    cluster: Cluster,
    leased: float,
    *,
    out: Console,
    fresh: bool,
) -> Record:
    from kindlabs.run import Run

    board = Board(out, _again(lab, handed_in))
    where = f"{handed_in.label} on {cluster.name}, Kubernetes {cluster.version}"
    if "ingress" in lab.addons:
        where += f", https://….localhost:{cluster.ports['https']}"
    board.open(f"Lab {lab.number}  {lab.title}", where)
    run = Run(
        lab,
        handed_in,
        cluster,
        images=images_of(course, lab),
        fresh=fresh,
        report=board.check,
        kubectl=_wrapper(course.root, cluster),
    )
    record = run.judge()
    record.seconds = {"cluster": leased, **record.seconds}
    board.close(record)
    return record


def _no_cluster(lab: Lab, handed_in: submission.Submission, error: InfraError, took: float, *, out: Console) -> Record:
    from kindlabs.run import broken_cluster, give_up, new_record

    board = Board(out, _again(lab, handed_in))
    board.open(f"Lab {lab.number}  {lab.title}", f"{handed_in.label}, and no cluster to judge it on")
    record = new_record(lab, handed_in)
    record.seconds = {"cluster": took}
    record.checks = give_up(lab, record, broken_cluster(error.message, error.next_step))
    for result in record.checks:
        board.check(result)
    board.close(record)
    return record


def _announce(handed_in: submission.Submission, lab: Lab, steps: Steps) -> None:
    if handed_in.created:
        task = os.path.relpath(lab.readme)
        steps.line(f"{handed_in.label}/ is new: it holds what lab {lab.number} begins with. The task is in {task}.")
    for name in handed_in.passed_over:
        steps.line(
            f"{handed_in.shown}/{name} is passed over: only .yaml, .yml and .json files of the folder itself count."
        )


def _again(lab: Lab, handed_in: submission.Submission) -> str:
    own = handed_in.path == lab.work
    return f"make check LAB={lab.number}" + ("" if own else f" SUBMISSION={shlex.quote(handed_in.label)}")


def images_of(course: Course, lab: Lab) -> frozenset[str]:
    """The references that the lab's manifests may name."""
    from kindlabs.clusters.imagelock import Lock

    lock = Lock.load(course.root)
    return frozenset(lock.image(name).reference for name in lab.images)


def _kubectl(steps: Steps) -> Path:
    from kindlabs.clusters import tools

    return tools.kubectl(steps)


def _wrapper(root: Path, cluster: Cluster) -> str:
    """A kubectl for the learner that knows this cluster and leaves her own context alone; how to call it.

    Without one on this machine it is the node's own: nobody waits for a download, or a build, to read a next step.
    """
    script = root / ".labs" / "bin" / "kubectl"
    line = f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig_path))}"
    if not script.exists() or line not in script.read_text(encoding="utf-8"):
        from kindlabs.clusters import tools

        program = tools.kubectl_at_hand()
        in_node = f"docker exec -i {cluster.name}-control-plane kubectl --kubeconfig=/etc/kubernetes/admin.conf"
        command = shlex.quote(str(program)) if program else in_node
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f'#!/bin/sh\n{line}\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return os.path.relpath(script)


def _load_judge() -> None:
    import kindlabs.run  # noqa: F401
