"""pytest-kind's cluster class with its faults mended: what makes, removes and drives a kind cluster.

What pytest-kind-ng 26.7 does, and this does not: download kind 0.17 for amd64; wait for programs without a limit; lose
what they wrote; keep its state in the working directory; restart a port-forward that works; race when two processes
create.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pykube
import yaml
from filelock import FileLock
from pytest_kind import KindCluster
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from kindlabs.asking import nobody
from kindlabs.clusters import egress, tools
from kindlabs.clusters.commands import CommandFailed, CommandTooSlow, follow, run
from kindlabs.clusters.forward import Forward
from kindlabs.clusters.health import engine_fault
from kindlabs.clusters.state import of_nobody
from kindlabs.errors import InfraError, LabError
from kindlabs.images import imagebuild, supply
from kindlabs.images.lock import Lock, course_root
from kindlabs.machine import containers, engine, settings
from kindlabs.progress import Steps

CREATE_SECONDS = 600.0
KUBECTL_SECONDS = 120.0
QUICK_SECONDS = 60.0
ATTEMPTS, RETRY_SECONDS = 3, 1.0
PORT_TAKEN = re.compile(r"port is already allocated|address already in use")
"""What Docker says of a host port that somebody else has."""
LASTING = re.compile(
    r"unknown field|unable to decode config|failed to pull image|no such image|invalid config|" + PORT_TAKEN.pattern,
    re.I,
)
"""What kind says when a second attempt would fail as the first did."""


CONSENT_TO_CGROUP_V1 = {
    "kind": "KubeletConfiguration",
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "failCgroupV1": False,
}
"""Since Kubernetes 1.35 the kubelet refuses to start there otherwise (kubernetes.io, "About cgroup v2")."""


class LabCluster(KindCluster):  # type: ignore[misc]  # pytest_kind has no types
    """A kind cluster by name. A drop-in for ``pytest_kind.KindCluster``: same arguments, attributes and methods.

    Args:
        name: the name that kind knows.
        kubeconfig: the file to write; in *state* when None.
        image: the node image; when None the one that labs run on, or kind's default where there is no course.
        kind_path: the kind program; the project's own when None.
        kubectl_path: the kubectl program; the project's own when None.
        state: where kubeconfig and lock are kept; when None a folder of the user's, the same from everywhere.

    ``tell`` gets each line that kind writes while it makes the cluster.
    """

    def __init__(
        self,
        name: str,
        kubeconfig: Path | None = None,
        image: str | None = None,
        kind_path: Path | None = None,
        kubectl_path: Path | None = None,
        *,
        state: Path | None = None,
    ) -> None:
        # Not super().__init__(): it makes folders in the working directory and settles on downloads of old versions.
        self.name = name
        self.image = image
        self.path = state or of_nobody(name)
        self.path.mkdir(parents=True, exist_ok=True)
        self.kubeconfig_path = Path(kubeconfig or self.path / "kubeconfig").absolute()
        self.kind_path = kind_path
        self.kubectl_path = kubectl_path
        self.api: pykube.HTTPClient | None = None
        self.tell: Callable[[str], None] = lambda _: None

    def ensure_kind(self) -> None:
        """Find or get the kind program."""
        self.kind_path = self.kind_path or tools.kind(Steps())

    def ensure_kubectl(self) -> None:
        """Find or get the kubectl program."""
        self.kubectl_path = self.kubectl_path or tools.kubectl(Steps())

    def exists(self) -> bool:
        """Whether kind knows a cluster of this name; says nothing about its health."""
        return self.name in self._kind("get", "clusters", timeout=QUICK_SECONDS).split()

    def create(self, config_file: str | Path | None = None) -> None:
        """Make the cluster, or use the one that exists and runs; a passing fault is tried again, on a clean ground.

        Args:
            config_file: a kind config, to which consent to cgroup v1 is added where the engine has no newer one.

        Raises: InfraError with what kind wrote, or when the cluster exists and does not run.
        """
        with self.lock():
            if not self.exists():
                self._make(config_file)
            elif fault := engine_fault(self.name):
                advice = f"docker start it, or remove it: kind delete cluster --name {self.name}"
                raise InfraError(f"Cluster {self.name} exists, but {fault}.", advice)
            else:  # always: it may have been made anew since, by somebody with another kubeconfig
                self._kind("export", "kubeconfig", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}")
        self.api = pykube.HTTPClient(pykube.KubeConfig.from_file(str(self.kubeconfig_path)))

    def delete(self) -> None:
        """Remove the cluster; no error when there is none."""
        with self.lock():
            self._delete()

    def load_docker_image(self, docker_image: str) -> None:
        """Put an image of the Docker engine into the cluster's nodes."""
        self._kind("load", "docker-image", f"--name={self.name}", docker_image, timeout=CREATE_SECONDS)

    def kubectl(self, *args: str, timeout: float = KUBECTL_SECONDS, **kwargs: Any) -> str:
        """Run kubectl on this cluster and return what it wrote.

        Args:
            args: its arguments.
            timeout: seconds.
            kwargs: for subprocess.run, such as ``input``.

        Raises: CommandFailed (a CalledProcessError) with what kubectl wrote, CommandTooSlow.
        """
        self.ensure_kubectl()
        return run([str(self.kubectl_path), *args], timeout=timeout, env=self._environment(), **kwargs)

    @contextmanager
    def port_forward(
        self,
        service_or_pod_name: str,
        remote_port: int,
        *args: str,
        local_port: int | None = None,
        retries: int = 10,
    ) -> Iterator[int]:
        """A local port that leads to a Service's or a Pod's port while the block runs.

        Args:
            service_or_pod_name: ``service/web``, ``pod/web-0``.
            remote_port: the port there.
            args: more arguments for kubectl, such as ``-n``, ``shop``.
            local_port: the port here; a free one that kubectl chooses when None.
            retries: how often to try while there is nothing to forward to.
        """
        self.ensure_kubectl()
        ports = f"{local_port or ''}:{remote_port}"
        command = [str(self.kubectl_path), "port-forward", service_or_pod_name, ports, *args]
        attempts = Retrying(
            stop=stop_after_attempt(retries),
            wait=wait_fixed(RETRY_SECONDS),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        forward = attempts(Forward, command, self._environment())
        try:
            yield forward.port
        finally:
            forward.stop()

    def lock(self) -> FileLock:
        """Held while the cluster is made or removed, by whichever process gets it first."""
        return FileLock(self.path / "kind.lock", mode=0o600)

    def _make(self, config_file: str | Path | None) -> None:
        client = engine.ensure(Steps(), nobody)
        self.image = self.image or _image_of_labs(client)
        self._create(self._config(config_file, client))
        if egress_wanted(self.image, client) == "none":
            egress.block(node_names(self.name, client), client)

    def _config(self, config_file: str | Path | None, client: docker.DockerClient) -> Path:
        """What kind gets, kept beside the kubeconfig for whoever wonders."""
        config: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
        if config_file:
            config = yaml.safe_load(Path(config_file).read_text(encoding="utf-8"))
        if str(client.info().get("CgroupVersion")) == "1":
            config.setdefault("kubeadmConfigPatches", []).append(yaml.safe_dump(CONSENT_TO_CGROUP_V1))
        given = self.path / "kind.yaml"
        given.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return given

    def _create(self, config: Path) -> None:
        # --retain: one that outlives a killed command must not, failing, remove what the next command makes.
        command = ["create", "cluster", "--retain", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}"]
        command += [f"--config={config}", *([f"--image={self.image}"] if self.image else [])]
        attempts = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_fixed(RETRY_SECONDS),
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        attempts(self._create_once, command)

    def _create_once(self, command: list[str]) -> None:
        try:
            self.ensure_kind()
            follow([str(self.kind_path), *command], self.tell, timeout=CREATE_SECONDS)
        except BaseException:  # interrupted, too: half a cluster is worse than none
            with contextlib.suppress(InfraError):
                self._delete()
            raise

    def _delete(self) -> None:
        self._kind("delete", "cluster", f"--name={self.name}", f"--kubeconfig={self.kubeconfig_path}")
        if self.kubeconfig_path.parent == self.path:  # a file of the user's may name other clusters
            self.kubeconfig_path.unlink(missing_ok=True)

    def _kind(self, *args: str, timeout: float = QUICK_SECONDS * 2) -> str:
        self.ensure_kind()
        return run([str(self.kind_path), *args], timeout=timeout)

    def _environment(self) -> dict[str, str]:
        return {"KUBECONFIG": str(self.kubeconfig_path)}


def node_names(name: str, client: docker.DockerClient) -> list[str]:
    """The names of a kind cluster's node containers, running or not."""
    return sorted(str(node.name) for node in containers.nodes(name, client))


def _image_of_labs(client: docker.DockerClient) -> str | None:
    try:
        lock = Lock.load(course_root())
    except LabError:
        return None
    return supply.node_image(lock.asked_for(), client, Steps(), lock)


def egress_wanted(image: str | None, client: docker.DockerClient) -> str:
    """``none`` or ``open``: as the variable EGRESS says; by default nothing leaves nodes whose *image* was built here.

    Not whether a registry answers now: a network that comes and goes leaves no trace in a cluster.

    Raises: UsageError for another word.
    """
    built = image and imagebuild.built_key(image, client)
    return settings.egress() or ("none" if built else "open")


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, CommandTooSlow) or (isinstance(error, CommandFailed) and not LASTING.search(str(error)))
