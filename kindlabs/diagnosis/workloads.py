"""Why a Deployment has not the ready replicas that it should have."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, pods_of, replica_set_of


def why_replicas_not_ready(scene: Scene, name: str, namespace: str, wanted: int) -> Cause | None:
    """The first link that keeps Deployment *name* from *wanted* ready replicas; None when it is only on its way."""
    deployment = scene.world.get("Deployment", name, namespace)
    if deployment is None:
        return scene.missing("Deployment", name, namespace)
    asked = dig(deployment, "spec", "replicas", default=1)
    if asked != wanted:
        return _wrong_number(name, namespace, asked, wanted)
    found = _pods_refused(scene, deployment) or _first_of_pods(scene, deployment)
    return found.behind(f"Deployment {name} has not {wanted} ready replicas") if found else None


def _wrong_number(name: str, namespace: str, asked: int, wanted: int) -> Cause:
    noun = "replica" if asked == 1 else "replicas"
    verb = "is" if wanted == 1 else "are"
    text = f"Deployment {name} asks for {asked} {noun}; {wanted} {verb} required."
    step = f"-n {namespace} get deployment {name}"
    return Cause("WrongReplicas", "Deployment", name, namespace, text, ("spec", "replicas"), next_step=step)


def _pods_refused(scene: Scene, deployment: Object) -> Cause | None:
    """A ReplicaSet whose Pods the API server refuses: quota, Pod Security, a missing ServiceAccount."""
    replica_set = replica_set_of(scene.world, deployment)
    failure = condition(replica_set or {}, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    text = f"Kubernetes refuses the Pods of Deployment {name}: {failure.get('message', failure.get('reason'))}."
    step = f"-n {namespace} describe replicaset {replica_set['metadata']['name'] if replica_set else ''}"
    return Cause("PodsRefused", "Deployment", name, namespace, text, ("spec", "template"), next_step=step)


def _first_of_pods(scene: Scene, deployment: Object) -> Cause | None:
    """The cause that stands in the way of any Pod: one that waiting cannot mend before one that it may."""
    causes = [c for pod in pods_of(scene.world, deployment) if (c := why_pod_not_ready(scene, pod))]
    return min(causes, key=lambda c: not c.final, default=None)
