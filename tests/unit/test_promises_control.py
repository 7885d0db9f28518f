"""When a control experiment is made, and what it holds against whom; that it works, a cluster shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.errors import NOT_THE_CLUSTERS, OWN_FAULT, InfraError
from kindlabs.kube.api import ApiError, ApiTimeout
from kindlabs.promises import control
from kindlabs.promises.control import Control
from kindlabs.promises.promise import Promise
from kindlabs.promises.trial import Trial

Proof = Callable[[Trial], str | None]


def experiments(*proofs: Proof, fault: Callable[[], str | None] = lambda: None) -> Control:
    """The experiments of a lab that was promised what *proofs* prove."""
    trial = cast("Trial", SimpleNamespace(sweep=lambda: None, clean_up=lambda: None))
    return Control([Promise("holds", "It holds.", proof) for proof in proofs], lambda: trial, fault)


def raising(error: Exception) -> Proof:
    """A proof that ends in *error*."""

    def proof(_: Trial) -> str | None:
        raise error

    return proof


@pytest.fixture
def begun() -> list[int]:
    """One entry for each experiment that was made."""
    return []


def test_one_experiment_speaks_for_a_while(begun: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again soon gets the same answer; later another experiment is made."""
    of_run = experiments(lambda _: begun.append(1))
    for _ in range(3):
        of_run.doubt()
    assert (of_run.fault(), of_run.fault(), len(begun)) == (None, None, 1)
    monkeypatch.setattr(control, "VALID_SECONDS", -1.0)
    assert (of_run.fault(), len(begun)) == (None, 2)


def test_a_run_without_doubt_makes_none(begun: list[int]) -> None:
    """Nothing is asked of the cluster until somebody is about to be blamed."""
    experiments(lambda _: begun.append(1)).close()
    assert begun == []


def test_a_look_comes_first(begun: list[int]) -> None:
    """What a look finds broken needs no experiment."""
    of_run = experiments(lambda _: begun.append(1), fault=lambda: "node c is not ready")
    assert (of_run.fault(), begun) == ("node c is not ready", [])


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        (raising(ApiError(500, "", "etcdserver: gone")), "It holds: etcdserver: gone"),
        (raising(ApiTimeout("no answer in time")), "It holds: no answer in time"),
        (lambda _: "Pod control-1 gets no node", "Pod control-1 gets no node"),
    ],
)
def test_what_does_not_come_about_is_named(proof: Proof, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When patience is over, what is still missing is the evidence, be it an answer of the API server's or none."""
    monkeypatch.setattr(control, "COMES_SECONDS", 0.0)
    of_run = experiments(lambda _: None, proof)
    assert of_run.fault() == said
    with pytest.raises(InfraError, match=said):
        of_run.doubt()


@pytest.mark.parametrize("place", ["proof", "look"])
def test_a_bug_of_ours_is_no_evidence(place: str, logs: Path) -> None:
    """What is no word of the cluster's is kept for whoever mends it, told at once, and held against no cluster."""
    broken = raising(ValueError("our own"))
    of_run = experiments(broken) if place == "proof" else experiments(fault=lambda: broken(cast("Trial", None)))
    said = of_run.fault() or ""
    assert said.startswith(OWN_FAULT)
    assert said.startswith(NOT_THE_CLUSTERS)
    assert "our own" in next(logs.iterdir()).read_text()
