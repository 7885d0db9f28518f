"""What controllers leave behind when the object that they made it for asks for it no more.

A check that is run again must not pass on what an earlier version of the submission left. Which controller forgets
what, its add-on knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kindlabs.kube.api import Api, Object
from kindlabs.kube.notes import Key


class Sweep(Protocol):
    """Deletes, in some namespaces, what one controller forgot; returns what went that a submission may name too.

    *restless*: whether that goes too which never came to rest, and is not looked at again for long.
    """

    def __call__(self, api: Api, namespaces: Sequence[str], *, restless: bool) -> set[Key]:
        """Sweep once."""


@dataclass(frozen=True)
class Leftovers:
    """What one add-on knows: how to sweep, and whether its controller did for an object what that asks for.

    ``made_of``: what its controller makes of objects of a kind.
    """

    sweep: Sweep
    is_served: Served
    made_of: Mapping[str, Collection[str]]


class Served(Protocol):
    """Whether the controller made for an object what it asks for, where it will not look again."""

    def __call__(self, live: Object, there: Mapping[Key, Object]) -> bool:
        """Look at *live* and at all that is *there*."""


_known: dict[str, Leftovers] = {}


def register(addon: str, leftovers: Leftovers) -> None:
    """Take in what an add-on knows."""
    _known[addon] = leftovers


def sweep(api: Api, namespaces: Sequence[str], *, restless: bool) -> set[Key]:
    """Sweep for every add-on; what went."""
    return set().union(*(known.sweep(api, namespaces, restless=restless) for known in _known.values()))


def made_of(kind: str) -> set[str]:
    """The kinds of what controllers of add-ons make of an object of *kind*."""
    return {made for known in _known.values() for made in known.made_of.get(kind, ())}


def is_served(live: Object, there: Mapping[Key, Object]) -> bool:
    """Whether all controllers did for *live* what it asks for."""
    return all(known.is_served(live, there) for known in _known.values())
