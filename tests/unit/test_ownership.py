"""A field that a learner takes back is gone, or the object has to be replaced."""

from __future__ import annotations

from typing import Any

from kindlabs.kube.ownership import clings

OWNED: dict[str, Any] = {
    "f:replicas": {},
    "f:template": {
        "f:spec": {"f:serviceAccountName": {}, "f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}}
    },
}


def deployment(account: str | None, image: str = "agnhost", *, noted: bool = False) -> dict[str, Any]:
    """A Deployment, with the fields that the learner wrote noted as the API server notes them."""
    pod: dict[str, Any] = {"containers": [{"name": "web", "image": image}]}
    if account:
        pod["serviceAccountName"] = account
    fields = [{"manager": "learner", "operation": "Apply", "fieldsV1": {"f:spec": OWNED}}] if noted else []
    return {"metadata": {"name": "web", "managedFields": fields}, "spec": {"replicas": 2, "template": {"spec": pod}}}


def test_a_value_that_the_server_keeps_is_found() -> None:
    """A serviceAccountName that was written, taken back and is still there clings."""
    before, written = deployment("robot", noted=True), deployment(None)

    assert clings(written, before, deployment("robot"), "learner")


def test_a_value_that_went_away_does_not_cling() -> None:
    """A serviceAccountName that the server took back too is no reason to replace the object."""
    assert not clings(deployment(None), deployment("robot", noted=True), deployment(None), "learner")


def test_a_changed_value_does_not_cling() -> None:
    """What the learner still writes is hers, whatever stands there now."""
    before, written = deployment("robot", noted=True), deployment("robot", "agnhost:2")

    assert not clings(written, before, written, "learner")


def test_what_others_wrote_does_not_cling() -> None:
    """A field that the learner never wrote may stay."""
    assert not clings(deployment(None), deployment("robot", noted=True), deployment("robot"), "somebody else")
