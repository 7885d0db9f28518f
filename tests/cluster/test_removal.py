"""A namespace is emptied of whatever is in it, also of what nobody knew of."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube.api import Object
from kindlabs.kube.namespaces import empty, namespace
from kindlabs.perimeter import Space

NAME = "lab-93"
SECONDS = 30.0
"""Less than emptying waits for what does not become less."""


@pytest.fixture
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace of a lab, gone afterwards."""
    namespace(cluster.api, Space(NAME), "93-rest")
    yield NAME
    cluster.api.delete("Namespace", NAME)


def deployment(name: str) -> Object:
    """A Deployment of three Pods that end when they are asked to."""
    labels = {"app": name}
    container = {"name": "app", "image": "registry.k8s.io/e2e-test-images/agnhost:2.63.0", "args": ["pause"]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAME},
        "spec": spec,
    }


@pytest.mark.parametrize(
    "likely", [(), ("Pod",), ("ReplicaSet.apps",), ("Job.batch", "ConfigMap"), ("Deployment.apps",)]
)
def test_what_nobody_knew_of_goes_too(cluster: Cluster, space: str, likely: tuple[str, ...]) -> None:
    """Whichever kinds are looked for first: what makes Pods anew is found before its Pods are fought."""
    cluster.api.apply(deployment("web"), manager="by-hand")
    while len(cluster.api.list("Pod", space)) < 3:
        time.sleep(0.1)
    began = time.monotonic()
    empty(cluster.api, [space], likely=likely)
    assert time.monotonic() - began < SECONDS
    for kind in ("Deployment.apps", "ReplicaSet.apps", "Pod"):
        assert cluster.api.list(kind, space) == []
