"""What a lab declares about its submissions in ``lab.yaml``: where they go, what they may do, what is handed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Space:
    """One namespace of a lab: its Pod Security level, and labels that the task asks for."""

    name: str
    pod_security: str = "baseline"
    labels: dict[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, said: str | dict[str, Any]) -> Space:
        """From an entry of ``namespaces:``, a name or a mapping."""
        return cls(said) if isinstance(said, str) else cls(**said)


@dataclass(frozen=True)
class Thing:
    """An object by kind (with its group, ``StorageClass.storage.k8s.io``) and name."""

    kind: str
    name: str

    @classmethod
    def read(cls, said: str) -> Thing:
        """From ``Kind.group/name``."""
        kind, _, name = said.partition("/")
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind.partition('.')[0]} {self.name}"


@dataclass(frozen=True)
class Rights:
    """What a submission may do beyond ClusterRole ``admin`` in the lab's namespaces.

    ``rules``: further RBAC rules for these namespaces. ``cluster``: cluster-wide objects that may be handed in.
    ``given``: objects of ``setup/`` that may be changed; all others are read-only.
    """

    rules: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    cluster: tuple[Thing, ...] = ()
    given: tuple[Thing, ...] = ()

    @classmethod
    def read(cls, said: dict[str, Any]) -> Rights:
        """From the mapping ``rights:``."""
        cluster, given = (tuple(map(Thing.read, said.get(key, ()))) for key in ("cluster", "given"))
        return cls(tuple(said.get("rules", ())), cluster, given)


@dataclass(frozen=True)
class NodeSetup:
    """What a lab has done to the nodes that carry the labels *selector*, before anything is applied.

    ``labels`` are added, and ``taints``, as kubectl writes them: ``team=batch:NoSchedule``.
    """

    selector: dict[str, str] = field(hash=False)
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    taints: tuple[str, ...] = ()

    @classmethod
    def read(cls, said: dict[str, Any]) -> NodeSetup:
        """From an entry of ``nodes:``."""
        return cls(said["selector"], said.get("labels", {}), tuple(said.get("taints", ())))


@dataclass(frozen=True)
class HandIn:
    """What a folder that is handed in may hold; anything else is passed over.

    ``manifests``: whether Kubernetes objects are, all at once but for the files ``stages``, which a validator applies
    itself; ``optional`` where none need be. ``answers``: fields of ``answers.yaml`` and their types
    (``labfile.ANSWER_TYPES``). ``files``: names of texts. ``script``: the name of a file of shell commands.
    """

    manifests: bool = True
    stages: tuple[str, ...] = ()
    optional: bool = False
    answers: dict[str, str] = field(default_factory=dict, hash=False)
    files: tuple[str, ...] = ()
    script: str = ""

    def __str__(self) -> str:
        """What counts, in words."""
        named = [*(["answers.yaml"] if self.answers else []), *self.files, *([self.script] if self.script else [])]
        counting = ["only .yaml, .yml and .json files"] if self.manifests and not named else []
        counting = counting or [f"only {', '.join(named)}" + (" and manifests" if self.manifests else "")]
        return counting[0]

    @classmethod
    def read(cls, said: dict[str, Any]) -> HandIn:
        """From the mapping ``handin:``; without one, manifests."""
        manifests = said.get("manifests", {})
        return cls(
            manifests="manifests" in said or not said,
            stages=tuple(manifests.get("stages", ())),
            optional=manifests.get("optional", False),
            answers=said.get("answers", {}),
            files=tuple(said.get("files", ())),
            script=said.get("script", ""),
        )
