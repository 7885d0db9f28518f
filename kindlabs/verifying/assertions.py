"""A validator with one of its assertions taken away, to see whether anything notices."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kindlabs.checks import check_id, functions_of
from kindlabs.course import FOLDERS, Course, CourseLab
from kindlabs.vocabulary import expects

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Assertion:
    """One statement of a check that expects something: an expectation's call, or a plain ``assert``."""

    check: str
    line: int
    text: str


def assertions_of(lab: CourseLab) -> list[Assertion]:
    """All assertions of a lab's validator, in their order.

    What a check does is none of them, nor is a call whose result is used further on: it cannot be taken away by itself.
    """
    found = []
    for function, statement, _ in _statements(ast.parse(lab.validator.read_bytes())):
        found.append(Assertion(check_id(function.name), statement.lineno, ast.unparse(statement)))
    return found


@contextmanager
def course_without(lab: CourseLab, number: int) -> Iterator[Course]:
    """While the block runs, a copy of the course in which the lab's validator lacks its assertion *number*."""
    with tempfile.TemporaryDirectory(prefix=f"lab-{lab.number}-without-") as place:
        root = Path(place)
        for name in FOLDERS:
            if name != "validators":
                (root / name).symlink_to(lab.course_root / name)
        (root / "validators").mkdir()
        (root / "validators" / lab.validator.name).write_text(_without(lab.validator, number), encoding="utf-8")
        yield Course(root)


def _without(validator: Path, number: int) -> str:
    tree = ast.parse(validator.read_bytes())
    _, statement, body = _statements(tree)[number]
    body[body.index(statement)] = ast.Pass()
    return ast.unparse(ast.fix_missing_locations(tree))


def _statements(tree: ast.Module) -> list[tuple[Function, ast.stmt, list[ast.stmt]]]:
    """Each assertion, with the check and the block that it stands in."""
    return [
        (function, statement, body)
        for function in functions_of(tree)
        for body in _blocks(function)
        for statement in body
        if _asserts(statement, function)
    ]


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                yield block


def _asserts(statement: ast.stmt, function: Function) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return expects(statement.value, function)
    return isinstance(statement, ast.Assert)
