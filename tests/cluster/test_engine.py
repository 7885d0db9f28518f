"""An engine from nothing: a container stands for a fresh Debian machine that has neither Docker nor an init system."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from kindlabs.images.lock import Lock
from kindlabs.machine import own_engine

ENSURE = """
import sys
from kindlabs.machine import engine
from kindlabs.errors import InfraError
from kindlabs.progress import Steps
try:
    client = engine.ensure(Steps(), lambda question: print(question) or sys.argv[1] == "yes")
    print("engine", client.version()["Version"])
except InfraError as error:
    print(error)
"""
KILL = "kill -9 $(cat /run/kind-labs/dockerd.pid) && sleep 0.5"
Ensure = Callable[[str], str]


@pytest.fixture(scope="module")
def machine(client: docker.DockerClient, root: Path) -> Iterator[Container]:
    """A privileged Debian 12 with this checkout, this Python and this machine's package sources."""
    if platform.system() != "Linux" or own_engine.distribution() != ("debian", 12):
        pytest.skip("the Python of another system does not run in a container of Debian 12")
    debian = Lock.load(root).debian["bookworm"].reference
    if not client.images.list(debian):
        pytest.skip(f"{debian} is made where images are built, and here they are pulled")
    folders = {str(root), sys.base_prefix, "/etc/apt", "/usr/share/keyrings"}
    machine = client.containers.run(
        debian,
        entrypoint=["sleep", "infinity"],
        privileged=True,
        detach=True,
        volumes=[*(f"{folder}:/host{folder}:ro" for folder in folders), "/var/lib/docker"],
    )
    try:
        links = "; ".join(f"mkdir -p $(dirname {f}); rm -rf {f}; ln -s /host{f} {f}" for f in (root, sys.base_prefix))
        sources = "cp /host/etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/; rm -f /etc/apt/sources.list"
        keys = "cp -n /host/usr/share/keyrings/* /usr/share/keyrings/"
        _sh(machine, f"{links}; {keys}; if [ -e /host/etc/apt/sources.list.d/debian.sources ]; then {sources}; fi")
        yield machine
    finally:
        machine.remove(force=True, v=True)


@pytest.fixture(scope="module")
def ensure(machine: Container) -> Ensure:
    """What ``engine.ensure`` writes in the machine, when its questions are answered with *word*."""
    return lambda word: _run(machine, [sys.executable, "-B", "-c", ENSURE, word])


def test_nothing_is_installed_without_a_yes(ensure: Ensure, machine: Container) -> None:
    """Asked and refused, the machine stays as it is, and is told what is missing."""
    said = ensure("no")
    assert "Install docker.io" in said
    assert "CI=true" in said
    assert machine.exec_run(["which", "dockerd"]).exit_code != 0


def test_an_engine_is_installed_and_started(ensure: Ensure, machine: Container) -> None:
    """With a yes there is an engine at the end, and the docker command; it outlives the command that started it."""
    assert "engine 2" in ensure("yes")
    _sh(machine, "docker version")
    assert "Pin-Priority: 50" in _sh(machine, "cat /etc/apt/preferences.d/kind-labs")


def test_an_engine_that_died_is_started_again(ensure: Ensure, machine: Container) -> None:
    """An engine of ours that was killed comes back without a question."""
    _sh(machine, KILL)
    said = ensure("no")
    assert "engine 2" in said
    assert "?" not in said


def test_a_number_that_somebody_else_has_now_is_no_hindrance(ensure: Ensure, machine: Container) -> None:
    """After a reboot the pid file may hold the number of another process."""
    _sh(machine, f"{KILL}; echo 1 > /var/run/docker.pid")
    assert "engine 2" in ensure("no")


def _sh(machine: Container, script: str) -> str:
    return _run(machine, ["sh", "-ec", script])


def _run(machine: Container, command: list[str]) -> str:
    done = machine.exec_run(command, workdir="/tmp")
    assert done.exit_code == 0, done.output.decode()
    return str(done.output.decode())
