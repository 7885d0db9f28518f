"""Where it is measured: a copy of the course, with a cluster of its own."""

from __future__ import annotations

import ast
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from kindlabs import course
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import lease
from kindlabs.clusters.listing import remove
from kindlabs.course import FOLDERS
from kindlabs.kube.namespaces import empty, namespace
from kindlabs.kube.notes import applied_kinds
from kindlabs.progress import Steps
from tests.bench.forwarder import Forwarder

WAITS_BY_DESIGN = "test_reissued"
SETTLE_SECONDS = 30.0


class Stage:
    """A copy of the course in ``.labs/bench``, with a cluster of its own; its lab 03 has no check that waits by design.

    The copy stands at the same place each time, so that a cluster that an interrupted run left is found again.
    """

    def __init__(self, checkout: Path, steps: Steps) -> None:
        self.root = checkout / ".labs" / "bench"
        self.steps = steps
        for name in FOLDERS:
            shutil.rmtree(self.root / name, ignore_errors=True)
            shutil.copytree(checkout / name, self.root / name)
        self.lab = course.Course(self.root).lab("03")
        self._leave_out_the_slow_check()

    def cluster(self) -> Cluster:
        """The copy's cluster, warm: made when there is none. Nobody else knows it, so nobody needs to hold it."""
        with lease(self.root, self.lab.profile, self.lab.addons, self.steps, images=self.lab.images) as cluster:
            return cluster

    def remove_cluster(self) -> None:
        """Remove the copy's cluster, if there is one."""
        remove(self.root, self.steps)

    def begin_empty(self, cluster: Cluster) -> None:
        """Leave nothing in the lab's namespace, and return when the Ingress controller has taken that in."""
        spaces = [namespace(cluster.api, space, self.lab.id) for space in self.lab.spaces]
        empty(cluster.api, self.lab.namespaces, likely=applied_kinds(spaces))
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            with httpx.Client(verify=False, trust_env=False, timeout=2) as web:
                url = f"https://127.0.0.1:{cluster.ports['https']}/hostname"
                if web.get(url, headers={"Host": "web.localhost"}).status_code == 404:
                    return
            time.sleep(0.1)
        raise TimeoutError("the Ingress controller still serves what was deleted")

    def _leave_out_the_slow_check(self) -> None:
        file = self.lab.validator
        lines = file.read_text(encoding="utf-8").splitlines()
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.FunctionDef) and node.name == WAITS_BY_DESIGN:
                del lines[node.decorator_list[0].lineno - 1 : node.end_lineno]
                file.write_text("\n".join(lines) + "\n", encoding="utf-8")
                return
        raise LookupError(f"{file} has no {WAITS_BY_DESIGN}")


@contextmanager
def forwarded(cluster: Cluster) -> Iterator[Forwarder]:
    """Let *cluster*'s kubeconfig name a forwarder while the block runs."""
    before = cluster.kubeconfig_path.read_text(encoding="utf-8")
    config = yaml.safe_load(before)
    server = config["clusters"][0]["cluster"]
    with Forwarder(urlsplit(server["server"]).port or 443) as forwarder:
        server["server"] = f"https://127.0.0.1:{forwarder.port}"
        cluster.kubeconfig_path.write_text(yaml.safe_dump(config), encoding="utf-8")
        try:
            yield forwarder
        finally:
            cluster.kubeconfig_path.write_text(before, encoding="utf-8")
