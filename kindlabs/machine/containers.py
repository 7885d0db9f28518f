"""What is done to node containers from outside: run a command in one, copy an image into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import docker
from docker.models.containers import Container

from kindlabs.errors import InfraError

NAME_LABEL = "io.x-k8s.kind.cluster"
"""Label of kind's node containers; its value is the cluster's name."""


def nodes(name: str, client: docker.DockerClient) -> list[Container]:
    """The node containers of a kind cluster, running or not."""
    return client.containers.list(all=True, filters={"label": f"{NAME_LABEL}={name}"}, ignore_removed=True)


def run(container: Container, command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Run a command in a container; what it wrote to standard output.

    Raises:
        InfraError: it failed; with the last lines that it wrote.
    """
    done = container.exec_run(list(command), environment=dict(environment or {}), demux=True)
    parts: tuple[bytes | None, bytes | None] = done.output  # type: ignore[assignment]  # as demux=True has it
    out, error = ((part or b"").decode(errors="replace") for part in parts)
    if done.exit_code != 0:
        words = "\n  ".join((error or out).strip().splitlines()[-5:])
        raise InfraError(f"{' '.join(command[:3])} failed in container {container.name}:\n  {words}")
    return out


def copy_image(reference: str, container: Container, folder: str, client: docker.DockerClient) -> None:
    """Copy an image of the engine into a new folder of a container, as the files that its archive holds.

    Unlike a pipe into a command this needs no hijacked connection: it works through TLS and SSH as well.
    """
    run(container, ["mkdir", "-p", folder])
    container.put_archive(folder, client.api.get_image(reference))
