"""Whose answers count: nobody's before a change of our own has come through, and nobody's where none ever does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.errors import InfraError
from kindlabs.expectations import barrier
from kindlabs.expectations.barrier import Barrier
from kindlabs.expectations.probe import Probe, Replies
from kindlabs.kube.api import Api


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


def test_where_nothing_changed_nothing_is_waited_for() -> None:
    """Answers of a run that applied nothing new count at once."""
    skipped = made()
    skipped.skip()
    assert skipped.passed
