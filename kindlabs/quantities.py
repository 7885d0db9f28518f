"""Quantities of memory, storage and CPU as manifests write them, and the units that are mistaken for one another."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from kindlabs.tree import Path, leaves

SUFFIXES = {"n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1)}
SUFFIXES |= {letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)}
SUFFIXES |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)}
"""k8s.io/apimachinery, pkg/api/resource, quantity.go."""
FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]{1,2})|([a-zA-Z]*))")
PARTS = {"n": "billionths", "u": "millionths", "m": "thousandths"}
GROUPS = {"v1", "apps/v1", "batch/v1"}
"""Of other kinds nobody knows what their fields mean."""
LISTS = {"limits", "requests", "capacity", "hard", "default", "defaultRequest", "min", "max"}
"""Fields that hold quantities by the name of what they are of."""
BYTES = re.compile(r"((requests|limits)\.)?(memory|storage|ephemeral-storage|hugepages-.*)")
CPU = re.compile(r"((requests|limits)\.)?cpu")
FEWEST_BYTES = 1024**2
"""No container starts in less memory (runc itself needs more), and no file system fits."""
FEWEST_CPU = Decimal("0.001")
"""Kubernetes counts thousandths (kubernetes.io/docs/concepts/configuration/manage-resources-containers)."""


def value_of(text: str) -> Decimal | None:
    """What a quantity such as ``64Mi`` or ``1.5`` is in units; None when it is none."""
    match = FORM.fullmatch(text)
    if not match or (match[3] or "") not in SUFFIXES:
        return None
    return Decimal(match[1]).scaleb(int(match[2] or 0)) * SUFFIXES[match[3] or ""]


def misread(document: dict[str, Any]) -> tuple[str, Path] | None:
    """The first quantity of a built-in kind that cannot mean what it says: what it is, what to write, and its field."""
    if document.get("apiVersion") not in GROUPS:
        return None
    for field, value in leaves(document):
        if isinstance(value, bool) or not isinstance(value, str | int | float) or not _is_known(field):
            continue
        name, text = str(field[-1]), str(value)
        if why := _cpu_fault(text) if CPU.fullmatch(name) else _bytes_fault(text, limit="limits" in field):
            return why, field
    return None


def _is_known(field: Path) -> bool:
    name = str(field[-1])
    listed = len(field) > 1 and field[-2] in LISTS and (CPU.fullmatch(name) or BYTES.fullmatch(name))
    return bool(listed) or (name == "sizeLimit" and "emptyDir" in field)


def _bytes_fault(text: str, *, limit: bool) -> str | None:
    """Why *text* is no amount of bytes that anybody means; a request in k or Ki is small, and may be meant."""
    value, number, unit = value_of(text), _number(text), text.lstrip("+-.0123456789")
    write = f"write {number}Mi for mebibytes or {number}Gi for gibibytes"
    if value is None:
        return f"{text!r} is no quantity; {write}"
    if not 0 < value < FEWEST_BYTES or not (limit or unit in ("", *PARTS)):
        return None
    meaning = f", because {unit} means {PARTS[unit]}" if unit in PARTS else ""
    return f"{text} is {value.normalize():f} bytes{meaning}; {write}"


def _cpu_fault(text: str) -> str | None:
    value, number, unit = value_of(text), _number(text), text.lstrip("+-.0123456789")
    if value is None:
        return f"{text!r} is no quantity; write CPUs as 500m, which is half of one, or 2"
    if 0 < value < FEWEST_CPU:
        return f"{text} is {value.normalize():f} CPUs, less than a thousandth of one; write {number}m for thousandths"
    if value > 1 and unit in SUFFIXES and SUFFIXES[unit] > 1:
        return (
            f"{text} is {value.normalize():,f} CPUs, because {unit} is a unit of bytes; "
            f"write {number}m for thousandths of one, or {number}"
        )
    return None


def _number(text: str) -> str:
    """The number that *text* begins with, as an example; another one where it begins with none that anybody means."""
    found = re.match(r"[0-9]{1,4}(\.[0-9]+)?(?![0-9])", text)
    return found[0] if found else "64"
