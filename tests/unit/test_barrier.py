"""Whose answers count: nobody's before a change of our own has come through, and nobody's where none ever does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.errors import OWN_FAULT, InfraError
from kindlabs.expectations import barrier
from kindlabs.expectations.barrier import Barrier
from kindlabs.expectations.probe import Probe, Replies
from kindlabs.kube.api import Api, ApiError, ApiUnreachable


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look is all that a change gets."""
    monkeypatch.setattr(barrier, "GIVE_UP", 0.0)


def made(*bodies: str) -> Barrier:
    """A barrier whose Service is answered with these bodies."""
    probe = SimpleNamespace(get=lambda *_: Replies(bodies, ()))
    return Barrier(cast("Api", None), cast("Probe", probe), {})


def test_nothing_counts_before_the_change_has_come_through() -> None:
    """A barrier that was made has not passed; once its Service answers, it has."""
    followed = made("probe-1")
    assert not followed.passed
    followed._follow()
    assert followed.passed


def test_nothing_counts_where_no_change_comes_through() -> None:
    """A data plane that does not take our own change is the machine's fault: no answer judges a submission."""
    followed = made()
    followed._follow()
    with pytest.raises(InfraError, match="a change of Service barrier in kl-probe has not come through"):
        followed.passed  # noqa: B018


@pytest.mark.parametrize("error", [InfraError("gone"), ApiUnreachable("gone"), ApiError(500, "", "gone")])
def test_what_the_cluster_answers_is_waited_out(error: Exception) -> None:
    """A request that gets no answer is what the wait is for; in the end the change has not come through."""
    followed = failing(error)
    followed._watch()
    with pytest.raises(InfraError, match="has not come through"):
        followed.passed  # noqa: B018


def test_a_bug_of_ours_is_no_evidence(logs: Path) -> None:
    """A look that stumbles is a fault of kind-labs, told at once and kept; nobody waits for it."""
    followed = failing(KeyError("bodies"))
    followed._watch()
    with pytest.raises(InfraError, match=OWN_FAULT) as caught:
        followed.passed  # noqa: B018
    (log,) = logs.iterdir()
    assert caught.value.message.endswith(f"kept in {log}")
    assert "KeyError" in log.read_text()


def failing(error: Exception) -> Barrier:
    """A barrier whose request ends in *error*."""

    def get(*_: object) -> Replies:
        raise error

    return Barrier(cast("Api", None), cast("Probe", SimpleNamespace(get=get)), {})


def test_where_nothing_changed_nothing_is_waited_for() -> None:
    """Answers of a run that applied nothing new count at once."""
    skipped = made()
    skipped.skip()
    assert skipped.passed
