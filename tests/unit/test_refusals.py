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
        (
            f"{TYPED}.spec.selector: expected map, got &{{app=web}}",
            "spec.selector: it has to be a mapping, of lines such as key: value; found app=web",
            ("spec", "selector"),
        ),
        (
            f'{TYPED}.spec.template.spec.containers[name="web"].env: expected list, got &{{map[A:b]}}',
            'spec.template.spec.containers[name="web"].env: it has to be a list, of lines that begin with -; '
            "found a mapping",
            ("spec", "template", "spec", "containers", 0, "env"),
        ),
        (
            f"{TYPED}.spec.ports: element 0: associative list with keys may not have non-map elements",
            "spec.ports: each of its entries has to be a mapping, of lines such as key: value",
            ("spec", "ports"),
        ),
        (
            f'{TYPED}.spec.template.spec.containers: duplicate entries for key [name="web"]',
            'spec.template.spec.containers: two of its entries have name="web"',
            ("spec", "template", "spec", "containers"),
        ),
        (
            f"{INVALID}[spec.template.spec.containers[0].image: Required value, spec.selector: Required value]",
            "spec.template.spec.containers[0].image: Required value, spec.selector: Required value",
            ("spec", "template", "spec", "containers", 0, "image"),
        ),
        (
            "certificates.cert-manager.io \"web\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'b' "
            "denied request: spec.replicas: Go has no unit d.",
            "spec.replicas: Go has no unit d",
            ("spec", "replicas"),
        ),
    ],
)
def test_a_refusal_leads_to_its_field(message: str, why: str, field: tuple[str | int, ...]) -> None:
    """The server's words lose what only machines need, and point at the field that has to change."""
    assert explain(DEPLOYMENT, message) == (why, field)


@pytest.mark.parametrize(
    ("manifest", "words", "why", "field"),
    [
        (
            {"kind": "Pod", "spec": {"containers": [{"resources": {"limits": {"cpu": 0.5, "memory": "64MB"}}}]}},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            "spec.containers[0].resources.limits.memory: '64MB' is no quantity; write it as 64Mi, 1.5 or 500m",
            ("spec", "containers", 0, "resources", "limits", "memory"),
        ),
        (
            {"kind": "Secret", "data": {"good": "YQ==", "bad": "raw text"}},
            "error decoding from json: illegal base64 data at input byte 3",
            "data.bad: 'raw text' is not base64; plain text stands under stringData",
            ("data", "bad"),
        ),
        (
            {"kind": "Deployment", "spec": {"replicas": 1.5}},
            "cannot convert float64 to int32",
            "spec.replicas: it has to be a whole number, found 1.5",
            ("spec", "replicas"),
        ),
        ({"kind": "Pod", "spec": {}}, "words that nobody knows.", "words that nobody knows", ()),
    ],
    ids=["quantity", "base64", "fraction", "else"],
)
def test_a_value_that_cannot_be_read_is_found(
    manifest: dict[str, Any], words: str, why: str, field: tuple[str | int, ...]
) -> None:
    """Where the server names no field, it is the first one that does not fit what it says."""
    begins = (
        "failed to convert new object (lab-01/x; /v1, Kind=X) to proper version: unable to convert unstructured object"
    )
    assert explain(manifest, f"{begins} to /v1, Kind=X: {words}") == (why, field)


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
