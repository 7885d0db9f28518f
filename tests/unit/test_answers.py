"""Who has to answer a request: whichever Pods of a Deployment, or every one of them, and nobody else."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from worlds import scene_with, thing

from kindlabs.expectations.answers import Backends, answers
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


def replies(*bodies: str) -> Replies:
    """Answers, and no error."""
    return Replies(bodies, ())


@pytest.mark.parametrize(
    ("wanted", "bodies", "met"),
    [
        ({"saying": "live"}, ("live", " live\n"), True),
        ({"saying": "live"}, ("live", "lively"), False),
        ({"saying": re.compile("^v[12]$")}, ("v1", "v2"), True),
        ({"saying": re.compile("^v[12]$")}, ("v1", "v3"), False),
        ({"shares": {"blue": (0.4, 0.6), "green": (0.4, 0.6)}}, ("blue", "green"), True),
        ({"shares": {"blue": (0.4, 0.6), "green": (0.4, 0.6)}}, ("blue", "blue"), False),
        ({"shares": {"blue": (0.4, 0.6)}}, ("blue", "red"), False),
        ({}, ("whatever", ""), True),
        ({}, ("one",), False),
    ],
)
def test_what_answers_have_to_say(wanted: dict[str, Any], bodies: tuple[str, ...], met: bool) -> None:
    """A text, a pattern, several texts in shares, or anything; each request has to be answered."""
    asked = {"saying": None, "shares": None, "whichever": None, "every": None} | wanted
    assert answers(**asked).have_come(replies(*bodies), times=2).met is met


def test_one_way_to_say_it() -> None:
    """Two ways at once are the validator's fault."""
    with pytest.raises(TypeError, match="say one of"):
        answers("live", None, WEB, None)
