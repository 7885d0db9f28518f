"""Who imports whom in kindlabs: arrows go one way, and each package's ``__init__`` says truly what they are."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "kindlabs"
PACKAGES = sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py"))
ARROWS = [
    *["cli verifying", "verifying workers", "cli grading", "grading workers", "workers run"],
    *["run expectations", "expectations diagnosis", "diagnosis kube"],
    *["clusters images", "images machine", "addons promises", "addons diagnosis", "promises kube"],
]
"""Those that docs/design.md draws. With no circle, each also says that nothing leads back."""


def imported(file: Path) -> Iterator[str]:
    """The modules of kindlabs that a file imports, at its top or later, but not for types alone: ``kube.api``."""
    tree = ast.parse(file.read_text())
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    for_types = {inner for node in guarded for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kindlabs") and node not in for_types:
            for name in node.names:
                whole = f"{node.module}.{name.name}".removeprefix("kindlabs.")
                path = PACKAGE / whole.replace(".", "/")
                is_module = path.with_suffix(".py").exists() or path.is_dir()
                yield whole if is_module else (node.module or "").removeprefix("kindlabs").lstrip(".")


@cache
def arrows() -> dict[str, set[str]]:
    """Room → modules of other rooms that it imports. A room is a package, or a module beside the packages."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.setdefault(room, set()).update(name for name in imported(file) if name and room_of(name) != room)
    return found


def room_of(module: str) -> str:
    """``kube.api`` is in ``kube``."""
    return module.partition(".")[0]


def rooms_of(room: str) -> set[str]:
    """The rooms that a room imports."""
    return {room_of(name) for name in arrows()[room]}


def reached(room: str) -> set[str]:
    """The rooms to which arrows lead from *room*, through others too."""
    found: set[str] = set()
    ahead = [room]
    while ahead:
        new = rooms_of(ahead.pop()) - found
        found |= new
        ahead += new
    return found


def said(package: str, after: str) -> str:
    """What an ``__init__`` says in its line *after*, and in those that go on with it."""
    words = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text())) or ""
    found = re.search(rf"^{after}: (.+?)\s*(?=^[A-Z][a-z ]+: |\Z)", words, re.MULTILINE | re.DOTALL)
    assert found, f"kindlabs/{package}/__init__.py has no line '{after}: …'"
    return found.group(1)


def names(text: str) -> set[str]:
    """What stands between double backticks."""
    return set(re.findall(r"``(\w+)``", text))


def test_there_is_no_circle() -> None:
    """No package or module imports one that leads back to it, not even within a function."""
    TopologicalSorter({room: rooms_of(room) for room in arrows()}).prepare()


@pytest.mark.parametrize("arrow", ARROWS)
def test_arrows_go_one_way(arrow: str) -> None:
    """Each arrow of the design is there; what it leads to knows nothing of where it comes from."""
    above, below = arrow.split()
    assert below in rooms_of(above)
    assert above not in reached(below)


@pytest.mark.parametrize("room", ["addons", "diagnosis", "expectations", "handin", "kube", "promises"])
def test_what_looks_at_a_cluster_knows_not_where_it_runs(room: str) -> None:
    """Nothing of these leads to kind, Docker or pytest, nor to what makes clusters."""
    assert reached(room).isdisjoint({"clusters", "images", "machine", "plugin"})
    texts = [file.read_text() for file in (PACKAGE / room).rglob("*.py")]
    assert not [text for text in texts if re.search(r"^\s*(import|from) (docker|pytest|pytest_kind)\b", text, re.M)]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_imports(package: str) -> None:
    """Beside modules that import nothing themselves a package imports just what its ``__init__`` says."""
    assert names(said(package, "May import")) == {room for room in rooms_of(package) if rooms_of(room)}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_called_as_it_says(package: str) -> None:
    """Others import just what the ``__init__`` offers; ``every module but`` names those that are its own."""
    used = {name for others in arrows().values() for name in others if name.startswith(f"{package}.")}
    used = {name.split(".")[1] for name in used}
    text = said(package, "Called from outside")
    modules = {file.stem for file in (PACKAGE / package).glob("*.py")} - {"__init__"}
    assert names(text) <= modules | set(getattr(import_module(f"kindlabs.{package}"), "__all__", ()))
    offered = modules - names(text) if "every module but" in text else names(text)
    assert used <= offered


def test_nothing_is_named_twice() -> None:
    """A module gives each of its names once: of two that merged, the second would silently stand for both."""
    for file in PACKAGE.rglob("*.py"):
        body = ast.parse(file.read_text()).body
        given = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
        flat = [part for one in targets for part in (one.elts if isinstance(one, ast.Tuple) else [one])]
        given += [one.id for one in flat if isinstance(one, ast.Name)]
        assert [name for name, times in Counter(given).items() if times > 1] == [], file
