"""A cluster from nothing with lab 03's add-ons, beside the bare cluster that kind makes from the same node image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from kindlabs.asking import nobody
from kindlabs.clusters import making, tools
from kindlabs.clusters.cluster import Wanted
from kindlabs.clusters.commands import run
from kindlabs.clusters.kind import CONSENT_TO_CGROUP_V1
from kindlabs.clusters.lease import ALWAYS
from kindlabs.images import supply
from kindlabs.images.lock import Lock
from kindlabs.machine import engine
from kindlabs.progress import Steps
from tests.bench.measure import Row
from tests.bench.stage import Stage

ROUNDS = 3
BARE = "labs-bench-bare"
CONFIG = {
    "kind": "Cluster",
    "apiVersion": "kind.x-k8s.io/v1alpha4",
    "kubeadmConfigPatches": [yaml.safe_dump(CONSENT_TO_CGROUP_V1)],  # means nothing on cgroup v2
}
CREATE_SECONDS = 600.0


def cold(stage: Stage) -> Iterator[Row]:
    """Both in turn, each removed again at once; the engine has their images, and getting those is not measured."""
    bare, ours = Row("bare `kind create cluster`"), Row("cluster with lab 03's add-ons, all answering")
    stage.remove_cluster()
    image = _provide(stage)
    with stage.steps.step("Cold clusters", total=2 * ROUNDS) as step:
        for _ in range(ROUNDS):
            bare.samples.append(_bare(image, stage.steps))
            step.advance()
            started = time.monotonic()
            stage.cluster()
            ours.samples.append(time.monotonic() - started)
            stage.remove_cluster()
            step.advance()
    ratio = Row("add-ons / bare, each pair (no seconds)", 2.0)
    ratio.samples = [ready / made for ready, made in zip(ours.samples, bare.samples, strict=True)]
    yield from (bare, ours, ratio)


def _provide(stage: Stage) -> str:
    """Have all images in the engine; return the node image."""
    client = engine.ensure(stage.steps, nobody)
    lock = Lock.load(stage.root)
    wanted = Wanted((*ALWAYS, *stage.lab.addons), stage.lab.images)
    supply.provide(making.image_names(stage.root, wanted), client, stage.steps, lock)
    return supply.node_image(lock.asked_for(), client, stage.steps, lock)


def _bare(image: str, steps: Steps) -> float:
    """Seconds that ``kind create cluster`` takes."""
    kind = str(tools.kind(steps))
    with TemporaryDirectory() as folder:
        config, kubeconfig = Path(folder) / "kind.yaml", f"--kubeconfig={folder}/kubeconfig"
        config.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
        command = [kind, "create", "cluster", f"--name={BARE}", f"--image={image}", f"--config={config}", kubeconfig]
        started = time.monotonic()
        try:
            run(command, timeout=CREATE_SECONDS)
            return time.monotonic() - started
        finally:
            run([kind, "delete", "cluster", f"--name={BARE}", kubeconfig], timeout=CREATE_SECONDS)
