"""The fixture ``kind_cluster`` for anybody's tests: a drop-in for pytest-kind's, with its options, not its faults.

Loaded in every pytest run of an environment that has kind-labs, so it imports next to nothing until somebody asks.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindlabs.clusters.kind import LabCluster

RUN = "KIND_LABS_PYTEST_RUN"
"""Environment variable: marks the processes of one pytest run; pytest-xdist's workers inherit it."""


def pytest_configure(config: pytest.Config) -> None:
    """Come after pytest-kind, whose fixture has the same name: the one that is registered last counts."""
    if not _is_worker(config):
        os.environ[RUN] = uuid.uuid4().hex[:12]
    config.pluginmanager.register(_Fixture(), "kind-labs-kind-cluster")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Delete what this run used, once all of its processes are done; ``--keep-cluster`` keeps it."""
    config = session.config
    if _is_worker(config) or config.getoption("keep_cluster", default=True):
        return
    cluster = _cluster(config) if _note(config).exists() else None
    if cluster is not None:
        _note(config).unlink()
        cluster.delete()


class _Fixture:
    @pytest.fixture(scope="session")
    @classmethod
    def kind_cluster(cls, request: pytest.FixtureRequest) -> LabCluster:
        """A kind cluster: made once for all processes of the run, reused by name, deleted at the end unless kept.

        Options: ``--cluster-name --keep-cluster --kubeconfig --kind-image --kind-bin --kind-kubectl-bin``.
        """
        cluster = _cluster(request.config)
        _note(request.config).touch()
        cluster.create()
        return cluster


def _cluster(config: pytest.Config) -> LabCluster:
    from kindlabs.clusters.kind import LabCluster

    return LabCluster(
        config.getoption("cluster_name"),
        _path(config, "kubeconfig"),
        image=config.getoption("kind_image"),
        kind_path=_path(config, "kind_bin"),
        kubectl_path=_path(config, "kind_kubectl_bin"),
    )


def _path(config: pytest.Config, option: str) -> Path | None:
    value = config.getoption(option)
    return Path(value) if value else None


def _note(config: pytest.Config) -> Path:
    """A file that is there while a run uses the cluster."""
    from kindlabs.clusters.state import of_nobody

    return of_nobody(config.getoption("cluster_name")) / f"used-by-{os.environ.get(RUN, 'nobody')}"


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
