"""Nobody fills the cluster: a namespace holds so many objects, a Pod so many processes, and that is told."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.diagnosis.cause import Scene
from kindlabs.diagnosis.crashes import why_restarted
from kindlabs.diagnosis.workloads import why_replicas_not_ready
from kindlabs.kube.api import Object
from kindlabs.kube.apply import apply
from kindlabs.kube.namespaces import empty, namespace
from kindlabs.kube.objects import condition, restarts
from kindlabs.kube.removal import until_done
from kindlabs.kube.world import World
from kindlabs.perimeter import Space

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
FORKS = "i=0; while [ $i -lt 400 ]; do sleep 60 & i=$((i+1)); done; echo all of them"


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A lab's namespace."""
    name = f"lab-limits-{secrets.token_hex(3)}"
    namespace(cluster.api, Space(name), "limits")
    yield name
    empty(cluster.api, [name])
    cluster.api.delete("Namespace", name)


def deployment(name: str, space: str, replicas: int) -> Object:
    """One whose Pods no node has to start."""
    container = {"name": "app", "image": IMAGE, "args": ["pause"]}
    spec = {"containers": [container], "schedulingGates": [{"name": "example.org/never"}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    meta = {"name": name, "namespace": space}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": body}


def test_a_crowd_is_told_and_hurts_nobody(cluster: Cluster, space: str) -> None:
    """Of a hundred thousand replicas fifty are made; whoever finds no room is told who took it."""
    api = cluster.api
    assert apply(api, [deployment("crowd", space, 100_000), deployment("web", space, 2)], [space]).refused == []

    def refused(_late: bool) -> int:
        sets = api.list("ReplicaSet.apps", space)
        return 2 - sum(condition(made, "ReplicaFailure").get("status") == "True" for made in sets)

    until_done(lambda late: refused(late) and len(api.list("Pod", space)) < 50, "the namespace to be full")
    until_done(lambda late: refused(late) > 1, "somebody to be refused")
    assert len(api.list("Pod", space)) == 50
    with World(api) as world:
        cause = why_replicas_not_ready(Scene(world), "Deployment", "crowd", space, 100_000)
    assert cause is not None
    assert (cause.reason, cause.name, cause.field) == ("QuotaExceeded", "crowd", ("spec", "replicas"))
    assert "exceeded quota: kind-labs" in cause.message
    assert "Deployment crowd asks for 100000." in cause.message


def test_forks_end_with_their_pod(cluster: Cluster, space: str) -> None:
    """A Pod gets no more than its processes, and its crash says so."""
    api, name = cluster.api, "forks"
    container = {"name": "app", "image": IMAGE, "command": ["sh", "-c", FORKS]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space}, "spec": spec}
    assert apply(api, [pod], [space]).refused == []  # the crowd goes: this submission does not name it
    until_done(lambda _: not restarts(api.get("Pod", name, space) or {}), "the Pod to crash")
    with World(api) as world:
        live = api.get("Pod", name, space) or {}
        cause = why_restarted(Scene(world, logs=api.last_words), live)
    assert cause is not None
    assert "a Pod may have only so many processes" in cause.message
