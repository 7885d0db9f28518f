"""What the API server says about an object that it refuses, in plain words and at its field; its own words recorded."""

from __future__ import annotations

from typing import Any

import pytest

from kindlabs.diagnosis.refusals import explain, field_at

CONTAINER = {"name": "web", "imagee": "x", "ports": [{"containerPort": 80}]}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replica": 2, "replicas": "two", "template": {"spec": {"containers": [CONTAINER]}}},
}
TYPED = "failed to create typed patch object (lab-03/web; apps/v1, Kind=Deployment): "
INVALID = 'Deployment.apps "web" is invalid: '


@pytest.mark.parametrize(
    ("message", "why", "field"),
    [
        (
            f"{TYPED}.spec.replica: field not declared in schema",
            "spec.replica: Kubernetes knows no such field",
            ("spec", "replica"),
        ),
        (
            f'{TYPED}.spec.template.spec.containers[name="web"].imagee: field not declared in schema',
            'spec.template.spec.containers[name="web"].imagee: Kubernetes knows no such field',
            ("spec", "template", "spec", "containers", 0, "imagee"),
        ),
        (
            f"{TYPED}.spec.replicas: expected numeric (int or float), got string",
            "spec.replicas: it has to be a number, found a text",
            ("spec", "replicas"),
        ),
        (
            f"{TYPED}.spec.selector.x: expected string, got &value.valueUnstructured{{Value:true}}",
            "spec.selector.x: it has to be a text, found true; put it in quotes",
            ("spec", "selector", "x"),
        ),
        (
            f"{INVALID}spec.template.spec.containers[0].image: Required value",
            "spec.template.spec.containers[0].image: Required value",
            ("spec", "template", "spec", "containers", 0, "image"),
        ),
    ],
)
def test_a_refusal_leads_to_its_field(message: str, why: str, field: tuple[str | int, ...]) -> None:
    """The server's words lose what only machines need, and point at the field that has to change."""
    assert explain(DEPLOYMENT, message) == (why, field)


def test_an_old_version_is_told_the_new_one() -> None:
    """A kind in a version that is served no more is told in which it is."""
    manifest = {"apiVersion": "extensions/v1beta1", "kind": "Ingress"}
    found = explain(manifest, "no kind Ingress in version extensions/v1beta1", ["networking.k8s.io/v1"])

    assert found.why == "this cluster serves Ingress as networking.k8s.io/v1, not as extensions/v1beta1"
    assert found.field == ("apiVersion",)


def test_other_words_stay_as_they_are() -> None:
    """What cannot be put more plainly is not put in other words."""
    message = 'roles "x" is forbidden: User "learner" cannot patch resource "roles"'

    assert explain({"kind": "Role"}, message).why == message


def test_a_path_is_followed_as_far_as_it_leads() -> None:
    """An item that the manifest does not hold ends the way at its list."""
    assert field_at(DEPLOYMENT, 'spec.template.spec.containers[name="x"].image') == (
        *("spec", "template", "spec"),
        "containers",
    )
