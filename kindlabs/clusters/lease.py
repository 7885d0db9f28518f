"""A cluster for one run: nobody else uses it meanwhile, it is healthy, and it has the add-ons that the lab asks for."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from kindlabs.addons.addon import load
from kindlabs.asking import Ask, nobody
from kindlabs.clusters import state
from kindlabs.clusters.cluster import Cluster, Wanted
from kindlabs.clusters.recipe import recipe
from kindlabs.errors import InfraError
from kindlabs.images.lock import Lock
from kindlabs.kube.api import ApiError
from kindlabs.machine import settings
from kindlabs.patience import LOOK_AGAIN, LOOK_LATER, poll
from kindlabs.progress import Steps
from kindlabs.promises.catalog import OF_EVERY_CLUSTER
from kindlabs.promises.promise import Promise

ALWAYS = ("probe",)
"""Add-ons of every cluster."""

RECOVER_SECONDS = 20.0
"""How long a cluster whose nodes run gets to come back by itself before it is made anew: the kubelet restarts an etcd
that crashed at once, and one that crashed again after 10 s."""

SIGN_SECONDS = 0.5


@contextmanager
def lease(
    course_root: Path,
    profile: str,
    addons: Iterable[str],
    steps: Steps,
    ask: Ask = nobody,
    *,
    images: Iterable[str] = (),
    index: int = 1,
) -> Iterator[Cluster]:
    """The warm cluster of *profile*, for this process alone while the block runs; made, mended or completed as needed.

    Args:
        course_root: the checkout.
        profile: ``single``, ``three-nodes``.
        addons: the add-ons that the lab asks for; ``probe`` is always there.
        steps: where progress goes.
        ask: whether something may be installed, such as an engine.
        images: names in the image lock that Pods of the lab use.
        index: which of several clusters of one profile, side by side; 1 is the one that ``lab check`` takes.

    Raises: InfraError, LabError, UsageError (a variable that asks for what there is not).
    """
    lock = Lock.load(course_root)
    settings.refuse_wrong()
    lock.asked_for()  # a version that there is not is told before anybody is waited for
    cluster = Cluster.of(course_root, profile, index)
    with held(cluster, steps):
        cluster.recall()
        _make_ready(cluster, lock, Wanted((*ALWAYS, *addons), tuple(images)), steps, ask)
        yield cluster


@contextmanager
def held(cluster: Cluster, steps: Steps) -> Iterator[None]:
    """The lock of *cluster*, saying who has it while it waits; free again when its holder's process ends, however."""
    cluster.state.mkdir(parents=True, exist_ok=True)
    lock = _lock(cluster)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with steps.step(f"Wait for cluster {cluster.name}: {_read_sign(cluster)}"):
            lock.acquire(poll_interval=LOOK_AGAIN)
    try:
        _sign(cluster)
        yield
    finally:
        _note(cluster).unlink(missing_ok=True)
        lock.release()


def holder(cluster: Cluster) -> str | None:
    """Who has the cluster now, in one sentence; None when nobody has."""
    if not cluster.state.is_dir():
        return None
    lock = _lock(cluster)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return _read_sign(cluster)
    lock.release()
    return None


def _make_ready(cluster: Cluster, lock: Lock, wanted: Wanted, steps: Steps, ask: Ask) -> None:
    course_root = lock.course_root
    promises = _of_lab(cluster, course_root, wanted) if cluster.is_made else []
    reason = _why_anew(cluster, lock, promises, steps) if cluster.is_made else None
    missing = wanted.beyond(cluster.facts, lock)
    if cluster.is_made and not reason and not missing:
        return
    from kindlabs.clusters import making  # brings the Docker client and pytest-kind, which a warm run does without

    if reason:
        steps.line(f"  {reason.rstrip('.')}: making cluster {cluster.name} anew")
        making.make(cluster, course_root, wanted.together_with(cluster.facts, lock), steps, ask)
    elif not cluster.is_made:
        making.make(cluster, course_root, wanted, steps, ask)
    else:
        making.add(cluster, course_root, missing, steps, ask)


def _of_lab(cluster: Cluster, course_root: Path, wanted: Wanted) -> list[Promise]:
    """What the cluster is held to before it is used: not to what others want alone, nor to what one of them broke."""
    there = [name for name in wanted.addons if name in cluster.addons]
    made = [*OF_EVERY_CLUSTER, *(promise for name in there for promise in load(course_root, name).promises)]
    return [promise for promise in made if promise.name not in cluster.facts.broken]


def _why_anew(cluster: Cluster, lock: Lock, promises: Sequence[Promise], steps: Steps) -> str | None:
    """Why a cluster that was made cannot be used as it is, None when it can."""
    if (version := lock.asked_for()) != cluster.facts.kubernetes:
        return f"Kubernetes {version} is asked for, and cluster {cluster.name} runs {cluster.version}"
    said = settings.egress()
    if said and said != cluster.facts.egress:
        return f"EGRESS={said} is asked for, and cluster {cluster.name} was made with EGRESS={cluster.facts.egress}"
    if cluster.facts.recipe != recipe(lock.course_root, cluster.facts):
        return f"clusters/ has changed since cluster {cluster.name} was made"
    return cluster.facts.fault or _lasting_fault(cluster, promises, steps)


def _lasting_fault(cluster: Cluster, promises: Sequence[Promise], steps: Steps) -> str | None:
    """What is still wrong after the time that a passing fault gets; at once when a node does not run."""
    fault = cluster.fault(promises)
    if fault is None or _is_final(cluster):
        return fault
    with steps.step(f"See whether cluster {cluster.name} recovers: {fault.rstrip('.')}"):
        _clear(cluster)
        look = partial(cluster.fault, promises)
        return poll(look, RECOVER_SECONDS, LOOK_LATER, until=lambda fault: not fault or _is_final(cluster))


def _clear(cluster: Cluster) -> None:
    """Take away what the last submission left, which may be what keeps the cluster from answering."""
    from kindlabs.kube.namespaces import clear_others
    from kindlabs.kube.probing import renew_ears

    with suppress(ApiError, InfraError):
        clear_others(cluster.api, "")
        renew_ears(cluster.api)


def _is_final(cluster: Cluster) -> bool:
    from kindlabs.clusters.health import engine_fault

    return engine_fault(cluster.name) is not None


def _sign(cluster: Cluster) -> None:
    """Leave a note for whoever waits, who never sees half of it."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    note = {"pid": os.getpid(), "command": command, "since": time.strftime("%H:%M:%S")}
    state.write_whole(_note(cluster), json.dumps(note))


def _read_sign(cluster: Cluster) -> str:
    """Who has the cluster; whoever took it just now signs a moment later."""

    def look() -> str | None:
        try:
            note = json.loads(_note(cluster).read_text(encoding="utf-8"))
            return f"{note['command']} (process {note['pid']}) has it since {note['since']}"
        except (OSError, ValueError, KeyError):
            return None

    return poll(look, SIGN_SECONDS, LOOK_AGAIN) or "another command has it"


def _note(cluster: Cluster) -> Path:
    return cluster.state / "holder.json"


def _lock(cluster: Cluster) -> FileLock:
    return FileLock(cluster.state / "lease.lock", mode=0o600)
