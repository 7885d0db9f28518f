"""Kubernetes objects as files hold them: the object that kubectl would send, and where each of its fields stands."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kindlabs import yamlsource
from kindlabs.characters import BETWEEN
from kindlabs.errors import UnreadableSubmission
from kindlabs.tree import walk
from kindlabs.yamlsource import Document, YamlFault

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 1024 * 1024
"""Largest manifest file: etcd takes no object over 1.5 MiB (etcd.io/docs/latest/dev-guide/limit)."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass
class Manifest:
    """One object: its *document* (JSON, as the API server gets it), the *file* and the *line* where it begins."""

    document: dict[str, Any]
    file: Path
    line: int
    lines: Document = field(repr=False)
    base: tuple[str | int, ...] = ()

    @property
    def kind(self) -> str:
        """``Deployment``; empty when the document names none, as the three below."""
        return _text(self.document.get("kind"))

    @property
    def api_version(self) -> str:
        """``apps/v1``."""
        return _text(self.document.get("apiVersion"))

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str:
        """``metadata.namespace``."""
        return _text(self._metadata.get("namespace"))

    @property
    def _metadata(self) -> dict[str, Any]:
        metadata = self.document.get("metadata")
        return metadata if isinstance(metadata, dict) else {}

    def line_of(self, *path: str | int) -> int:
        """The line of the field at *path*, ``("spec", "containers", 0)``, or of its nearest existing parent."""
        return self.lines.line_of(*self.base, *path)


def read(path: Path) -> list[Manifest]:
    """The objects of one file in their order; empty documents are skipped and ``kind: List`` is unpacked.

    Raises: UnreadableSubmission (too large, not UTF-8, not YAML, not a mapping) with file:line:column.
    """
    return parse(read_text(path), path)


def read_text(path: Path) -> str:
    """A file's text. Raises: UnreadableSubmission for more than ``MAX_BYTES`` or what is not UTF-8."""
    check_size(path)
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableSubmission(
            f"{path}:{line}: not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}.",
            "Save the file as UTF-8.",
        ) from None


def check_size(path: Path) -> None:
    """Refuse a file of more than ``MAX_BYTES`` without reading it. Raises: UnreadableSubmission."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        limit = f"expected at most {MAX_BYTES / 1e6:.1f} MB"
        raise UnreadableSubmission(f"{path}: {size / 1e6:.1f} MB; {limit}.", "Keep the lab's manifests only.")


def parse(text: str, path: Path) -> list[Manifest]:
    """As :func:`read`, of *text* that is said to come from *path*."""
    try:
        documents = _read_json(text) if path.suffix == ".json" else yamlsource.read(text, typed=True)
    except YamlFault as fault:
        where = f"{path}:{fault.line}:{fault.column}"
        raise UnreadableSubmission(f"{where}: {fault.reason}.", "Mend the file at that place.") from None
    return [manifest for document in documents for manifest in _manifests(document, path)]


def _read_json(text: str) -> list[Document]:
    """JSON is YAML but for tabs and surrogate pairs: its own parser gives the values, YAML's the lines."""
    try:
        value = json.loads(text, parse_int=_integer) if text.strip() else None
    except json.JSONDecodeError as error:
        raise yamlsource.fault_near(text, error.pos) or YamlFault(error.msg, error.lineno, error.colno) from None
    except RecursionError:
        raise YamlFault("nested too deeply", 1, 1) from None
    lines = yamlsource.read(_SURROGATE.sub(r"\\u0020", BETWEEN.sub(" ", text.replace("\t", " "))), typed=True)
    for path, found in walk(value):
        if isinstance(found, float) and not math.isfinite(found):
            raise YamlFault("no number that Kubernetes can hold", lines[0].line_of(*path), 1)
        for text in (*path[-1:], found):
            if isinstance(text, str) and re.search("[\ud800-\udfff]", text):
                raise YamlFault("one half of a surrogate pair is no character", lines[0].line_of(*path), 1)
    return [Document(value, lines[0].lines)] if lines else []


def _integer(digits: str) -> int | float:
    """As Go reads it: what has more than 64 bits is a float; Python refuses thousands of digits."""
    return int(digits) if len(digits) < 20 else float(digits)


def _manifests(document: Document, path: Path) -> list[Manifest]:
    if document.value is None:
        return []
    if not isinstance(document.value, dict):
        found = "a list" if isinstance(document.value, list) else "a single value"
        raise UnreadableSubmission(
            f"{path}:{document.line_of()}:1: expected an object (apiVersion, kind, metadata, …), found {found}.",
            "Several objects go into one file with a line --- between them.",
        )
    return list(_unpacked(Manifest(document.value, path, document.line_of(), document)))


def _unpacked(manifest: Manifest) -> Iterator[Manifest]:
    """The objects of a ``List`` or ``PodList``, a list in a list included; any other object as it is."""
    item_kind = manifest.kind.removesuffix("List")
    if item_kind == manifest.kind or (item_kind and "items" not in manifest.document):
        yield manifest
        return
    items = manifest.document.get("items", ())
    if not isinstance(items, list):
        where = f"{manifest.file}:{manifest.line_of('items')}:1"
        raise UnreadableSubmission(f"{where}: expected the List's items, a list of objects.", "Mend the file there.")
    for index, item in enumerate(items):
        line = manifest.line_of("items", index)
        if not isinstance(item, dict):
            raise UnreadableSubmission(
                f"{manifest.file}:{line}:1: an item of the List is no object.", "Mend the file there."
            )
        if item_kind:  # they need not say what they are once more
            item = {"apiVersion": manifest.api_version, "kind": item_kind} | item
        base = (*manifest.base, "items", index)
        yield from _unpacked(Manifest(item, manifest.file, line, manifest.lines, base))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
