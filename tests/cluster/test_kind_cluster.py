"""The fixture kind_cluster as users of pytest-kind know it: their tests unchanged, its faults mended."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import httpx
import pytest

from kindlabs.clusters import tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kind import LabCluster
from kindlabs.errors import InfraError
from kindlabs.machine.containers import NAME_LABEL
from kindlabs.progress import Steps

A_USERS_TEST = '''
"""Written for pytest-kind, from its README and its issues; knows nothing of kind-labs."""
from pykube import Pod
import requests

def test_objects(kind_cluster):
    kind_cluster.kubectl("apply", "-f", "-", input="""
apiVersion: v1
kind: ConfigMap
metadata: {name: from-a-user, namespace: default}
""")
    assert "from-a-user" in kind_cluster.kubectl("get", "configmaps", "-n", "default")
    kind_cluster.kubectl("delete", "configmap", "from-a-user", "-n", "default")

def test_version(kind_cluster):
    assert kind_cluster.api.version == ("1", "36")

def test_image(kind_cluster):
    kind_cluster.load_docker_image("registry.k8s.io/e2e-test-images/agnhost:2.63.0")

def test_pods(kind_cluster):
    pods = list(Pod.objects(kind_cluster.api).filter(namespace="kl-probe", selector="app=probe"))
    assert len(pods) == 2

def test_forward(kind_cluster):
    with kind_cluster.port_forward("service/probe", 80, "-n", "kl-probe") as port:
        assert requests.get(f"http://localhost:{port}/hostname", timeout=5).text.startswith("probe-")
'''

Pytest = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def state_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these clusters leave behind goes with the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def pytest_in(tmp_path: Path) -> Pytest:
    """Runs pytest in a folder of its own on a test file, as its author would."""

    def run(text: str, *arguments: str, folder: str = "project") -> subprocess.CompletedProcess[str]:
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        (home / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(home)]
        return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture
def kind(cluster: Cluster) -> LabCluster:
    """The warm cluster as pytest-kind's class has it, in use."""
    found = LabCluster(cluster.name, cluster.kubeconfig_path, state=cluster.state)
    found.create()
    return found


@pytest.fixture
def named(client: docker.DockerClient) -> Iterator[str]:
    """A name for a cluster that a test makes; whatever is left of it goes."""
    name = f"kl-test-{os.getpid()}"
    yield name
    if client.containers.list(all=True, filters={"label": f"{NAME_LABEL}={name}"}):
        LabCluster(name).delete()


def nodes_of(name: str, client: docker.DockerClient) -> list[str]:
    """The ids of a cluster's node containers."""
    return [str(node.id) for node in client.containers.list(all=True, filters={"label": f"{NAME_LABEL}={name}"})]


def test_a_users_test_runs_unchanged(cluster: Cluster, pytest_in: Pytest, tmp_path: Path) -> None:
    """A test for pytest-kind passes in a foreign folder, on a cluster that exists, and leaves no state there."""
    done = pytest_in(A_USERS_TEST, f"--cluster-name={cluster.name}", "--keep-cluster")
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    assert cluster.fault() is None
    assert not list(tmp_path.rglob(".pytest-kind"))


def test_options_of_pytest_kind_work(cluster: Cluster, pytest_in: Pytest, tmp_path: Path) -> None:
    """--kubeconfig, --kind-bin, --kind-kubectl-bin and --kind-image are taken as given."""
    kind_path, kubectl_path = tools.kind(Steps()), tools.kubectl(Steps())
    kubeconfig = tmp_path / "my-kubeconfig"
    text = f"""
def test_it(kind_cluster):
    assert str(kind_cluster.kind_path) == {str(kind_path)!r}
    assert str(kind_cluster.kubectl_path) == {str(kubectl_path)!r}
    assert kind_cluster.image == "kindest/node:mine"
    assert "kl-probe" in kind_cluster.kubectl("get", "namespaces")
"""
    done = pytest_in(
        text,
        f"--cluster-name={cluster.name}",
        "--keep-cluster",
        f"--kubeconfig={kubeconfig}",
        f"--kind-bin={kind_path}",
        f"--kind-kubectl-bin={kubectl_path}",
        "--kind-image=kindest/node:mine",
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "server:" in kubeconfig.read_text()


@pytest.mark.apart
def test_made_once_reused_from_elsewhere_then_deleted(
    pytest_in: Pytest, named: str, client: docker.DockerClient
) -> None:
    """Two processes at once make one cluster; a run in another folder reuses it; without --keep-cluster it goes."""
    asks = "def test_it(kind_cluster):\n    assert 'kube-system' in kind_cluster.kubectl('get', 'namespaces')\n"
    make = f"from kindlabs.clusters.kind import LabCluster; LabCluster({named!r}).create()"
    making = [subprocess.Popen([sys.executable, "-c", make]) for _ in range(2)]
    assert [process.wait(timeout=300) for process in making] == [0, 0]
    made = nodes_of(named, client)
    assert len(made) == 1
    kept = pytest_in(asks, f"--cluster-name={named}", "--keep-cluster", folder="one")
    assert "1 passed" in kept.stdout, kept.stdout + kept.stderr
    assert nodes_of(named, client) == made
    gone = pytest_in(asks, f"--cluster-name={named}", folder="another")
    assert "1 passed" in gone.stdout, gone.stdout + gone.stderr
    assert nodes_of(named, client) == []


def test_worker_that_ends_first_deletes_nothing(cluster: Cluster, pytest_in: Pytest) -> None:
    """A worker of pytest-xdist leaves the cluster to the others; the process that started the workers deletes it."""
    as_worker = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.workerinput = {"workerid": "gw0"}

def test_it(kind_cluster):
    assert kind_cluster.kubectl("version")
"""
    plugin = ["-p", "test_it"]
    done = pytest_in(as_worker, f"--cluster-name={cluster.name}", *plugin)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert cluster.fault() is None


def test_kind_is_of_today(kind: LabCluster) -> None:
    """Kind is the project's own version for this very machine, not 0.17 for amd64."""
    kind.ensure_kind()
    assert tools.kind_fits(tools.version_of("kind", str(kind.kind_path)) or "0.0.0")


@pytest.mark.parametrize("text", ["", "{port}"], ids=["empty", "stale"])
def test_a_useless_kubeconfig_is_written_again(cluster: Cluster, tmp_path: Path, text: str) -> None:
    """A cluster that exists is reused with a kubeconfig that works, if the file is empty or names an earlier port."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(text and re.sub(r":\d+\n", ":1\n", cluster.kubeconfig_path.read_text()))
    again = LabCluster(cluster.name, kubeconfig)
    again.create()
    assert "kl-probe" in again.kubectl("get", "namespaces")


def test_a_users_own_kubeconfig_stays(cluster: Cluster, tmp_path: Path) -> None:
    """A kubeconfig that names other clusters keeps them when the cluster is added to it."""
    own = tmp_path / "config"
    other = "clusters: [{name: mine, cluster: {server: 'https://mine.example'}}]\n"
    own.write_text(f"apiVersion: v1\nkind: Config\n{other}contexts: []\nusers: []\n")
    LabCluster(cluster.name, own).create()
    assert "https://mine.example" in own.read_text()
    assert f"kind-{cluster.name}" in own.read_text()


def test_a_stopped_cluster_is_not_taken_for_a_running_one(cluster: Cluster, client: docker.DockerClient) -> None:
    """A cluster whose node does not run is reported, with what to do; it is not the fixture's to remove."""
    name = f"kl-stopped-{os.getpid()}"
    labels = {NAME_LABEL: name, "io.x-k8s.kind.role": "control-plane"}
    image, full = cluster.facts.node_image, f"{name}-control-plane"
    node = client.containers.create(image, ["infinity"], entrypoint="sleep", name=full, labels=labels)
    try:
        with pytest.raises(InfraError, match=f"{name} exists, but node container {full} is created"):
            LabCluster(name).create()
    finally:
        node.remove(force=True)


def test_errors_keep_what_was_said(kind: LabCluster) -> None:
    """A failed kubectl is a CalledProcessError that tells kubectl's own reason."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        kind.kubectl("get", "pod", "no-such-pod")
    assert 'pods "no-such-pod" not found' in str(caught.value)
    assert caught.value.returncode == 1


def test_kubectl_has_a_limit(kind: LabCluster) -> None:
    """A kubectl that would wait for ever is stopped after its limit."""
    with pytest.raises(subprocess.TimeoutExpired):
        kind.kubectl("get", "pods", "-n", "kl-probe", "--watch", timeout=1)


def test_forward_starts_once(kind: LabCluster, tmp_path: Path) -> None:
    """A port-forward that works is started once, with the whole environment, and is gone with its block."""
    kind.ensure_kubectl()
    wrapper = tmp_path / "kubectl"
    wrapper.write_text(f'#!/usr/bin/env sh\necho "$PATH" >> {tmp_path}/starts\nexec {kind.kubectl_path} "$@"\n')
    wrapper.chmod(0o755)
    kind.kubectl_path = wrapper
    with kind.port_forward("service/probe", 80, "-n", "kl-probe") as port:
        assert httpx.get(f"http://127.0.0.1:{port}/hostname", trust_env=False).text.startswith("probe-")
    assert (tmp_path / "starts").read_text().splitlines() == [os.environ["PATH"]]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/hostname", trust_env=False)


def test_forward_to_nothing_says_why(kind: LabCluster) -> None:
    """A forward to a Service that does not exist fails with kubectl's reason."""
    with (
        pytest.raises(subprocess.CalledProcessError, match='services "nobody" not found'),
        kind.port_forward("service/nobody", 80, retries=1),
    ):
        pass


def test_forward_on_a_wanted_port(kind: LabCluster) -> None:
    """The local port is the one that was asked for."""
    with kind.port_forward("service/probe", 80, "-n", "kl-probe", local_port=18765) as port:
        assert port == 18765
        assert httpx.get("http://127.0.0.1:18765/healthz", trust_env=False).status_code == 200
