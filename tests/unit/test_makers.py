"""Absent is not hopeless: what a controller makes is waited for, what a submission had to bring is not."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

WEB = thing("Deployment", "web", spec={"template": {}})
REDIS = thing("StatefulSet", "redis", spec={"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]})
NIGHTLY = thing("CronJob", "nightly", spec={})
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.org"},
    "spec": {"group": "example.org", "names": {"kind": "Widget"}},
}


@pytest.mark.parametrize(
    ("kind", "name", "final"),
    [
        ("Pod", "redis-1", False),
        ("Pod", "redis-2", True),
        ("PersistentVolumeClaim", "data-redis-0", False),
        ("PersistentVolumeClaim", "logs-redis-0", True),
        ("Pod", "web-5f-x1", False),
        ("Job", "nightly-29932548", False),
        ("Job", "squares", True),
        ("Deployment", "api", True),
    ],
)
def test_what_a_workload_makes_is_waited_for(kind: str, name: str, final: bool) -> None:
    """A Pod of a StatefulSet comes again; one with an ordinal that it has not, and what nobody makes, does not."""
    assert scene_with(WEB, REDIS, NIGHTLY).missing(kind, name, "lab-02").final is final


@pytest.mark.parametrize("kind", ["Deployment", "Widget", "Widget.example.org"])
def test_what_an_own_kind_may_make_is_waited_for(kind: str) -> None:
    """Whoever brings a definition and an object of it may bring a controller, which makes whatever it likes."""
    brought = [WIDGETS, {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "one"}}]
    assert scene_with(applied=brought).missing(kind, "web", "lab-02").final is False


def test_what_was_there_is_not_called_missing() -> None:
    """An object that is gone is told as that, and is nobody's last word."""
    scene = scene_with()
    gone: Any = thing("Job", "squares")
    scene.world.last = lambda *_: gone  # type: ignore[method-assign]
    cause = scene.missing("Job", "squares", "lab-02")
    assert (cause.reason, cause.final) == ("Gone", False)


def test_what_a_controller_owns_is_no_misspelt_name() -> None:
    """What stands there instead is what somebody wrote: Jobs of a CronJob are not."""
    mine = thing("Job", "flaky")
    theirs = thing("Job", "nightly-1", owner=("CronJob", "nightly"))
    message = scene_with(mine, theirs).missing("Job", "squares", "lab-02").message
    assert message == "There is no Job squares in lab-02; there is flaky."
