"""A document as a tree: its values, each with the path to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]
"""Where a value stands in a document: ``("spec", "containers", 0, "image")``."""


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """*value* and all that is in it, mappings and lists too, each before what it holds."""
    yield path, value
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(item, (*path, key))


def leaves(document: Any) -> Iterator[tuple[Path, Any]]:
    """All scalars of a document."""
    return ((path, value) for path, value in walk(document) if not isinstance(value, dict | list))


def shown(path: Path) -> str:
    """A path as the API server writes it: ``spec.containers[0].image``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)[1:]
