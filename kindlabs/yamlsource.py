"""YAML and JSON text as kubectl understands it, with the line of every field.

The reading rules are those of the Go package that kubectl uses (sigs.k8s.io/yaml on goyaml.v2, ``resolve.go``):
``yes``, ``on`` and ``y`` are booleans, ``0777`` is octal, ``1:30`` and dates are strings, ``<<`` merges.
"""

from __future__ import annotations

import copy
import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from kindlabs import characters
from kindlabs.tree import Path

MAX_DEPTH = 100
MAX_VALUES = 100_000
"""Per text, aliases counted as often as they are used: a "billion laughs" file stops here, no real manifest does."""


class YamlFault(Exception):
    """The text is not YAML that Kubernetes could read; *line* and *column* count from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"{line}:{column}: {reason}")
        self.reason, self.line, self.column = reason, line, column


@dataclass
class Document:
    """One document: its value, and the line (from 1) of each mapping entry and list item by its path."""

    value: Any
    lines: dict[Path, int]

    def line_of(self, *path: str | int) -> int:
        """The line of the field at *path*, or of its nearest existing parent."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(text: str, *, typed: bool = False) -> list[Document]:
    """All documents of *text*, empty ones included as None.

    Args:
        typed: whether characters are refused that nobody types on purpose, such as a no-break space.

    Raises: YamlFault for what does not parse, a duplicate key, an unknown tag, too many values.
    """
    reader = _Reader(text if typed else None)
    if end := characters.BETWEEN.search(text):
        raise _fault_at(text, end.start())
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise _fault_of_parser(text, error) from None
    except yaml.reader.ReaderError as error:
        raise YamlFault(f"the character {error.character!r} is not allowed", *_place(text, error.position)) from None
    return reader.documents


def _fault_of_parser(text: str, error: yaml.MarkedYAMLError) -> YamlFault:
    """What the parser says, or the character that it stumbled over and does not name."""
    mark: Any = error.problem_mark or error.context_mark
    line = text.split("\n")[mark.line]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    tab = indent.find("\t") if "\t" in indent else mark.column
    if line[tab : tab + 1] == "\t":
        return YamlFault("a tab; YAML is indented with spaces", mark.line + 1, tab + 1)
    known = fault_near(text, mark.index)
    return known or YamlFault(str(error.problem or error.context), mark.line + 1, mark.column + 1)


def fault_near(text: str, at: int) -> YamlFault | None:
    """A character about *at*, where *text* cannot be read, that is to blame for it."""
    found = characters.fault_near(text, at)
    return None if found is None else _fault_at(text, found)


def _fault_at(text: str, at: int) -> YamlFault:
    """The character at *at* is the fault."""
    return YamlFault(characters.described(text[at]), *_place(text, at))


def _place(text: str, at: int) -> tuple[int, int]:
    """Line and column, from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


WORDS: dict[str, bool | None] = {
    **{form: True for word in ("y", "yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: False for word in ("n", "no", "false", "off") for form in (word, word.capitalize(), word.upper())},
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
}
LONGEST_INTEGER = 68
"""Characters: more than 64 binary digits with sign and prefix. Beyond 64 bits Go takes a float, or else the text."""

_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(plain: str) -> str | int | float | bool | None:
    """What an unquoted scalar means. Raises: ValueError for infinity and NaN, which no API object can hold."""
    if plain in WORDS:
        return WORDS[plain]
    if plain[0] not in "+-.0123456789":
        return plain
    if _NOT_JSON.fullmatch(plain):
        raise ValueError(f"{plain} is no number that JSON can hold")
    digits = plain.replace("_", "")
    if (match := _INTEGER.fullmatch(digits)) and len(digits) < LONGEST_INTEGER:
        sign, *forms = match.groups()
        value = next(int(form, base) for form, base in zip(forms, (16, 2, 8, 10), strict=True) if form)
        value = -value if sign == "-" else value
        if -(2**63) <= value < 2**64:
            return value
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        if math.isinf(number):
            return plain
        return int(number) if number.is_integer() and abs(number) < 1e21 else number  # as Go writes it: 8, not 8.0
    return plain


@dataclass
class _Open:
    """A mapping or list that is being read."""

    value: Any
    path: Path
    anchor: str | None
    key: str | None = None
    merged: list[Any] = field(default_factory=list)
    size: int = 1
    depth: int = 1


class _Reader:
    """Builds documents from parser events without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, typed: str | None) -> None:
        self._typed = typed
        self.documents: list[Document] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._count = 0

    def take(self, event: Any) -> None:
        """Take the next event of :func:`yaml.parse`."""
        self._mark = event.start_mark
        match event:
            case yaml.DocumentStartEvent():
                self.documents.append(Document(None, {(): self._mark.line + 1}))
                self._anchors = {}
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_tag(event.tag, ("map", "seq"))
                value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._open.append(_Open(value, self._next_path(), event.anchor))
                self._limit(1, len(self._open))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.ScalarEvent():
                self._check_characters(event)
                value = self._scalar(event)
                self._remember(event.anchor, value, 1, 1)
                self._place(value, 1, 1, plain=not event.style)
            case yaml.AliasEvent():
                self._alias(event.anchor)

    def _fault(self, reason: str) -> YamlFault:
        return YamlFault(reason, self._mark.line + 1, self._mark.column + 1)

    def _limit(self, more: int, depth: int) -> None:
        self._count += more
        if depth > MAX_DEPTH:
            raise self._fault(f"nested deeper than {MAX_DEPTH} levels")
        if self._count > MAX_VALUES:
            raise self._fault(f"more than {MAX_VALUES} values, aliases counted each time they are used")

    def _check_tag(self, tag: str | None, known: tuple[str, ...]) -> str | None:
        short = (tag or "").removeprefix("tag:yaml.org,2002:")
        if short not in ("", "!", *known):
            raise self._fault(f"the tag {tag} has no place in a manifest")
        return short or None

    def _next_path(self) -> Path:
        """Where the next value goes, its line recorded (a mapping entry has the line of its key)."""
        if not self._open:
            self.documents[-1].lines[()] = self._mark.line + 1
            return ()
        parent = self._open[-1]
        if isinstance(parent.value, dict):
            if parent.key is None:
                raise self._fault("a key has to be a string")
            return (*parent.path, parent.key)
        path = (*parent.path, len(parent.value))
        self.documents[-1].lines[path] = self._mark.line + 1
        return path

    def _check_characters(self, event: yaml.ScalarEvent) -> None:
        if self._typed is None:
            return
        marks: Any = event  # scalars always have both
        begin, end = marks.start_mark.index, marks.end_mark.index
        parent = self._open[-1] if self._open else None
        path = (*parent.path, parent.key or "") if parent else ()
        at = characters.fault_of_scalar(self._typed[begin:end], path, plain=not event.style)
        if at is not None:
            raise _fault_at(self._typed, begin + at)

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        tag = self._check_tag(event.tag, ("str", "int", "float", "bool", "null"))
        if tag in ("str", "!") or (tag is None and event.style):
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            raise self._fault(str(error)) from None

    def _alias(self, name: Any) -> None:
        if name not in self._anchors:
            raise self._fault(f"the alias *{name} names no anchor that is complete before it")
        value, size, depth = self._anchors[name]
        self._limit(size, len(self._open) + depth)
        self._place(copy.deepcopy(value), size, depth)

    def _remember(self, anchor: str | None, value: Any, size: int, depth: int) -> None:
        if anchor:
            self._anchors[anchor] = (value, size, depth)

    def _close(self) -> None:
        done = self._open.pop()
        for source in done.merged:
            for key, value in source.items():
                done.value.setdefault(key, value)
        self._remember(done.anchor, done.value, done.size, done.depth)
        self._place(done.value, done.size, done.depth, counted=True)

    def _place(self, value: Any, size: int, depth: int, *, plain: bool = False, counted: bool = False) -> None:
        if not counted:
            self._limit(1, len(self._open))
        if not self._open:
            self.documents[-1].value = value
            if not counted:
                self.documents[-1].lines[()] = self._mark.line + 1
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            if not counted:
                self._next_path()
            parent.value.append(value)
        elif parent.key is None:
            self._begin_entry(parent, value, plain)
            return
        elif parent.key == "<<":
            self._merge(parent, value)
        else:
            parent.value[parent.key] = value
            parent.key = None
        parent.size += size
        parent.depth = max(parent.depth, depth + 1)

    def _begin_entry(self, parent: _Open, key: Any, plain: bool) -> None:
        if isinstance(key, dict | list) or key is None:
            raise self._fault("a key has to be a string")
        name = str(key).lower() if isinstance(key, bool) else str(key)
        path = (*parent.path, name)
        if path in self.documents[-1].lines and not (plain and name == "<<"):
            first = self.documents[-1].lines[path]
            raise self._fault(f"the key {name!r} stands twice in one mapping (first on line {first})")
        self.documents[-1].lines[path] = self._mark.line + 1
        parent.key = name

    def _merge(self, parent: _Open, value: Any) -> None:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self._fault("<< merges mappings only")
        parent.merged += sources
        parent.key = None
