"""Profiles: the shapes of clusters, kind configs in ``clusters/profiles``; what depends on the machine is filled in."""

from __future__ import annotations

import copy
import hashlib
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kindlabs.errors import InfraError, LabError

KUBEADM = "clusters/kubeadm.yaml"
"""Patches of kubeadm's configuration for every profile, where the course has them."""

Ports = dict[str, int]
"""Host ports on 127.0.0.1 by what they lead to: ``{"http": 8080, "https": 8443}``."""

FIRST_PORTS: Ports = {"http": 8080, "https": 8443}
PORTS_TRIED = 100
_LEADS_TO = {80: "http", 443: "https"}


@dataclass(frozen=True)
class Profile:
    """A cluster shape: ``config`` is a kind config whose host ports are 0, to be filled in."""

    name: str
    config: dict[str, Any]

    @property
    def nodes(self) -> int:
        """How many node containers the cluster has."""
        return len(self.config["nodes"])

    def kind_config(self, ports: Ports) -> dict[str, Any]:
        """The kind config with the Ingress controller's host ports; the profile's own ports stay as they are."""
        config = copy.deepcopy(self.config)
        for node in config["nodes"]:
            for mapping in node.get("extraPortMappings", []):
                if not mapping.get("hostPort") and mapping["containerPort"] in _LEADS_TO:
                    mapping["hostPort"] = ports[_LEADS_TO[mapping["containerPort"]]]
        return config


def load(course_root: Path, name: str) -> Profile:
    """The profile *name* of the course. Raises LabError when the course has none of that name."""
    folder = course_root / "clusters" / "profiles"
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise LabError(f"Expected a cluster profile, found {name!r}.", f"Choose one of {known}, or add {file}.")
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    if (patches := course_root / KUBEADM).is_file():
        documents = yaml.safe_load_all(patches.read_text(encoding="utf-8"))
        every = [yaml.safe_dump(document) for document in documents]
        config["kubeadmConfigPatches"] = [*every, *config.get("kubeadmConfigPatches", [])]  # the last one counts
    return Profile(name, config)


def cluster_name(course_root: Path, profile: str, index: int = 1) -> str:
    """``labs-<profile>-<4 hex digits>``: the digits keep the clusters of two checkouts apart.

    Further clusters of one profile, side by side, have their *index* in the name: ``labs-single-2-<4 hex digits>``.
    """
    which = profile if index == 1 else f"{profile}-{index}"
    return f"labs-{which}-{checkout_mark(course_root)}"


def checkout_mark(course_root: Path) -> str:
    """Four hex digits that stand for the checkout's path."""
    return hashlib.sha256(str(course_root.resolve()).encode()).hexdigest()[:4]


def free_ports(remembered: Ports | None = None) -> Ports:
    """Two host ports that nobody listens on: the remembered ones, so that printed addresses stay true, or the next.

    Raises: InfraError when the first PORTS_TRIED pairs are all taken.
    """
    pairs = [{name: port + step for name, port in FIRST_PORTS.items()} for step in range(PORTS_TRIED)]
    for pair in [remembered, *pairs] if remembered else pairs:
        if all(is_free(port) for port in pair.values()):
            return pair
    raise InfraError(f"Expected a free pair of host ports from {FIRST_PORTS} on; {PORTS_TRIED} pairs are taken.")


def is_free(port: int) -> bool:
    """Whether a server could listen on *port* of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # else a port stays taken for a minute after its owner
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
