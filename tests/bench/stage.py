"""Where it is measured: a copy of the course whose commands run on this checkout's own warm cluster."""

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
from kindlabs.course import FOLDERS
from kindlabs.kube import apply as applying
from kindlabs.progress import Steps

WAITS_BY_DESIGN = "test_reissued"
SETTLE_SECONDS = 30.0


class Stage:
    """A copy of the course in *folder*.

    Its lab 03 lacks the check that waits by design, and its state names the checkout's cluster, so that ``lab check``
    there finds the warm cluster; nobody else uses it inside :meth:`cluster`.
    """

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.root = folder / "course"
        self._checkout = checkout
        for name in FOLDERS:
            shutil.copytree(checkout / name, self.root / name)
        self.lab = course.Course(self.root).lab("03")
        self._leave_out_the_slow_check()

    @contextmanager
    def cluster(self, steps: Steps) -> Iterator[Cluster]:
        """The warm cluster, held for this process and the commands that it starts in the copy."""
        lab = self.lab
        with lease(self._checkout, lab.profile, lab.addons, steps, images=lab.images) as cluster:
            self.lend(cluster)
            yield cluster

    def lend(self, cluster: Cluster, port: int | None = None) -> None:
        """Let the copy's commands find *cluster*, through *port* of 127.0.0.1 where a forwarder listens there."""
        own = Cluster.of(self.root, cluster.profile)
        own.facts = cluster.facts
        own.remember()
        config = yaml.safe_load(cluster.kubeconfig_path.read_text(encoding="utf-8"))
        if port:
            config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
        own.kubeconfig_path.write_text(yaml.safe_dump(config), encoding="utf-8")

    def begin_empty(self, cluster: Cluster) -> None:
        """Leave nothing in the lab's namespace, and return when the Ingress controller has taken that in."""
        for name in self.lab.namespaces:
            applying.namespace(cluster.api, name, self.lab.id)
        applying.empty(cluster.api, self.lab.namespaces)
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


def api_port(cluster: Cluster) -> int:
    """The port of 127.0.0.1 that the API server listens on."""
    config = yaml.safe_load(cluster.kubeconfig_path.read_text(encoding="utf-8"))
    return urlsplit(config["clusters"][0]["cluster"]["server"]).port or 443
