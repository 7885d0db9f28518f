"""What a cluster that reaches no registry makes of pull policy Always."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube.namespaces import namespace
from kindlabs.kube.offline import keep_pulls_at_home
from kindlabs.perimeter import Space

HELD = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
ELSEWHERE = "docker.io/library/elsewhere:1"


@pytest.fixture(scope="module")
def namespaces(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Two namespaces, of which the first has the policy; all of it is gone after the module."""
    mark = secrets.token_hex(3)  # the API server goes by a policy of the same name for a while after it is gone
    names = (f"kl-offline-{mark}", f"kl-untouched-{mark}")
    for name in names:
        namespace(cluster.api, Space(name), "offline")
    keep_pulls_at_home(cluster.api, names[0], [HELD])
    yield names
    for kind in ("MutatingAdmissionPolicyBinding", "MutatingAdmissionPolicy"):
        cluster.api.delete(kind, f"kind-labs-{names[0]}")
    for name in names:
        cluster.api.delete("Namespace", name)


def test_what_the_node_holds_is_not_pulled(cluster: Cluster, namespaces: tuple[str, str]) -> None:
    """In the lab's namespace Always becomes IfNotPresent for a held image, beside init containers and other fields."""
    policies = _policies(cluster, namespaces[0])
    assert policies == {"held": "IfNotPresent", "prepare": "IfNotPresent", "elsewhere": "Always"}


def test_other_namespaces_stay_as_they_are(cluster: Cluster, namespaces: tuple[str, str]) -> None:
    """Where no lab is, the API server changes nothing."""
    assert set(_policies(cluster, namespaces[1]).values()) == {"Always"}


def _policies(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Pull policies by container of a Pod that asks for Always everywhere, as the API server would take it."""
    containers = [_container("held", HELD), _container("elsewhere", ELSEWHERE)]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asks"},
        "spec": {"containers": containers, "initContainers": [_container("prepare", HELD)]},
    }
    path = f"/api/v1/namespaces/{namespace}/pods"
    made = cluster.api.request("POST", path, query={"dryRun": "All"}, body=pod)
    every = made["spec"]["containers"] + made["spec"]["initContainers"]
    assert {c["name"]: c["args"] for c in every} == {name: [name] for name in ("held", "elsewhere", "prepare")}
    return {c["name"]: c["imagePullPolicy"] for c in every}


def _container(name: str, image: str) -> dict[str, object]:
    return {"name": name, "image": image, "imagePullPolicy": "Always", "args": [name]}
