"""What the API server says about an object that it refuses, in plain words and at its field; its own words recorded."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import Words

from kindlabs.diagnosis.refusals import explain, field_at

CONTAINER = {"name": "web", "imagee": "x", "ports": [{"containerPort": 80}]}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"replica": 2, "replicas": "two", "template": {"spec": {"containers": [CONTAINER]}}},
}


@pytest.mark.parametrize(
    ("recorded", "why", "field"),
    [
        (
            "unknown-field",
            "spec.replica: Kubernetes knows no such field",
            ("spec", "replica"),
        ),
        (
            "unknown-field-of-an-item",
            'spec.template.spec.containers[name="web"].imagee: Kubernetes knows no such field',
            ("spec", "template", "spec", "containers", 0, "imagee"),
        ),
        (
            "text-for-a-number",
            "spec.replicas: it has to be a number, found a text",
            ("spec", "replicas"),
        ),
        (
            "boolean-for-a-text",
            "spec.selector.x: it has to be a text, found true; put it in quotes",
            ("spec", "selector", "x"),
        ),
        (
            "required",
            "spec.template.spec.containers[0].image: Required value",
            ("spec", "template", "spec", "containers", 0, "image"),
        ),
        (
            "text-for-a-mapping",
            "spec.selector: it has to be a mapping, of lines such as key: value; found app=web",
            ("spec", "selector"),
        ),
        (
            "mapping-for-a-list",
            'spec.template.spec.containers[name="web"].env: it has to be a list, of lines that begin with -; '
            "found a mapping",
            ("spec", "template", "spec", "containers", 0, "env"),
        ),
        (
            "text-for-an-item",
            "spec.ports: each of its entries has to be a mapping, of lines such as key: value",
            ("spec", "ports"),
        ),
        (
            "twice",
            'spec.template.spec.containers: two of its entries have name="web"',
            ("spec", "template", "spec", "containers"),
        ),
        (
            "several",
            "spec.template.spec.containers[0].image: Required value, spec.selector: Required value",
            ("spec", "template", "spec", "containers", 0, "image"),
        ),
        (
            "policy",
            "spec.replicas: Go has no unit d",
            ("spec", "replicas"),
        ),
    ],
)
def test_a_refusal_leads_to_its_field(words: Words, recorded: str, why: str, field: tuple[str | int, ...]) -> None:
    """The server's words lose what only machines need, and point at the field that has to change."""
    assert explain(DEPLOYMENT, words["refusals"][recorded]) == (why, field)


@pytest.mark.parametrize(
    ("recorded", "manifest", "why", "field"),
    [
        (
            "quantity",
            {"kind": "Pod", "spec": {"containers": [{"resources": {"limits": {"cpu": 0.5, "memory": "64MB"}}}]}},
            "spec.containers[0].resources.limits.memory: '64MB' is no quantity; write it as 64Mi, 1.5 or 500m",
            ("spec", "containers", 0, "resources", "limits", "memory"),
        ),
        (
            "base64",
            {"kind": "Secret", "data": {"good": "YQ==", "bad": "raw text"}},
            "data.bad: 'raw text' is not base64; plain text stands under stringData",
            ("data", "bad"),
        ),
        (
            "fraction",
            {"kind": "Deployment", "spec": {"replicas": 1.5}},
            "spec.replicas: it has to be a whole number, found 1.5",
            ("spec", "replicas"),
        ),
    ],
)
def test_a_value_that_cannot_be_read_is_found(
    words: Words, recorded: str, manifest: dict[str, Any], why: str, field: tuple[str | int, ...]
) -> None:
    """Where the server names no field, it is the first one that does not fit what it says."""
    message = words["refusals"][recorded]
    assert explain(manifest, message) == (why, field)
    nobody_knows = f"{message.partition('Kind=X: ')[0]}Kind=X: words that nobody knows."
    assert explain(manifest, nobody_knows) == ("words that nobody knows", ())


def test_an_old_version_is_told_the_new_one() -> None:
    """A kind in a version that is served no more is told in which it is."""
    manifest = {"apiVersion": "extensions/v1beta1", "kind": "Ingress"}
    found = explain(manifest, "no kind Ingress in version extensions/v1beta1", ["networking.k8s.io/v1"])

    assert found.why == "this cluster serves Ingress as networking.k8s.io/v1, not as extensions/v1beta1"
    assert found.field == ("apiVersion",)


def test_other_words_stay_as_they_are(words: Words) -> None:
    """What cannot be put more plainly is not put in other words."""
    message = words["refusals"]["rights"]
    assert explain({"kind": "Role"}, message).why == message


def test_a_path_is_followed_as_far_as_it_leads() -> None:
    """An item that the manifest does not hold ends the way at its list."""
    assert field_at(DEPLOYMENT, 'spec.template.spec.containers[name="x"].image') == (
        *("spec", "template", "spec"),
        "containers",
    )
