"""What the API server means when it refuses an object: one sentence, and the field that it is about."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import NamedTuple

from kindlabs.diagnosis.cause import Field
from kindlabs.kube.api import Object
from kindlabs.quantities import value_of
from kindlabs.tree import leaves, shown

TYPED = re.compile(r"^failed to create typed patch object \([^)]*\): (?:errors:\s*)?")
INVALID = re.compile(r'^[\w.]+ "[^"]*" is invalid: ')
UNCONVERTED = re.compile(r"^failed to convert new object \([^)]*\) to proper version: .*?, Kind=\w+: ")
"""The server names no field here: it is found by what does not fit."""
POLICY = re.compile(r"^.*ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request: ")
UNMEASURED = re.compile(r"quantities must|unable to parse (quantity's suffix|numeric part of quantity)")
"""What it says of a quantity that it cannot read (k8s.io/apimachinery, pkg/api/resource)."""
QUANTITIES = {"limits", "requests", "capacity", "hard"}
"""Fields that hold quantities by name."""
STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]*)\]")
TEXT_WANTED = re.compile(r"expected string, got &value\.valueUnstructured\{Value:(.*?)\}")
OTHER_WANTED = re.compile(r"expected (list|map), got &\{(.*)\}")
FORMS = {"list": "a list, of lines that begin with -", "map": "a mapping, of lines such as key: value"}


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
    if begins := UNCONVERTED.match(message):
        return _misfit(manifest, message[begins.end() :])
    begins = TYPED.match(message) or INVALID.match(message) or POLICY.match(message)
    words = message[begins.end() :] if begins else message
    words = words.strip().split("\n")[0].strip()
    if words.startswith("[") and words.endswith("]"):  # several of them
        words = words[1:-1]
    path, colon, said = words.partition(": ")
    if not begins or not colon:
        return Refused(words.rstrip("."))
    path = path.lstrip(".")
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
    other = OTHER_WANTED.search(said)
    if other:
        found = "a mapping" if other.group(2).startswith("map[") else other.group(2)
        return f"it has to be {FORMS[other.group(1)]}; found {found}"
    if "may not have non-map elements" in said:
        return f"each of its entries has to be {FORMS['map']}"
    if said.startswith("duplicate entries for key"):
        return f"two of its entries have {said.partition('[')[2].rstrip(']')}"
    if said.startswith("expected numeric"):
        return "it has to be a number, found a text" if "got string" in said else said
    return said.rstrip(".")


def _misfit(manifest: Object, words: str) -> Refused:
    """The value that the server could not read, and the way to write it."""
    encoded = "binaryData" if manifest.get("kind") == "ConfigMap" else "data"
    for field, value in leaves(manifest):
        path = shown(field)
        if UNMEASURED.match(words) and _is_quantity(field) and value_of(str(value)) is None:
            return Refused(f"{path}: {value!r} is no quantity; write it as 64Mi, 1.5 or 500m", field)
        if "illegal base64" in words and field[0] == encoded and not _is_base64(value):
            return Refused(f"{path}: {str(value)[:40]!r} is not base64; plain text stands under stringData", field)
        if words.startswith("cannot convert float64") and isinstance(value, float):
            return Refused(f"{path}: it has to be a whole number, found {value}", field)
    return Refused(words.rstrip("."))


def _is_quantity(field: Field) -> bool:
    return bool(QUANTITIES & set(field[:-1])) or field[-1:] == ("sizeLimit",)


def _is_base64(value: object) -> bool:
    try:
        base64.b64decode(str(value), validate=True)
    except ValueError:
        return False
    return True


def _unserved(manifest: Object, served: Sequence[str]) -> Refused:
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if served:
        return Refused(f"this cluster serves {kind} as {' and '.join(served)}, not as {version}", ("apiVersion",))
    return Refused(f"this cluster knows no kind {kind} in {version}", ("kind",))
