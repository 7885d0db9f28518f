"""Looks see, walks explain: no expectation is met or unmet because a diagnosis says so."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "kindlabs" / "expectations"
WAITS = {"expect", "expect_traffic", "do"}
"""What takes looks and walks alike."""


OWN_REQUESTS = {"why_not_reached"}
"""What asks our own objects, and is no walk."""


def functions(text: str) -> dict[str, ast.FunctionDef]:
    """The functions of a module by how they are called: ``look`` wherever it stands, ``self.find`` for a method."""
    tree = ast.parse(text)
    methods = {id(f): f for c in ast.walk(tree) if isinstance(c, ast.ClassDef) for f in c.body}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {f"self.{f.name}" if id(f) in methods else f"{f.name}{f.lineno}": f for f in found}


def calls_in(function: ast.FunctionDef) -> set[str]:
    """What a function calls, as it is written."""
    nodes = [node for part in function.body for node in ast.walk(part)]
    return {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}


def looks_in(text: str) -> list[ast.FunctionDef]:
    """The functions of a module that look, and what these call of the same module."""
    known = functions(text)
    looks = [f for f in known.values() if f.returns and ast.unparse(f.returns) in ("Look", "bool")]
    looks = [look for look in looks if look.name not in WAITS]
    for look in looks:  # grows while it is walked
        called = calls_in(look)
        looks += [f for name, f in known.items() if name.rstrip("0123456789") in called and f not in looks]
    return looks


def walks_in(text: str) -> set[str]:
    """Which walks the looks of a module ask: ``look: why_strangers``."""
    asked = ((look.name, call.rpartition(".")[2]) for look in looks_in(text) for call in calls_in(look))
    walks = ((look, call) for look, call in asked if call.lstrip("_").startswith("why") or call == "missing")
    return {f"{look}: {call}" for look, call in walks if call not in OWN_REQUESTS}


def test_no_look_asks_a_walk() -> None:
    """No function that looks, nor one that it calls, calls a ``why_…``."""
    texts = {path.name: path.read_text() for path in FOLDER.glob("*.py")}
    assert sum(len(looks_in(text)) for text in texts.values()) > 40
    assert {name: found for name, text in texts.items() if (found := walks_in(text))} == {}


def test_a_walk_behind_a_look_is_found() -> None:
    """A look that asks a walk through a helper is found as well."""
    text = "def look() -> Look:\n    return Look(helps(), '')\ndef helps() -> X:\n    return scene.why_not(1) is None\n"
    assert walks_in(text) == {"helps: why_not"}
