"""One add-on: what its ``addon.yaml`` says, what its manifests bring, and what its module knows."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from kindlabs.addons.service import service_answers
from kindlabs.errors import LabError, UnreadableLab
from kindlabs.kube import leftovers, ownership
from kindlabs.kube.api import Object
from kindlabs.labfile import read_checked
from kindlabs.promises.promise import Promise

_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["images"],
    "additionalProperties": False,
    "properties": {
        "images": _TEXTS,
        "service": {"type": "string", "pattern": r"^[a-z0-9-]+\.[a-z0-9-]+:\d+$"},
        "watches": _TEXTS,
        "creates": {"type": "array", "items": {"type": "string", "pattern": r"^[a-z]+(\.[a-z0-9.-]+)?$"}},
        "managers": _TEXTS,
        "log": {"type": "string", "pattern": r"^[a-z0-9-]+/[a-z0-9./-]+=[A-Za-z0-9.-]+$"},
        "address": _TEXT,
    },
}
"""Of ``addon.yaml``; docs/design.md says what each key means."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster; some kinds are a megabyte of schemas


@dataclass(frozen=True)
class Addon:
    """One add-on of a course.

    Args:
        folder: ``clusters/addons/<name>``.
        images: names in the image lock.
        service: ``name.namespace:port`` of a Service that answers HTTP; that it does is what the add-on promises.
        watches: kinds that a run watches from its beginning.
        creates: resources that learners may create: ``ingresses.networking.k8s.io``.
        managers: how the names begin under which its controllers write fields.
        log: ``namespace/label=value`` of the Pods whose log says what objects do not.
        address: where learners reach what they make, with ``{https}`` for a port: ``https://….localhost:{https}``.
    """

    folder: Path
    images: tuple[str, ...]
    service: str = ""
    watches: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()
    log: str = ""
    address: str = ""
    brought: tuple[Promise, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """``cert-manager``."""
        return self.folder.name

    @property
    def promises(self) -> tuple[Promise, ...]:
        """What a cluster promises that has it."""
        return (*self.brought, *([service_answers(self.name, self.service)] if self.service else []))

    @property
    def rights(self) -> list[tuple[str, str]]:
        """What learners may create, as (group, resource)."""
        return [(group, resource) for resource, _, group in (text.partition(".") for text in self.creates)]

    @property
    def logs_of(self) -> tuple[str, str]:
        """Namespace and selector of the Pods whose log is read."""
        namespace, _, selector = self.log.partition("/")
        return namespace, selector

    @cached_property
    def manifests(self) -> tuple[Object, ...]:
        """What is applied, in order: ``crds.yaml`` first."""
        manifests: list[Object] = []
        for file in sorted(self.folder.glob("*.yaml")):
            if file.name != "addon.yaml":
                manifests += filter(None, yaml.load_all(file.read_text(encoding="utf-8"), Loader=_Loader))
        return tuple(manifests)


def load(course_root: Path, name: str) -> Addon:
    """The add-on *name* of the course, with what its module knows registered where it is asked for.

    Raises: LabError when the course has none of that name; UnreadableLab, with file and line, when its ``addon.yaml``
        is not valid, or nothing proves that the add-on works.
    """
    folder = course_root / "clusters" / "addons" / name
    file = folder / "addon.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.parent.name for path in folder.parent.glob("*/addon.yaml")))
        raise LabError(f"Expected an add-on, found {name!r}.", f"Choose from {known}, or add {folder}/addon.yaml.")
    about: Mapping[str, Any] = read_checked(file, SCHEMA).value
    module = _module(name)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in about.items()}
    addon = Addon(folder, **values, brought=getattr(module, "PROMISES", ()))
    if not addon.promises:
        step = f"Name one that answers HTTP, or write kindlabs/addons/{_module_name(name)}.py."
        raise UnreadableLab(f"{file}:1: nothing proves that the add-on works: expected a key 'service'.", step)
    ownership.register(addon.managers)
    if forgets := getattr(module, "LEFTOVERS", None):
        leftovers.register(name, forgets)
    return addon


def promises_of_module(name: str) -> tuple[Promise, ...]:
    """What the module of add-on *name* promises; nothing where it has none."""
    found: tuple[Promise, ...] = getattr(_module(name), "PROMISES", ())
    return found


def _module_name(name: str) -> str:
    return name.replace("-", "_")


def _module(name: str) -> ModuleType | None:
    path = f"{__package__}.{_module_name(name)}"
    return importlib.import_module(path) if importlib.util.find_spec(path) else None
