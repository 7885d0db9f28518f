"""Kubernetes objects: the manifests of a folder, or what its kustomization builds of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from kindlabs import kustomize, manifests, yamlsource
from kindlabs.errors import UnreadableSubmission
from kindlabs.filetree import manifest_files
from kindlabs.handin.part import Applied, Folder, Part
from kindlabs.lint import Finding, Source, lint
from kindlabs.manifests import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kindlabs.course import CourseLab
    from kindlabs.kube.api import Api, Object
    from kindlabs.kube.notes import Key

MAX_OBJECTS = 200
"""A lab has a dozen; what a run remembers of them has to fit into an annotation of 256 KiB (see kube/notes)."""


class Objects(Part):
    """The objects of a folder: ``manifests``, applied at once, and ``stages``, by the name of their file."""

    changes: ClassVar[tuple[str, ...]] = ("object",)

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.manifests: list[Manifest] = []
        self.stages: dict[str, list[Manifest]] = {}

    @classmethod
    def read(cls, folder: Folder, lab: CourseLab) -> Objects:
        """Read the ``*.yaml``, ``*.yml`` and ``*.json`` of the folder itself, in name order; or its kustomization.

        Sub-folders are left out, as ``kubectl apply -f`` leaves them out.
        """
        part = cls(folder)
        if not lab.handin.manifests:
            return part
        if chart := folder.file("Chart.yaml"):
            raise UnreadableSubmission(
                f"{chart}: a Helm chart; expected the objects that it makes.",
                f"helm template {folder.path} writes them",
            )
        built = kustomize.kustomization_of(folder.path)
        objects = part._built(built) if built else part._written(lab)
        if len(objects) > MAX_OBJECTS:
            raise UnreadableSubmission(
                f"{folder.path}: {len(objects)} objects.", f"Give one lab's; {MAX_OBJECTS} is the most."
            )
        staged = {name: [m for m in objects if m.file == folder.path / name] for name in lab.handin.stages}
        part.stages = {name: part._sound(found, lab) for name, found in staged.items()}
        part.manifests = part._sound([m for m in objects if m.file.name not in staged], lab)
        if not objects and not lab.handin.optional:
            part.findings.append(part._nothing(lab))
        return part

    def _written(self, lab: CourseLab) -> list[Manifest]:
        others = {"answers.yaml" if lab.handin.answers else "", lab.handin.script, *lab.handin.files}
        self.takes = {path for path in manifest_files(self.folder.path) if path.name not in others}
        return [manifest for path in sorted(self.takes) for manifest in manifests.read(path)]

    def _built(self, kustomization: Path) -> list[Manifest]:
        if self.folder.kubectl is None:
            why = f"{kustomization}: a kustomization needs kubectl, which is not here."
            raise UnreadableSubmission(why, "make doctor")
        self.takes = set(self.folder.files)
        return kustomize.build(kustomization, self.folder.files, self.folder.kubectl())

    def _sound(self, objects: list[Manifest], lab: CourseLab) -> list[Manifest]:
        def locate(manifest: Manifest, at: tuple[str | int, ...]) -> Source:
            return self.folder.source(manifest.file, manifest.line_of(*at))

        sound, findings = lint(objects, lab.namespaces, locate, lab.rights.cluster)
        self.findings += findings
        return sound

    def _nothing(self, lab: CourseLab) -> Finding:
        expected = ", ".join(path.name for path in manifest_files(lab.start))
        left = [
            path.relative_to(self.folder.path).as_posix()
            for path in self.folder.files
            if alike(path) and path not in self.takes
        ]
        passed = f"; {', '.join(left[:3])} passed over" if left else ""
        message = f"no manifest in this folder{passed}; expected files such as {expected}."
        return Finding(message, Source(self.folder.shown_as, 1))

    def apply(self, api: Api, lab: CourseLab, there: Mapping[Key, Object]) -> Applied:
        """Make of the lab's namespaces what a first run of ``manifests`` would."""
        from kindlabs.kube import apply as applying

        outcome = applying.apply(api, [m.document for m in self.manifests], lab.namespaces, lab.rights.cluster, there)
        return Applied(outcome.refused, outcome.changed)

    def source(self, kind: str, name: str, namespace: str | None, at: tuple[str | int, ...]) -> Source | None:
        """The place of a field of an object that was applied, at once or in a stage."""
        for manifest in [*self.manifests, *(m for stage in self.stages.values() for m in stage)]:
            if (manifest.kind, manifest.name) == (kind, name) and namespace in (None, manifest.namespace):
                return self.folder.source(manifest.file, manifest.line_of(*at))
        return None

    @classmethod
    def mutate(cls, folder: Path, change: dict[str, Any], fixtures: Path) -> None:  # noqa: ARG003
        """Apply the JSON Patch ``patch`` to the ``object``, ``Kind/name``."""
        import jsonpatch

        for path in sorted(folder.rglob("*")):
            objects = manifests.read(path) if path.suffix in manifests.SUFFIXES else []
            mutated = next((m for m in objects if f"{m.kind}/{m.name}" == change["object"]), None)
            if mutated is None:
                continue
            try:
                mutated.document = jsonpatch.apply_patch(mutated.document, list(change["patch"]))
            except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
                raise ValueError(f"the patch does not apply to {change['object']}: {error}") from None
            path.write_text(dump([m.document for m in objects]))
            return
        raise ValueError(f"the solution has no object {change['object']}")


def alike(path: Path) -> bool:
    """Whether a file looks like a manifest, by its name."""
    return path.suffix.lower() in manifests.SUFFIXES


def dump(documents: list[dict[str, Any]]) -> str:
    """YAML that :mod:`kindlabs.yamlsource`, and so kubectl, reads back as the same values."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        try:
            same = yamlsource.resolve(value) == value
        except ValueError:
            same = False
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if same else '"')

    Dumper.add_representer(str, text)
    return yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, width=1000)
