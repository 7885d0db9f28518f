"""A course on disk: four folders that belong together, and the labs in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kindlabs import manifests
from kindlabs.errors import UnreadableLab, UnreadableSubmission, UsageError
from kindlabs.filetree import digest_of, files_below, manifest_files
from kindlabs.labfile import read_labfile
from kindlabs.manifests import Manifest
from kindlabs.mutants import Mutant, read_mutants, read_unkilled
from kindlabs.nonces import filled
from kindlabs.perimeter import HandIn, NodeSetup, Rights, Space
from kindlabs.spelling import did_you_mean

FOLDERS = ("labs", "validators", "fixtures", "clusters")
LAB_ID = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class CourseLab:
    """One lab; every path of it follows from its id.

    ``deadline`` and ``minutes`` are in seconds and minutes; ``hints`` maps a check's id to sentences, mildest first.
    ``requires`` are capabilities of the cluster, ``breaks`` promises that the lab breaks on purpose, ``nodes`` what is
    done to nodes before anything is applied; ``start_points`` is what the untouched start may score.
    """

    course_root: Path
    id: str
    title: str
    minutes: int
    profile: str = "single"
    addons: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    spaces: tuple[Space, ...] = ()
    nodes: tuple[NodeSetup, ...] = ()
    images: tuple[str, ...] = ()
    deadline: float = 60
    start_points: int = 0
    handin: HandIn = field(default_factory=HandIn)
    rights: Rights = field(default_factory=Rights)
    hints: dict[str, list[str]] = field(default_factory=dict, hash=False)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The names of the lab's namespaces; the first is where names are looked up."""
        return tuple(space.name for space in self.spaces)

    @property
    def number(self) -> str:
        """``03``."""
        return self.id[:2]

    @property
    def root(self) -> Path:
        """``labs/<id>``."""
        return self.course_root / "labs" / self.id

    @property
    def readme(self) -> Path:
        """The task, as a learner reads it."""
        return self.root / "README.md"

    @property
    def start(self) -> Path:
        """What a learner begins with."""
        return self.root / "start"

    @property
    def fixtures(self) -> Path:
        """``fixtures/<id>``: the solution, and what the validator must catch."""
        return self.course_root / "fixtures" / self.id

    @property
    def solution(self) -> Path:
        """The lab's own reference submission."""
        return self.fixtures / "solution"

    @property
    def solutions(self) -> dict[str, Path]:
        """All reference submissions by name: ``solution``, and others that ought to pass, ``solution-…``."""
        return {path.name: path for path in sorted(self.fixtures.glob("solution*")) if path.is_dir()}

    @property
    def validator(self) -> Path:
        """``validators/test_03_ingress_certificates.py``."""
        return self.course_root / "validators" / f"test_{self.id.replace('-', '_')}.py"

    @property
    def work(self) -> Path:
        """``work/03``: the learner's own files."""
        return self.course_root / "work" / self.number

    def mutants(self) -> list[Mutant]:
        """What ``mutants.yaml`` lists, in its order. Raises: UnreadableLab."""
        path = self.fixtures / "mutants.yaml"
        return read_mutants(path) if path.is_file() else []

    def unkilled(self) -> dict[str, str]:
        """Why no mutant fails a check first, by check, as ``mutants.yaml`` says. Raises: UnreadableLab."""
        path = self.fixtures / "mutants.yaml"
        return read_unkilled(path) if path.is_file() else {}

    def setup(self, nonce: str) -> list[Manifest]:
        """What the instructor puts into the lab's namespaces before the learner comes. Raises: UnreadableLab."""
        try:
            found = [
                manifest
                for path in manifest_files(self.root / "setup")
                for manifest in manifests.parse(filled(manifests.read_text(path).encode(), nonce).decode(), path)
            ]
        except UnreadableSubmission as error:
            raise UnreadableLab(error.message, error.next_step) from None
        for manifest in found:
            if not manifest.name:
                raise UnreadableLab(f"{manifest.file}:{manifest.line}: expected an object with a metadata.name.")
        return found

    @cached_property
    def digest(self) -> str:
        """sha256 over the lab's files: task, validator, fixtures, and the profile and add-ons that it runs on."""
        clusters = self.course_root / "clusters"
        places = [self.root, self.validator, self.fixtures, *clusters.glob(f"profiles/{self.profile}*")]
        places += [place for addon in self.addons for place in sorted(clusters.glob(f"addons/{addon}*"))]
        return digest_of((path for place in places for path in files_below(place)), self.course_root)


@dataclass(frozen=True)
class Course:
    """The folder that holds ``labs/``, ``validators/``, ``fixtures/`` and ``clusters/``."""

    root: Path

    def ids(self) -> list[str]:
        """The ids of all labs, in their order."""
        return sorted(path.name for path in (self.root / "labs").iterdir() if LAB_ID.fullmatch(path.name))

    def labs(self) -> list[CourseLab]:
        """All labs, in their order. Raises: UnreadableLab."""
        return [self._load(lab_id) for lab_id in self.ids()]

    def lab(self, name: str) -> CourseLab:
        """The lab *name* names: ``3``, ``03`` or ``03-ingress-certificates``. Raises: UsageError, UnreadableLab."""
        ids = self.ids()
        wanted = name.zfill(2) if name.isdigit() else name
        for lab_id in ids:
            if wanted in (lab_id, lab_id[:2]):
                return self._load(lab_id)
        raise UsageError(f"There is no lab {name!r}.{did_you_mean(name, ids)}\nLabs: {', '.join(ids)}.", "make list")

    def _load(self, lab_id: str) -> CourseLab:
        values = read_labfile(self.root / "labs" / lab_id / "lab.yaml")
        perimeter = {
            "spaces": tuple(map(Space.read, values.pop("namespaces", [f"lab-{lab_id[:2]}"]))),
            "nodes": tuple(map(NodeSetup.read, values.pop("nodes", ()))),
            "start_points": values.pop("start", {}).get("points", 0),
            "handin": HandIn.read(values.pop("handin", {})),
            "rights": Rights.read(values.pop("rights", {})),
        }
        lists: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
        return CourseLab(course_root=self.root, id=lab_id, **perimeter, **lists)


def find(start: Path) -> Course:
    """The course that *start* lies in. Raises: UsageError."""
    for folder in (start.resolve(), *start.resolve().parents):
        if all((folder / name).is_dir() for name in FOLDERS):
            return Course(folder)
    raise UsageError(
        f"No course here: neither {start.resolve()} nor a folder above it holds {', '.join(f'{n}/' for n in FOLDERS)}.",
        "cd into the checkout, then run the command again",
    )
