"""Who has to answer a request: whichever Pods of a Deployment, or every one of them, and nobody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from worlds import scene_with, thing

from kindlabs.expectations.answers import Backends
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.workloads import Deployment

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

PODS = [thing("Pod", name, owner=("ReplicaSet", "web-5f")) for name in ("web-1", "web-2")]
OBJECTS = (
    thing("Deployment", "web", spec={"template": {}}),
    thing("ReplicaSet", "web-5f", owner=("Deployment", "web"), spec={"template": {}}),
    *PODS,
)
LAB = SimpleNamespace(world=scene_with(*OBJECTS).world)
WEB = Deployment(cast("Lab", LAB), "web", "lab-02")
WHICHEVER, EVERY = Backends(WEB, every=False), Backends(WEB, every=True)


@pytest.mark.parametrize(
    ("backends", "bodies", "met"),
    [
        (WHICHEVER, ("web-1", "web-1\n"), True),
        (EVERY, ("web-1", "web-1\n"), False),
        (EVERY, ("web-1", "web-2"), True),
        (WHICHEVER, ("web-1", "stray"), False),
        (WHICHEVER, ("web-1",), False),
    ],
)
def test_whose_answers_count(backends: Backends, bodies: tuple[str, ...], met: bool) -> None:
    """Any Pod will do where no more is asked, each has to answer where that is asked; a stranger never may."""
    assert backends.have_come(Replies(bodies, ()), times=2).met == met


def test_who_has_not_answered_is_named() -> None:
    """What is observed says which Pod is silent."""
    assert EVERY.have_come(Replies(("web-1", "web-1"), ()), times=2).observed == "2 answers, but none from web-2"


def test_one_request_without_an_answer_is_one_too_many() -> None:
    """Answers of each Pod do not make up for an error."""
    seen = EVERY.have_come(Replies(("web-1", "web-2"), ("dial tcp 10.0.0.1:80: connect: connection refused",)), times=3)
    assert (seen.met, seen.observed) == (False, "2 of 3 answered; connection refused")
