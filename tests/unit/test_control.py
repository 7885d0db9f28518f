"""When a control experiment is made, and what it holds against whom; that it works, a cluster shows."""

from __future__ import annotations

import errno
import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs import control
from kindlabs.clusters.cluster import Cluster
from kindlabs.control import Control, _Experiment
from kindlabs.errors import NOT_THE_CLUSTERS, OWN_FAULT, InfraError
from kindlabs.kube.api import ApiError, ApiTimeout, ApiUnreachable, Object


def cluster(pod: Object | None = None) -> Cluster:
    """A cluster without add-ons, which knows one Pod at most."""
    api = SimpleNamespace(get=lambda *_: pod)
    return cast("Cluster", SimpleNamespace(api=api, addons=["probe"], ports={}, fault=lambda: None))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The experiments that were made; each Pod answers at once."""
    begun: list[str] = []

    def answers(self: _Experiment) -> str | None:
        begun.append(self._name)
        return None

    monkeypatch.setattr(_Experiment, "_pod_answers", answers)
    return begun


def test_one_experiment_speaks_for_a_while(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again soon gets the same answer; later another experiment is made."""
    control_of_run = Control(cluster(), [])
    control_of_run.doubt()
    assert (control_of_run.fault(), control_of_run.fault(), len(made)) == (None, None, 1)
    monkeypatch.setattr(control, "FRESH_SECONDS", -1.0)
    assert (control_of_run.fault(), len(made)) == (None, 2)


def test_nobody_waits_for_what_cannot_begin(monkeypatch: pytest.MonkeyPatch, logs: Path) -> None:
    """When the look that comes first breaks over a bug of ours, that is said, and nobody waits."""
    torn = cluster()
    monkeypatch.delattr(torn, "fault")
    assert (Control(torn, []).fault() or "").startswith(f"{OWN_FAULT}: AttributeError: ")
    assert "AttributeError" in next(logs.iterdir()).read_text()


def test_a_run_without_doubt_makes_none(made: list[str]) -> None:
    """Nothing is asked of the cluster until somebody doubts it."""
    Control(cluster(), []).close()
    assert made == []


REFUSED = ApiError(403, "Forbidden", "gone")
FULL = OSError(errno.ENOSPC, "gone")


@pytest.mark.parametrize("error", [InfraError("gone"), ApiUnreachable("gone"), ApiTimeout("gone"), REFUSED, FULL, None])
def test_what_does_not_come_about_is_named(error: Exception | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """When patience is over, what is still missing is the evidence, be it what cluster or machine answered."""

    def missing(_: _Experiment) -> str:
        """A new Pod answers."""
        if error:
            raise error
        return "Pod control-1 gets no node"

    monkeypatch.setattr(_Experiment, "_pod_answers", missing)
    monkeypatch.setattr(control, "PATIENCE", 0.0)
    said = "A new Pod answers: .*gone" if error else "Pod control-1 gets no node"
    experiments = Control(cluster(), [])
    assert re.fullmatch(rf"{said}\W*", experiments.fault() or "")
    with pytest.raises(InfraError, match=said):
        experiments.doubt()


@pytest.mark.parametrize("bug", [KeyError("gone"), ValueError("gone"), TypeError("gone"), AttributeError("gone")])
def test_a_bug_of_ours_is_no_evidence(bug: Exception, monkeypatch: pytest.MonkeyPatch, logs: Path) -> None:
    """It ends the experiment at once, is kept in a log that the message names, and says so itself."""

    def stumbles(_: _Experiment) -> str:
        raise bug

    monkeypatch.setattr(_Experiment, "_pod_answers", stumbles)
    experiments = Control(cluster(), [])
    said = experiments.fault() or ""
    (log,) = logs.iterdir()
    assert said.startswith(NOT_THE_CLUSTERS)
    assert said.endswith(f"kept in {log}")
    assert "stumbles" in log.read_text()
    with pytest.raises(InfraError, match=OWN_FAULT):
        experiments.doubt()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"conditions": [{"type": "PodScheduled", "message": "0/1 nodes are available: 1 Too many pods."}]}, None),
        ({"conditions": [{"type": "PodScheduled", "message": "1 node(s) were unschedulable."}]}, "were unschedulable"),
        ({}, "the scheduler says nothing"),
    ],
)
def test_a_full_node_is_the_submissions(status: Object, said: str | None) -> None:
    """That there are too many Pods is no fault of the scheduler's; that it does not answer, or finds no node, is."""
    found = _Experiment(cluster({"spec": {}, "status": status}), [])._how_far("no such host")
    assert (found is None) if said is None else (said in (found or ""))


def test_the_experiments_pod_asks_for_nothing() -> None:
    """It runs the probe's image, without the room that the probe asks for."""
    container = {"name": "agnhost", "image": "agnhost:1", "imagePullPolicy": "IfNotPresent", "securityContext": {}}
    template = {"containers": [container | {"resources": {"requests": {"cpu": "10m"}}}]}
    (own,) = control._pod("control-1", 20001, template)["spec"]["containers"]
    assert (own["image"], own.get("resources")) == ("agnhost:1", None)
