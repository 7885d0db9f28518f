"""What is seen of a real API server when its kinds come and go."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube import world as module
from kindlabs.kube.api import Api, Object
from kindlabs.kube.contents import contents
from kindlabs.kube.removal import until_done
from kindlabs.kube.world import World

GROUP = "kind-labs.example.org"
KIND = f"Widget.{GROUP}"
CRD = "CustomResourceDefinition.apiextensions.k8s.io"
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"widgets.{GROUP}"},
    "spec": {
        "group": GROUP,
        "names": {"kind": "Widget", "plural": "widgets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


@pytest.fixture
def spaces(cluster: Cluster) -> Iterator[list[str]]:
    """Two namespaces; no definition is left behind."""
    names = [f"kl-world-{secrets.token_hex(3)}" for _ in range(2)]
    for name in names:
        cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, manager="tests")
    yield names
    cluster.api.delete(CRD, f"widgets.{GROUP}")
    for name in names:
        cluster.api.delete("Namespace", name)


def test_a_kind_comes_and_goes(cluster: Cluster, spaces: list[str]) -> None:
    """Its objects are seen when it comes in the middle and when it comes again; when it goes, there are none."""
    api, name = cluster.api, f"widgets.{GROUP}"
    widget = {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "one", "namespace": spaces[0]}}
    with World(api) as world:
        assert world.list(KIND) == []
        for _ in range(2):
            api.apply(DEFINITION, manager="tests")
            until_done(lambda _: api.resource(KIND, refresh=True) is None, "the kind to be served")
            until_done(lambda _: not _made(cluster, widget), "an object to be taken")
            until_done(lambda _: len(world.list(KIND)) != 1, "the object to be seen", world)
            other = Api(api.kubeconfig)
            assert KIND in {key.kind for key in contents(other, spaces)}
            api.delete(CRD, name)
            until_done(lambda _: len(world.list(KIND)) + bool(api.get(CRD, name)), "the kind to go", world)
            assert other.resource(KIND)  # as it was read last
            assert KIND not in {key.kind for key in contents(other, spaces)}
            end = time.monotonic() + module.SILENT_SECONDS + 2 * module.UNSERVED_SECONDS
            while time.monotonic() < end:
                world.wait(world.revision, 0.2)  # nobody says that the API server is not there
            assert world.list(KIND) == []


def _made(cluster: Cluster, widget: Object) -> bool:
    try:
        return bool(cluster.api.apply(widget, manager="tests"))
    except Exception:  # its storage is not ready yet
        return False
