"""What the API server means when it refuses an object: one sentence, and the field that it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from kindlabs.diagnosis.cause import Field
from kindlabs.kube.api import Object

TYPED = re.compile(r"^failed to create typed patch object \([^)]*\): (?:errors:\s*)?")
INVALID = re.compile(r'^[\w.]+ "[^"]*" is invalid: ')
STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
TEXT_WANTED = re.compile(r"expected string, got &value\.valueUnstructured\{Value:(.*?)\}")


class Refused(NamedTuple):
    """Why an object was refused, as the end of a sentence about it, and the field that has to change."""

    why: str
    field: Field = ()


def explain(manifest: Object, message: str, served: Sequence[str] = ()) -> Refused:
    """The server's *message* about *manifest* in plain words.

    Args:
        served: the apiVersions in which the server knows the manifest's kind.
    """
    if message.startswith("no kind "):
        return _unserved(manifest, served)
    begins = TYPED.match(message) or INVALID.match(message)
    words = message[begins.end() :] if begins else message
    words = words.strip().split("\n")[0].strip()
    path, colon, said = words.partition(": ")
    if not begins or not colon:
        return Refused(words.rstrip("."))
    path = path.lstrip("[. ")
    field = field_at(manifest, path)
    return Refused(f"{path}: {_plain(said)}", field)


def field_at(manifest: Object, path: str) -> Field:
    """``spec.containers[name="web"].image`` as a way into *manifest*, as far as it leads."""
    here: object = manifest
    way: list[str | int] = []
    for name, item in STEP.findall(path):
        step = _place(here, item) if item else name
        if step is None:
            break
        way.append(step)
        try:
            here = here[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            here = None
    return tuple(way)


def _place(items: object, which: str) -> int | str | None:
    """The index that ``0`` or ``port=80,protocol="TCP"`` means in a list; a key in brackets is a key."""
    if which.isdigit():
        return int(which)
    wanted = dict(re.findall(r'(\w+)="?([^",]*)"?', which))
    if isinstance(items, list) and wanted:
        fits = [all(str(i.get(k, v)) == v for k, v in wanted.items()) for i in items if isinstance(i, dict)]
        return fits.index(True) if True in fits else None
    return which if isinstance(items, dict) else None


def _plain(said: str) -> str:
    if "field not declared in schema" in said:
        return "Kubernetes knows no such field"
    wanted = TEXT_WANTED.search(said)
    if wanted:
        return f"it has to be a text, found {wanted.group(1)}; put it in quotes"
    if said.startswith("expected numeric"):
        return "it has to be a number, found a text" if "got string" in said else said
    return said.rstrip(".")


def _unserved(manifest: Object, served: Sequence[str]) -> Refused:
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if served:
        return Refused(f"this cluster serves {kind} as {' and '.join(served)}, not as {version}", ("apiVersion",))
    return Refused(f"this cluster knows no kind {kind} in {version}", ("kind",))
