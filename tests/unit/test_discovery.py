"""Paths of the API server."""

from __future__ import annotations

import pytest

from kindlabs.kube.discovery import Resource

PODS = Resource("Pod", "pods", "", ("v1",), namespaced=True, verbs=frozenset())


@pytest.mark.parametrize(
    ("name", "segment"), [("web-1", "web-1"), ("../x", "..%2Fx"), ("..", "%2E%2E"), ("a?b%2e", "a%3Fb%252e")]
)
def test_a_name_is_one_segment(name: str, segment: str) -> None:
    """No name leads out of its own place in a path."""
    assert PODS.path("lab-07", name) == f"/api/v1/namespaces/lab-07/pods/{segment}"
    assert PODS.path(name, "web") == f"/api/v1/namespaces/{segment}/pods/web"
