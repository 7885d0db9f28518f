"""A cluster as a run sees it: its facts, its API server, and whether it is broken.

This is the light half: a warm run imports no Docker client and no pytest-kind. What makes and removes clusters is
:mod:`kindlabs.clusters.making`; pytest-kind's class, mended, is :class:`kindlabs.clusters.kind.LabCluster`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kindlabs.clusters import profiles, state
from kindlabs.errors import NOT_THE_CLUSTERS
from kindlabs.images.lock import Lock
from kindlabs.kube.api import Api

if TYPE_CHECKING:
    from kindlabs.promises.promise import Promise


@dataclass
class Facts:
    """What is remembered about a cluster in its ``cluster.json``.

    ``phase`` is ``making`` from before the first node container until kind is done (a cluster found in it was
    interrupted), then ``made``. ``kubernetes`` is the version that was asked for, ``1.36``, ``version`` what its API
    server says. ``is_built``: its node image was built here. ``capabilities`` are what it can do and not every cluster
    can: ``network-policy``, ``crictl``. ``addons`` have answered; ``images``, by their names in the image lock, are in
    its nodes under these references. ``broken`` are the promises that a lab broke on purpose, each with the lab's
    id. ``fault`` is what a run found broken, empty when nothing is known: the next
    command makes such a cluster anew. ``egress`` is ``none`` or ``open``; ``recipe`` stands for the data that it was
    made from; ``created`` is in seconds since the epoch.
    """

    profile: str
    phase: str = "making"
    version: str = ""
    kubernetes: str = ""
    node_image: str = ""
    is_built: bool = False
    capabilities: list[str] = field(default_factory=list)
    addons: list[str] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)
    ports: profiles.Ports = field(default_factory=dict)
    egress: str = "open"
    recipe: str = ""
    created: float = 0.0
    fault: str = ""
    broken: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What a run needs in its cluster: add-ons, and images (names in the image lock) that Pods of the lab use."""

    addons: tuple[str, ...]
    images: tuple[str, ...] = ()

    def beyond(self, facts: Facts, lock: Lock) -> Wanted:
        """What of it a cluster does not have yet; an image of another reference than the lock file's does not count."""
        return Wanted(
            tuple(name for name in self.addons if name not in facts.addons),
            tuple(name for name in self.images if facts.images.get(name) != lock.image(name).reference),
        )

    def together_with(self, facts: Facts, lock: Lock) -> Wanted:
        """All of it, and all that a cluster has already and the lock file still names."""
        addons = dict.fromkeys([*self.addons, *facts.addons])
        images = dict.fromkeys([*self.images, *(name for name in facts.images if name in lock.images)])
        return Wanted(tuple(addons), tuple(images))

    def __bool__(self) -> bool:
        return bool(self.addons or self.images)


class Cluster:
    """One cluster of this checkout, made or not.

    Args:
        folder: its own, ``.labs/clusters/<name>``.
        profile: the name of its profile.
    """

    def __init__(self, folder: Path, profile: str) -> None:
        self.state = folder
        self.name = folder.name
        self.kubeconfig_path = folder / "kubeconfig"
        self.facts = self._read() or Facts(profile)

    @classmethod
    def of(cls, course_root: Path, profile: str, index: int = 1) -> Cluster:
        """The cluster of *profile* in the checkout *course_root*, or a further one; it need not exist yet."""
        return cls(state.of_checkout(course_root) / profiles.cluster_name(course_root, profile, index), profile)

    @property
    def profile(self) -> str:
        """The name of its profile: ``single``."""
        return self.facts.profile

    @property
    def version(self) -> str:
        """The version of Kubernetes: ``v1.36.3``."""
        return self.facts.version

    @property
    def addons(self) -> list[str]:
        """The add-ons that are installed and have answered."""
        return self.facts.addons

    @property
    def ports(self) -> profiles.Ports:
        """Where the Ingress controller listens on 127.0.0.1: ``{"http": 8080, "https": 8443}``."""
        return self.facts.ports

    @property
    def is_made(self) -> bool:
        """Whether kind has made it and nobody has removed it; says nothing about its health."""
        return self.facts.phase == "made" and self._has_kubeconfig()

    def _has_kubeconfig(self) -> bool:
        """Whether it is there and whole; a power cut may leave half of it."""
        try:
            return self.kubeconfig_path.exists() and bool(self.api)
        except OSError:
            raise
        except Exception:  # whatever its reader makes of a broken file
            return False

    @cached_property
    def api(self) -> Api:
        """Its API server, as the administrator."""
        return Api(self.kubeconfig_path)

    def fault(self, promises: Sequence[Promise] | None = None) -> str | None:
        """Evidence, taken now, that cluster, engine or machine is broken, in one sentence; None when all is well.

        Answers within about 3 seconds; where it hears nothing but silence, it asks once more and longer.

        Args:
            promises: those that it is held to; all that it makes when None.
        """
        from kindlabs.clusters.health import fault

        return fault(self, promises)

    def distrust(self, evidence: str) -> None:
        """Note what a run found broken, and what no look at the cluster may show; faults of others are passed over."""
        if evidence.startswith(NOT_THE_CLUSTERS):
            return
        self.facts.fault = evidence
        self.remember()

    def remember(self) -> None:
        """Write the facts down; a reader never sees half of them."""
        self.state.mkdir(parents=True, exist_ok=True)
        state.write_whole(self.state / "cluster.json", json.dumps(asdict(self.facts), indent=2) + "\n")

    def recall(self) -> None:
        """Read the facts again: another command may have changed them, or made the cluster anew."""
        self.facts = self._read() or Facts(self.facts.profile)
        self.__dict__.pop("api", None)

    def _read(self) -> Facts | None:
        try:
            facts = Facts(**json.loads((self.state / "cluster.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        blank = asdict(Facts(""))
        return facts if all(type(value) is type(blank[name]) for name, value in asdict(facts).items()) else None
