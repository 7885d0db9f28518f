"""A lease is for one process alone; whatever was done to the cluster before, the next command gets one that works."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import docker
import jsonschema
import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.lease import holder
from kindlabs.kube.objects import is_ready
from kindlabs.record import schema

Lease = Callable[..., AbstractContextManager[Cluster]]
ACommand = Callable[..., subprocess.Popen[str]]

COMMAND = """
import json, sys, time
from pathlib import Path
from kindlabs.clusters import lease as module
from kindlabs.clusters.lease import lease
from kindlabs.progress import Steps
module.RECOVER_SECONDS = 4
with Steps() as steps, lease(Path(sys.argv[1]), "single", [], steps) as cluster:
    begun = time.time()
    assert cluster.fault() is None
    time.sleep(float(sys.argv[2]))
    print(json.dumps({"begun": begun, "ended": time.time(), "created": cluster.facts.created}))
"""


@pytest.fixture(scope="module")
def take(own: Path, lease_of: Lease) -> Lease:
    """What takes a lease of its cluster."""
    return lambda shown=None: lease_of(own, [], shown)


@pytest.fixture
def a_command(own: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts another command that wants the cluster, and uses it for so many seconds."""

    def start(seconds: float = 0.5) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-c", COMMAND, str(own), str(seconds)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def what_it_did(command: subprocess.Popen[str]) -> dict[str, float]:
    """When it had the cluster, and which one."""
    out, error = command.communicate(timeout=300)
    assert command.returncode == 0, error
    times: dict[str, float] = json.loads(out)
    return times


@pytest.fixture(scope="module")
def made(take: Lease) -> Cluster:
    """The cluster, made but not held."""
    with take() as cluster:
        return cluster


def test_two_commands_do_not_overlap(made: Cluster, a_command: ACommand) -> None:
    """Of two commands at once each has the cluster for itself, one after the other."""
    commands = [a_command(), a_command()]
    first, second = sorted((what_it_did(command) for command in commands), key=lambda times: times["begun"])
    assert first["ended"] <= second["begun"]
    assert first["created"] == second["created"] == made.facts.created


def test_who_waits_reads_for_whom(made: Cluster, take: Lease, a_command: ACommand) -> None:
    """A command that must wait says which command has the cluster, and since when."""
    other = a_command(seconds=1)
    while holder(made) is None and other.poll() is None:
        time.sleep(0.02)
    shown = io.StringIO()
    with take(shown):
        pass
    assert f"process {other.pid}) has it since" in shown.getvalue()
    what_it_did(other)


def test_lock_of_a_killed_command_is_free(made: Cluster, take: Lease, a_command: ACommand) -> None:
    """A command that was killed while it had the cluster does not keep the next one waiting."""
    other = a_command(seconds=60)
    while holder(made) is None and other.poll() is None:
        time.sleep(0.02)
    other.kill()
    other.communicate()
    shown = io.StringIO()
    with take(shown):
        assert "Wait for" not in shown.getvalue()


def test_etcd_that_crashes_comes_back(made: Cluster, take: Lease, client: docker.DockerClient) -> None:
    """Etcd killed: the next command waits for it to come back, and keeps the cluster."""
    node = client.containers.get(f"{made.name}-control-plane")
    node.exec_run(["sh", "-c", "kill -9 $(pidof etcd)"])
    with take() as cluster:
        assert cluster.fault() is None
        assert cluster.facts.created == made.facts.created


def test_etcd_that_stopped_means_a_new_cluster(
    made: Cluster, take: Lease, a_command: ACommand, client: docker.DockerClient
) -> None:
    """Etcd stopped: the next command says so and makes the cluster anew; two after one that was interrupted, once."""
    client.containers.get(f"{made.name}-control-plane").exec_run(["sh", "-c", "kill -STOP $(pidof etcd)"])
    assert "the API server" in (made.fault() or "nothing")
    interrupted = a_command()
    _until(lambda: '"phase": "making"' in (made.state / "cluster.json").read_text())
    time.sleep(2)
    interrupted.send_signal(signal.SIGINT)
    _, said = interrupted.communicate(timeout=60)
    assert re.search(rf"the API server .*: making cluster {made.name} anew", said)
    commands = [a_command(), a_command()]
    first, second = (what_it_did(command) for command in commands)
    assert first["created"] == second["created"] > made.facts.created
    with take() as cluster:
        assert cluster.ports == made.ports


def test_a_node_that_dies_is_nobodys_fault(
    made: Cluster, own: Path, client: docker.DockerClient, tmp_path: Path
) -> None:
    """A node killed in the middle of a check: infra_error and 3; the next command makes a cluster, and judges on it."""
    made.recall()
    record = tmp_path / "record.json"
    command = [sys.executable, "-m", "kindlabs.cli", "check", "--json", str(record), "--submission"]
    with subprocess.Popen([*command, "solution", "02"], cwd=own, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "Lab 02" in running.stdout.readline()
        # Not while containers start in it: what is frozen for a moment then, on cgroup v1, no kill would end.
        _until(lambda: sum(map(is_ready, made.api.list("Pod", "lab-02"))) == 3)
        client.containers.get(f"{made.name}-control-plane").kill()
        out, _ = running.communicate(timeout=120)
    assert running.returncode == 3, out
    assert "nothing of this counts against you" in out
    result = json.loads(record.read_text())
    jsonschema.validate(result, schema(), cls=jsonschema.Draft202012Validator)
    assert (result["verdict"], result["max_score"]) == ("infra_error", 10)
    assert "failed" not in {check["verdict"] for check in result["checks"]}
    assert subprocess.run([*command, "start", "01"], cwd=own, check=False).returncode == 1
    assert json.loads(record.read_text())["verdict"] == "failed"


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_state_is_in_the_checkout(made: Cluster, own: Path) -> None:
    """Kubeconfig and facts are in .labs of the checkout; the user's own kubeconfig is not touched."""
    assert made.kubeconfig_path.is_relative_to(own / ".labs")
    own = Path.home() / ".kube" / "config"
    assert not own.exists() or made.name not in own.read_text()
