"""The decorator that makes a test of a validator a check, and which checks a validator declares."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., None])
SPEC = "__kindlabs_check__"
ID = re.compile(r"[a-z0-9-]+")
SUBMISSION, STEADY, LAB, CLUSTER = OF_THE_RUN = ("submission", "steady", "lab", "cluster")
"""The ids of the checks that a run has beside its validator's, without points, and shown when they did not pass:
the files are sound, and Kubernetes takes them; what was ready has stayed so; the lab is sound; the cluster answers."""


@dataclass(frozen=True)
class CheckSpec:
    """What the decorator said: points, and the ids of the checks that must pass first."""

    id: str
    title: str
    points: int
    needs: tuple[str, ...] = ()


def check(points: int, needs: Sequence[Callable[..., None]] = ()) -> Callable[[Test], Test]:
    """Make a test function a check of its lab. Its docstring is the title: the task's own sentence.

    Args:
        points: what it is worth when it passes.
        needs: checks that must pass first; without them this one is ``blocked``, not ``failed``.

    Raises: ValueError when the function is no test, has no docstring, has the id of a run's own check, or needs
        something that is no check.
    """

    def decorate(function: Test) -> Test:
        title = _title(function.__doc__)
        if type(points) is not int or points < 0:
            raise ValueError(f"{function.__name__} is worth {points!r} points; expected a whole number")
        is_plain = not inspect.iscoroutinefunction(function) and not inspect.isgeneratorfunction(function)
        if not function.__name__.startswith("test_") or not title or not is_plain:
            raise ValueError(f"{function.__name__}: a check is a function test_… with a docstring")
        if check_id(function.__name__) in OF_THE_RUN:
            raise ValueError(f"{function.__name__}: every run has a check of that name")
        if missing := [need for need in ([needs] if isinstance(needs, str) else needs) if not hasattr(need, SPEC)]:
            raise ValueError(f"{function.__name__} needs {_no_check(missing[0], function.__globals__)}")
        if not ID.fullmatch(check_id(function.__name__)):
            raise ValueError(f"{function.__name__}: the name of a check has lower-case letters, digits and _ alone")
        wanted = tuple(getattr(f, SPEC).id for f in needs)
        setattr(function, SPEC, CheckSpec(check_id(function.__name__), title, points, wanted))
        return function

    return decorate


def _no_check(need: object, names: Mapping[str, object]) -> str:
    """What is no check, and which one may be meant."""
    word = need if isinstance(need, str) else getattr(need, "__name__", str(need))
    there = [name for name, value in names.items() if hasattr(value, SPEC)]
    near = difflib.get_close_matches(f"test_{check_id(word).replace('-', '_')}", there, 1, 0.5)
    meant = f"; did you mean needs=[{near[0]}], the function itself?" if near else ""
    return f"{word!r}, which is no check{meant}"


def check_id(function_name: str) -> str:
    """``test_pods_ready`` is check ``pods-ready``."""
    return function_name.removeprefix("test_").replace("_", "-")


def declared(validator: Path) -> list[CheckSpec]:
    """The checks that stand in a validator's text, whether or not it can be run or pytest would find them.

    Needs are not read; points that are no number count 0. Nothing at all where the text is no Python.
    """
    try:
        tree = ast.parse(validator.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    found = []
    for node in functions_of(tree):
        title = _title(ast.get_docstring(node)) or node.name
        found.append(CheckSpec(check_id(node.name), title, _points(_decorator(node))))
    return found


def functions_of(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions of a validator that carry the decorator, in their order."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sorted(filter(_decorator, functions), key=lambda node: node.lineno)


def has_assert(function: Callable[..., None]) -> bool:
    """Whether a plain ``assert`` stands in a check, or in a function of its module that it calls."""
    seen: set[str] = set()

    def asserts(code: Callable[..., object]) -> bool:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
        except (OSError, TypeError, SyntaxError):  # no source to be had
            return False
        if any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
            return True
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        called = {node.id for node in calls if isinstance(node, ast.Name)} & set(helpers) - seen
        seen.update(called)
        return any(asserts(helpers[name]) for name in called)

    names = getattr(inspect.unwrap(function), "__globals__", {})
    helpers = {name: one for name, one in names.items() if inspect.isfunction(one) and one.__globals__ is names}
    return asserts(function)


def _decorator(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.Call | None:
    calls = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    return next((call for call in calls if ast.unparse(call.func).rpartition(".")[2] == check.__name__), None)


def _title(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]


def _points(decorator: ast.Call | None) -> int:
    if decorator is None:
        return 0
    given = [*decorator.args[:1], *(k.value for k in decorator.keywords if k.arg == "points")]
    value = given[0].value if given and isinstance(given[0], ast.Constant) else 0
    return value if isinstance(value, int) else 0
