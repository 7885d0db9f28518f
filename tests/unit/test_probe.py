"""Requests from inside a Pod: who is silent, and who was never asked."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from kindlabs.errors import InfraError
from kindlabs.expectations import probe as module
from kindlabs.expectations.probe import Probe
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
def test_nobody_is_judged_by_what_cannot_ask(
    probe: Probe, ends: list[Any], error: ApiError | ApiTimeout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is dead gets a successor; where nothing could ask for long, the machine is at fault."""
    ends[:] = [error] * 2
    assert probe.get_from(pod(), URL).errors == (error.message,)
    assert bool(probe._api.sessions) != isinstance(error, ApiError)
    monkeypatch.setattr(module, "COMES_SECONDS", -1.0)
    with pytest.raises(InfraError, match="ask from inside Pod web"):
        probe.get_from(pod(), URL)


@pytest.mark.parametrize("between", ["yes", curl.Silent("no answer in time")])
def test_who_has_asked_is_no_longer_mute(
    probe: Probe, ends: list[Any], between: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer counts, and a silence that was heard."""
    monkeypatch.setattr(module, "COMES_SECONDS", 0.05)
    ends[:] = [ApiTimeout("late"), between, ApiTimeout("late")]
    probe.get_from(pod(), URL)
    time.sleep(0.1)
    probe.get_from(pod(), URL)
    assert probe.get_from(pod(), URL).errors == ("late",)


def test_a_pod_that_waits_takes_nobody_in(probe: Probe, ends: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it does not run itself, that nothing of ours does is no fault of the machine's."""
    monkeypatch.setattr(module, "COMES_SECONDS", -1.0)
    ends[:] = [ApiTimeout("it does not start")]
    assert probe.get_from(pod("Pending"), URL).errors
