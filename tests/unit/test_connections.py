"""Who reaches whom: a denial is silence, three times, from what somebody else was answered by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from worlds import thing

from kindlabs.errors import LabError
from kindlabs.expectations import Lab
from kindlabs.expectations.probe import Replies
from kindlabs.waiting import Unmet
from labs import lab_with

API, DB = "http://api:8080/", "http://db:5432/"
ANSWER, SILENCE, REFUSED = Replies(("live",), ()), Replies((), ("no answer",), silent=True), Replies((), ("refused",))


def lab(**ways: Replies | list[Replies]) -> Lab:
    """A lab with Pods web and ops; ``web_api`` is what web hears of the API, or hears one time after the other."""
    made = lab_with(
        *(thing("Pod", name, spec={"containers": []}, status={"podIP": "10.0.0.1"}) for name in ("web", "ops"))
    )

    def get_from(pod: Any, url: str) -> Replies:
        said = ways[f"{pod['metadata']['name']}_{'api' if url == API else 'db'}"]
        return said.pop(0) if isinstance(said, list) else said

    probe: Any = SimpleNamespace(get_from=get_from)
    made.probe = probe
    return made


def test_open_and_closed_ways() -> None:
    """One Pod is answered, the other is not: both are as they should be."""
    found = lab(web_api=ANSWER, ops_api=SILENCE)
    found.connections({found.pod("web"): {API: True}, found.pod("ops"): {API: False}})
    assert found.asserted == 1


@pytest.mark.parametrize(
    "ops", [ANSWER, REFUSED, [SILENCE, SILENCE, ANSWER], [SILENCE, REFUSED]], ids=["answer", "refused", "late", "two"]
)
def test_what_is_no_denial(ops: Replies | list[Replies]) -> None:
    """An answer is none, nor a refusal, nor one packet that was lost."""
    found = lab(web_api=ANSWER, ops_api=ops)
    with pytest.raises(Unmet):
        found.connections({found.pod("web"): {API: True}, found.pod("ops"): {API: False}})


def test_a_dead_target_is_no_denial() -> None:
    """Where nobody is answered, silence says nothing: the way that should be open is what is unmet."""
    found = lab(web_api=SILENCE, ops_api=SILENCE)
    with pytest.raises(Unmet, match="no answer"):
        found.connections({found.pod("web"): {API: True}, found.pod("ops"): {API: False}})


def test_a_matrix_says_who_reaches_each_target() -> None:
    """A target that is closed to all is the author's mistake; so is a single denial before any answer."""
    found = lab(web_api=ANSWER, web_db=SILENCE)
    with pytest.raises(LabError, match="say who reaches it"):
        found.connections({found.pod("web"): {API: True, DB: False}})
    with pytest.raises(LabError, match="say first who does"):
        found.pod("web").cannot_reach(DB)


def test_an_arrow_of_its_own() -> None:
    """What has been reached once can be denied to another."""
    found = lab(web_api=ANSWER, ops_api=SILENCE)
    found.pod("web").reaches(API, saying="live")
    found.pod("ops").cannot_reach(API)
    with pytest.raises(Unmet, match="live"):
        found.pod("web").reaches(API, saying="dead")
