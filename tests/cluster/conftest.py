"""The cluster ring: real kind clusters. Most tests share one warm cluster, the same that ``make check`` uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kindlabs import course
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import lease
from kindlabs.progress import Steps

HERE = Path(__file__).parent
ROOT = course.find(HERE).root


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs here; nobody has to remember it."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.cluster)


def may_install(_question: str) -> bool:
    """Whether a Docker engine may be installed: nobody can be asked in the middle of a test."""
    return os.environ.get("CI") == "true"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """The warm cluster with Ingress controller and cert-manager, for this process alone while a module runs.

    Not for the whole session: the commands that tests/e2e types take the same cluster.
    """
    with Steps() as steps, lease(ROOT, "single", ["ingress", "cert-manager"], steps, may_install) as leased:
        yield leased
