"""Whether what a validator calls is there: methods of ``lab`` and of what they return, and their arguments.

It follows the types that the expectations declare, as far as they are told; of what it does not know it says nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Callable, Iterable
from typing import Any

from kindlabs.expectations import Lab
from kindlabs.spelling import did_you_mean

ROOM = "kindlabs.expectations"


class Misspelt(Exception):
    """Found one: ``line: sentence``."""


def misspelt(tree: ast.Module) -> str:
    """The first mistake of a validator as ``12: Lab has no attribute 'jobs'. Did you mean job?``; empty without any."""
    try:
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                _Reader(function).visit(function)
    except Misspelt as found:
        return str(found)
    return ""


def expects(call: ast.Call, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a call in *function* leads to an expectation; what only does something leads to none.

    So does what is not known: a helper of the validator's own.
    """
    reader = _Reader(function)
    reader.visit(function)
    method = reader.methods.get(call.lineno, {}).get(ast.unparse(call))
    return method is None or _leads_to_expect(method, set())


def _leads_to_expect(function: Callable[..., Any], seen: set[Callable[..., Any]]) -> bool:
    if function in seen:
        return False
    seen.add(function)
    source = inspect.getsource(function)
    if re.search(r"\.expect(_traffic)?\(", source):
        return True
    owner = function.__globals__.get(function.__qualname__.partition(".")[0])
    further = [getattr(owner, name, None) for name in re.findall(r"self\.(\w+)\(", source)]
    further += [function.__globals__.get(name) for name in re.findall(r"(?<![.\w])(\w+)\(", source)]
    return any(inspect.isfunction(one) and _leads_to_expect(one, seen) for one in further)


class _Reader(ast.NodeVisitor):
    """Reads one function from top to bottom, and knows the types of its names as far as it came."""

    def __init__(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.methods: dict[int, dict[str, Callable[..., Any]]] = {}
        """The methods that are called, by line and text of the call."""
        self._types: dict[str, type | None] = {arg.arg: Lab for arg in function.args.args if arg.arg == "lab"}

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._types[target.id] = self._type_of(node.value)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.generic_visit(node)
        self._type_of(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        self._type_of(node)

    def _type_of(self, node: ast.expr) -> type | None:
        if isinstance(node, ast.Name):
            return self._types.get(node.id)
        if isinstance(node, ast.Attribute):
            return _returned(self._member(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            member = self._member(node.func)
            if inspect.isfunction(member):
                _hold_to(member, node)
                self.methods.setdefault(node.lineno, {})[ast.unparse(node)] = member
            return _returned(member)
        return None

    def _member(self, node: ast.Attribute) -> Any:
        """What an attribute is, looked up in the type of its owner; None where that is not known."""
        owner = self._type_of(node.value)
        if owner is None:
            return None
        known = {*dir(owner), *(name for base in owner.__mro__ for name in getattr(base, "__annotations__", ()))}
        if node.attr not in known and not hasattr(owner, "__getattr__"):
            raise Misspelt(f"{node.lineno}: {owner.__name__} has no attribute {node.attr!r}.{_near(node.attr, known)}")
        return inspect.getattr_static(owner, node.attr, None)


def _returned(member: Any) -> type | None:
    """The expectation that a method or property returns; None for anything else."""
    function = member.fget if isinstance(member, property) else member
    try:
        found = typing.get_type_hints(function).get("return")
    except (NameError, TypeError):  # a name that only type checkers import; no function at all
        return None
    return found if isinstance(found, type) and found.__module__.startswith(ROOM) else None


def _hold_to(function: Callable[..., Any], call: ast.Call) -> None:
    """Raise Misspelt where a call does not fit the function's arguments."""
    signature = inspect.signature(function)
    named = [keyword.arg for keyword in call.keywords]
    if None in named or any(isinstance(argument, ast.Starred) for argument in call.args):
        return
    try:
        signature.bind(None, *call.args, **dict.fromkeys(filter(None, named)))
    except TypeError as error:
        unknown = next((name for name in named if name and f"{name!r}" in str(error)), "")
        near = _near(unknown, signature.parameters) if unknown else ""
        raise Misspelt(f"{call.lineno}: {function.__name__}(): {error}.{near}") from None


def _near(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, sorted(name for name in known if not name.startswith("_") and name != "self"), 1)
