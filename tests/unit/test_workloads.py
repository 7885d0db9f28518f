"""Which Pods are a Deployment's, and which of them count."""

from __future__ import annotations

from typing import Any, cast

from worlds import ObjectsWorld, scene_with, thing

from kindlabs.diagnosis.workloads import why_pods_refused
from kindlabs.kube.workloads import others_of, pods_of
from kindlabs.kube.world import World


def pod(name: str, of: str, phase: str) -> Any:
    """A Pod of a ReplicaSet."""
    return thing("Pod", name, owner=("ReplicaSet", of), status={"phase": phase})


def replica_set(name: str, image: str) -> Any:
    """A ReplicaSet of Deployment ``web``."""
    return thing("ReplicaSet", name, owner=("Deployment", "web"), spec={"template": {"spec": {"image": image}}})


def test_pods_that_ended_are_nobodys() -> None:
    """A Pod that its node gave up is neither one of the Deployment's nor one of an older template's."""
    web = thing("Deployment", "web", spec={"template": {"spec": {"image": "new"}}})
    pods = [pod("a", "web-2", "Running"), pod("b", "web-2", "Failed"), pod("c", "web-1", "Failed")]
    pods.append(pod("d", "web-1", "Running"))
    world = cast("World", ObjectsWorld(web, replica_set("web-1", "old"), replica_set("web-2", "new"), *pods))

    assert [p["metadata"]["name"] for p in pods_of(world, web)] == ["a"]
    assert [p["metadata"]["name"] for p in others_of(world, web)] == ["d"]


def test_the_limit_of_a_namespace_is_nobodys_but_who_asks_for_most() -> None:
    """A Deployment that finds no room is not to blame where another one takes it all."""
    said = 'pods "web-1-x" is forbidden: exceeded quota: kind-labs, requested: pods=1, used: pods=50, limited: pods=50'
    failure = {"type": "ReplicaFailure", "status": "True", "message": said}
    web = thing("Deployment", "web", spec={"replicas": 2, "template": {"spec": {"image": "new"}}})
    crowd = thing("Deployment", "crowd", spec={"replicas": 1000})
    refused = replica_set("web-1", "new") | {"status": {"conditions": [failure]}}

    cause = why_pods_refused(scene_with(web, crowd, refused), web)

    assert cause is not None
    assert (cause.reason, cause.name, cause.field, cause.final) == (
        "QuotaExceeded",
        "crowd",
        ("spec", "replicas"),
        True,
    )
    assert cause.message == (
        "Kubernetes refuses the Pods of Deployment web: exceeded quota: kind-labs, requested: pods=1, used: pods=50, "
        "limited: pods=50; Deployment crowd asks for 1000."
    )
