"""Requests from inside a Pod: who is silent, and who was never asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kindlabs.errors import InfraError
from kindlabs.expectations.probe import MUTE, Probe
from kindlabs.kube import curl, probing
from kindlabs.kube.api import ApiError, ApiTimeout

URL = "http://api:8080/"


def pod(phase: str = "Running") -> Any:
    """A Pod in a phase."""
    return {"metadata": {"name": "web", "namespace": "lab-15", "uid": "1"}, "status": {"phase": phase}}


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How requests end, one after the other: an error, or the words of an answer."""
    left: list[Any] = []

    def get(*_: Any, **__: Any) -> dict[str, list[str]]:
        if isinstance(end := left.pop(0), Exception):
            raise end
        return {"responses": [end], "errors": []}

    monkeypatch.setattr(probing, "inside", lambda *_: None)
    monkeypatch.setattr(curl, "get", get)
    return left


@pytest.fixture
def probe() -> Probe:
    """A probe whose containers in Pods are remembered."""
    api: Any = SimpleNamespace(sessions={("lab-15", "1"): "of an earlier request"})
    return Probe(api)


def test_only_who_was_asked_is_silent(probe: Probe, ends: list[Any]) -> None:
    """A policy drops what was sent; a container of ours that says nothing has perhaps sent nothing."""
    ends[:] = [curl.Silent("no answer in time"), ApiTimeout("no answer within 1 s")]
    assert probe.get_from(pod(), URL).silent
    assert not probe.get_from(pod(), URL).silent


@pytest.mark.parametrize("error", [ApiError(500, "", "curl does not run in it"), ApiTimeout("it does not start")])
def test_nobody_is_judged_by_what_cannot_ask(probe: Probe, ends: list[Any], error: ApiError | ApiTimeout) -> None:
    """It gets another container; where none of several can ask, the machine is at fault."""
    ends[:] = [error] * MUTE
    for _ in range(MUTE - 1):
        assert probe.get_from(pod(), URL).errors == (error.message,)
    assert probe._api.sessions == {}
    with pytest.raises(InfraError, match="ask from inside Pod web"):
        probe.get_from(pod(), URL)


def test_a_pod_that_waits_takes_nobody_in(probe: Probe, ends: list[Any]) -> None:
    """As long as it does not run itself, that nothing of ours does is no fault of the machine's."""
    ends[:] = [ApiTimeout("it does not start")] * 2 * MUTE
    assert all(probe.get_from(pod("Pending"), URL).errors for _ in range(2 * MUTE))


def test_an_answer_forgives(probe: Probe, ends: list[Any]) -> None:
    """Only failures in turn count."""
    ends[:] = [*[ApiTimeout("late")] * (MUTE - 1), "yes", *[ApiTimeout("late")] * (MUTE - 1)]
    assert [probe.get_from(pod(), URL).bodies for _ in range(len(ends))][MUTE - 1] == ("yes",)
