"""A cluster for one run: nobody else uses it meanwhile, it is healthy, and it has the add-ons that the lab asks for."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kindlabs.clusters.cluster import Cluster
from kindlabs.progress import Steps

Ask = Callable[[str], bool]

ALWAYS = ("probe",)
"""Add-ons of every cluster."""

RECOVER_SECONDS = 10.0
"""How long a cluster whose nodes run gets to come back by itself (etcd restarts in 2 s) before it is made anew."""

LOCK_POLL_SECONDS = 0.05


@contextmanager
def lease(
    course_root: Path, profile: str, addons: Iterable[str], steps: Steps, ask: Ask = lambda _: False
) -> Iterator[Cluster]:
    """The warm cluster of *profile*, for this process alone while the block runs; made, mended or completed as needed.

    Args:
        course_root: the checkout.
        profile: ``single``, ``three-nodes``.
        addons: the add-ons that the lab asks for; ``probe`` is always there.
        steps: where progress goes.
        ask: gets a question about the machine, such as whether to start an engine; answers whether to go on.

    Raises: InfraError, LabError.
    """
    cluster = Cluster.of(course_root, profile)
    with held(cluster, steps):
        cluster.recall()
        _make_ready(cluster, course_root, [*ALWAYS, *addons], steps, ask)
        yield cluster


@contextmanager
def held(cluster: Cluster, steps: Steps) -> Iterator[None]:
    """The lock of *cluster*, saying who has it while it waits; free again when its holder's process ends, however."""
    cluster.state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(cluster.state / "lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with steps.step(f"Wait for cluster {cluster.name}: {_holder(cluster)}"):
            lock.acquire(poll_interval=LOCK_POLL_SECONDS)
    try:
        _sign(cluster)
        yield
    finally:
        lock.release()


def _make_ready(cluster: Cluster, course_root: Path, wanted: list[str], steps: Steps, ask: Ask) -> None:
    if not cluster.is_made:
        from kindlabs.clusters.making import make

        make(cluster, course_root, wanted, steps, ask)
    elif fault := _lasting_fault(cluster, steps):
        from kindlabs.clusters.making import make

        steps.line(f"  {fault}: making cluster {cluster.name} anew")
        make(cluster, course_root, sorted({*wanted, *cluster.addons}), steps, ask)
    elif missing := [name for name in wanted if name not in cluster.addons]:
        from kindlabs.clusters.making import add

        add(cluster, course_root, missing, steps, ask)


def _lasting_fault(cluster: Cluster, steps: Steps) -> str | None:
    """What is still wrong after the time that a passing fault gets; at once when a node does not run."""
    fault = cluster.fault()
    if fault is None or _is_final(cluster):
        return fault
    with steps.step(f"Wait for cluster {cluster.name}: {fault}"):
        until = time.monotonic() + RECOVER_SECONDS
        while fault and time.monotonic() < until:
            time.sleep(0.2)
            fault = cluster.fault()
    return fault


def _is_final(cluster: Cluster) -> bool:
    from kindlabs.clusters.health import engine_fault

    return engine_fault(cluster.name) is not None


def _sign(cluster: Cluster) -> None:
    """Leave a note for whoever waits."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    note = {"pid": os.getpid(), "command": command, "since": time.strftime("%H:%M:%S")}
    (cluster.state / "holder.json").write_text(json.dumps(note), encoding="utf-8")


def _holder(cluster: Cluster) -> str:
    try:
        note = json.loads((cluster.state / "holder.json").read_text(encoding="utf-8"))
        return f"{note['command']} (process {note['pid']}) has it since {note['since']}"
    except (OSError, ValueError, KeyError):
        return "another command has it"
