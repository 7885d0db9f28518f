"""The cluster ring: real kind clusters. Most tests share one warm cluster, the same that ``make check`` uses."""

from __future__ import annotations

import io
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import docker
import pytest
from rich.console import Console

from kindlabs import course
from kindlabs.clusters import listing
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import lease
from kindlabs.machine import engine
from kindlabs.progress import Steps

HERE = Path(__file__).parent
Lease = Callable[..., AbstractContextManager[Cluster]]


@pytest.fixture(scope="session")
def root() -> Path:
    """This checkout."""
    return course.find(HERE).root


@pytest.fixture(scope="session")
def lease_of() -> Lease:
    """What takes a lease of a course's cluster with some add-ons; what a user would read goes to *shown*."""

    @contextmanager
    def take(root: Path, addons: list[str], shown: io.StringIO | None = None) -> Iterator[Cluster]:
        # Nobody can be asked in the middle of a test whether an engine may be installed.
        steps = Steps(Console(file=shown, width=200)) if shown else Steps()
        with steps, lease(root, "single", addons, steps, lambda _: "CI" in os.environ) as cluster:
            yield cluster

    return take


@pytest.fixture(scope="session")
def leased(root: Path, lease_of: Lease) -> Lease:
    """What takes a lease of the warm cluster, as a context manager."""
    return lambda shown=None: lease_of(root, ["ingress", "cert-manager"], shown)


@pytest.fixture(scope="session")
def own(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the course, whose cluster may be broken at will."""
    place = tmp_path_factory.mktemp("course")
    for folder in course.FOLDERS:
        shutil.copytree(root / folder, place / folder)
    yield place
    listing.remove(place, Steps())


@pytest.fixture(scope="module")
def cluster(leased: Lease) -> Iterator[Cluster]:
    """The warm cluster with Ingress controller and cert-manager, for this process alone while a module runs.

    Not for the whole session: the commands that tests/e2e types take the same cluster.
    """
    with leased() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def client() -> docker.DockerClient:
    """The Docker engine that runs the clusters."""
    found = engine.find()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives a port of the loopback on which nobody listens."""

    def find() -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return int(free.getsockname()[1])

    return find
