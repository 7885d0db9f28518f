"""Who wrote into an object, by what the API server notes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindlabs.addons.addon import load
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LEARNER_MANAGER, has_foreign_fields, is_written_by

REPLICAS = {"f:spec": {"f:replicas": {}}}
CONTAINER = {"f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}}
ITEM = {"f:metadata": {"f:finalizers": {".": {}, 'v:"example.org/x"': {}}}}
LABEL = {"f:metadata": {"f:labels": {".": {}, "f:by-hand": {}}}}


def written(*entries: tuple[str, dict[str, Any]], subresource: str = "") -> dict[str, Any]:
    """An object into which each manager wrote these fields."""
    fields = [{"manager": manager, "fieldsV1": own, "subresource": subresource} for manager, own in entries]
    return {"metadata": {"name": "web", "managedFields": fields}}


@pytest.mark.parametrize("fields", [REPLICAS, CONTAINER, ITEM, LABEL])
def test_a_field_by_hand_is_foreign(fields: dict[str, Any]) -> None:
    """What somebody wrote with a tool of theirs, and the submission does not name, is foreign."""
    assert has_foreign_fields(written((LEARNER_MANAGER, {"f:spec": {"f:selector": {}}}), ("kubectl-edit", fields)))


def test_a_field_that_the_submission_names_too_is_not() -> None:
    """Scaled to another number and back by a check: the value is the submission's again."""
    assert not has_foreign_fields(written((LEARNER_MANAGER, REPLICAS | LABEL), ("python-client", REPLICAS)))


@pytest.mark.parametrize("manager", ["kube-controller-manager", "kubelet", "cert-manager-certificates-trigger"])
def test_controllers_are_at_home(manager: str) -> None:
    """What a controller of the cluster wrote, or one of an add-on that it has, is nobody's doing."""
    load(Path(__file__).parents[2], "cert-manager")
    assert not has_foreign_fields(written((LEARNER_MANAGER, REPLICAS), (manager, CONTAINER)))


def test_a_status_is_nobodys_wish() -> None:
    """Whoever reports a status wrote nothing that was asked for."""
    assert not has_foreign_fields(written(("some-controller", CONTAINER), subresource="status"))


def test_the_lab_knows_its_own() -> None:
    """What the lab put there is told from what the learner did."""
    thing = written((INSTRUCTOR_MANAGER, LABEL), ("kubectl", REPLICAS))
    assert is_written_by(thing, INSTRUCTOR_MANAGER)
    assert not is_written_by(thing, LEARNER_MANAGER)
