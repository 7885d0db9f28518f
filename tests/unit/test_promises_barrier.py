"""Whose answers count: nobody's before changes of our own have come through, and nobody's where none ever does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.errors import OWN_FAULT, InfraError
from kindlabs.promises import barrier
from kindlabs.promises.barrier import Barrier
from kindlabs.promises.promise import Promise
from kindlabs.promises.trial import Trial

TRIAL = cast("Trial", SimpleNamespace(clean_up=lambda: None))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look is all that a change gets."""
    monkeypatch.setattr(barrier, "COMES_SECONDS", 0.0)


def made(missing: str | None) -> Barrier:
    """A barrier behind a promise that lags, and one that does not and never holds."""
    lags = Promise("services-answer", "A new Service leads to its Pods.", lambda _: missing, lags=True)
    return Barrier([lags, Promise("jobs-end", "A Job runs to its end.", lambda _: "it does not end")], lambda: TRIAL)


def test_nothing_counts_before_the_change_has_come_through() -> None:
    """A barrier that was made has not passed; once what lags has followed, it has."""
    followed = made(None)
    assert not followed.passed
    followed._follow(TRIAL, followed._passed)
    assert followed.passed


def test_nothing_counts_where_no_change_comes_through() -> None:
    """A data plane that does not take our own change is the machine's fault: no answer judges a submission."""
    followed = made("Service barrier-1 does not lead to its Pods")
    followed._follow(TRIAL, followed._passed)
    with pytest.raises(InfraError, match="has not come through within 0 s: Service barrier-1 does not lead"):
        followed.passed  # noqa: B018


def test_where_nothing_changed_nothing_is_waited_for() -> None:
    """Answers of a run that applied nothing new count at once."""
    skipped = made("nothing comes through")
    skipped.skip()
    assert skipped.passed


def test_a_bug_of_ours_is_no_evidence(logs: Path) -> None:
    """A proof that stumbles is a fault of kind-labs, told at once and kept; nobody waits for it."""

    def proof(_: Trial) -> str | None:
        raise KeyError("our own")

    followed = Barrier(
        [Promise("services-answer", "A new Service leads to its Pods.", proof, lags=True)], lambda: TRIAL
    )
    followed._follow(TRIAL, followed._passed)
    with pytest.raises(InfraError, match=OWN_FAULT):
        followed.passed  # noqa: B018
    assert "KeyError" in next(logs.iterdir()).read_text()
