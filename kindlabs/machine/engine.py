"""The Docker engine: find the one that the user has, or, on Debian and Ubuntu as root, install and start one."""

from __future__ import annotations

import os
import platform
import shutil

import docker
from docker.context import ContextAPI
from docker.errors import DockerException
from docker.tls import TLSConfig

from kindlabs.asking import Ask
from kindlabs.errors import InfraError
from kindlabs.machine import own_engine, settings
from kindlabs.progress import Steps

REQUEST_SECONDS = 600.0
"""For one request to the engine; committing a node image on a slow disk needs minutes."""


def find(timeout: float = REQUEST_SECONDS) -> docker.DockerClient | None:
    """The engine that ``DOCKER_HOST``, ``DOCKER_CONTEXT`` or the current context names; None where none answers.

    Args:
        timeout: seconds that each request to it may take, the first one included.
    """
    try:
        client = _connect(timeout)
        client.ping()
    except (DockerException, OSError, ValueError):  # a port of 99999
        return None
    return client


def ensure(steps: Steps, ask: Ask) -> docker.DockerClient:
    """A Docker engine that answers, and the ``docker`` command that kind needs to speak with it.

    A running engine is used as it is. Where none runs, one that this project started before is started again; on
    Debian and Ubuntu as root one is installed and started, once *ask* says yes.

    Args:
        steps: where the progress goes.
        ask: whether an engine may be installed, or started.

    Raises:
        InfraError: there is no engine and none can be started; says what is missing.
    """
    client = find() or _start_one(steps, ask)
    if shutil.which("docker") is None:
        _provide_cli(steps, ask)
    _refuse_what_kind_cannot_use(client)
    return client


def architecture(client: docker.DockerClient) -> str:
    """The engine's processor in Go's and Debian's words, ``amd64`` or ``arm64``.

    Raises:
        InfraError: it is neither.
    """
    machine = str(client.info()["Architecture"])
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    if machine not in names:
        raise InfraError(f"The Docker engine runs on {machine}; images exist for amd64 and arm64.")
    return names[machine]


def _connect(timeout: float) -> docker.DockerClient:
    """As the docker command chooses its engine: DOCKER_HOST, then DOCKER_CONTEXT, then the current context."""
    if os.environ.get("DOCKER_HOST"):
        return docker.from_env(timeout=timeout)  # type: ignore[arg-type]  # requests takes floats
    name = os.environ.get("DOCKER_CONTEXT") or None
    context = ContextAPI.get_context(name)
    if context is None:
        raise DockerException(f"no Docker context {name}")
    tls = context.TLSConfig if isinstance(context.TLSConfig, TLSConfig) else False
    return docker.DockerClient(base_url=context.Host, tls=tls, timeout=timeout)  # type: ignore[arg-type]


def _start_one(steps: Steps, ask: Ask) -> docker.DockerClient:
    if settings.engine():
        raise settings.no_engine()
    if platform.system() != "Linux":
        raise InfraError("No Docker engine answers.", "Start Docker Desktop and run the same command again.")
    if os.path.exists(own_engine.SOCKET) and not os.access(own_engine.SOCKET, os.R_OK | os.W_OK):  # noqa: PTH110
        raise InfraError(
            f"A Docker engine is there, but you may not use its socket {own_engine.SOCKET}.",
            "sudo usermod -aG docker $USER, then log in again",
        )
    if os.geteuid() != 0:
        raise InfraError("No Docker engine answers, and only root can start one.", _user_advice())
    own_engine.bring_up(steps, ask)
    client = find()
    if client is None:
        raise InfraError(
            "The Docker engine was started, but the current Docker context names another one.",
            "docker context use default",
        )
    return client


def _user_advice() -> str:
    if shutil.which("dockerd"):
        return "sudo systemctl start docker, then run the same command again"
    return "Install Docker Engine (https://docs.docker.com/engine/install/), or run the same command as root."


def _provide_cli(steps: Steps, ask: Ask) -> None:
    if platform.system() == "Linux" and os.geteuid() == 0 and own_engine.distribution() is not None:
        own_engine.install(steps, ask, ["docker-cli"])
    if shutil.which("docker") is None:
        raise InfraError(
            "kind needs the docker command; it is not on PATH.", "Install docker-cli (or put docker on PATH)."
        )


def _refuse_what_kind_cannot_use(client: docker.DockerClient) -> None:
    info = client.info()
    if info.get("OSType") != "linux":
        raise InfraError(
            f"The Docker engine runs {info.get('OSType')} containers; kind needs Linux containers.",
            "Switch Docker Desktop to Linux containers.",
        )
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or [])
    if rootless and str(info.get("CgroupVersion")) == "1":
        raise InfraError(
            "The Docker engine is rootless on cgroup v1; kind needs cgroup v2 for a rootless engine.",
            "Use a rootful engine, or boot with systemd.unified_cgroup_hierarchy=1.",
        )
