"""Which Pods are a Deployment's, and which of them count."""

from __future__ import annotations

from typing import Any, cast

from worlds import ObjectsWorld, thing

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
