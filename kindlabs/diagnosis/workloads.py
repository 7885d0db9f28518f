"""Why a Deployment has not the ready replicas that it should have."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, pods_of, replica_set_of

REFUSED_FOR: tuple[tuple[str, Field], ...] = (
    ("service account", ("serviceAccountName",)),
    ("PriorityClass", ("priorityClassName",)),
    ("RuntimeClass", ("runtimeClassName",)),
    ("usage per Container", ("containers", 0, "resources")),
    ("violates PodSecurity", ("securityContext",)),
)
"""Which field of a Pod the admission plugins' words are about (plugin/pkg/admission)."""


def why_replicas_not_ready(scene: Scene, name: str, namespace: str, wanted: int) -> Cause | None:
    """The first link that keeps Deployment *name* from *wanted* ready replicas; None when it is only on its way."""
    deployment = scene.world.get("Deployment", name, namespace)
    if deployment is None:
        return scene.missing("Deployment", name, namespace)
    found = why_wrong_number(scene, deployment, wanted)
    if found:
        return found
    found = _paused(scene, deployment) or _pods_refused(scene, deployment) or _first_of_pods(scene, deployment)
    return found.behind(f"Deployment {name} has not {wanted} ready replicas") if found else None


def why_wrong_number(scene: Scene, deployment: Object, wanted: int) -> Cause | None:
    """Why a Deployment asks for another number of replicas than *wanted*, or soon will."""
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    for scaler in scene.world.list("HorizontalPodAutoscaler.autoscaling", namespace):
        target = scaler["spec"]["scaleTargetRef"]
        least, most = scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]
        if (target["kind"], target["name"]) == ("Deployment", name) and not least <= wanted <= most:
            own = scaler["metadata"]["name"]
            span = f"{least} to {most} replicas"
            text = f"HorizontalPodAutoscaler {own} keeps Deployment {name} at {span}; {wanted} are required."
            return about(scaler, "Autoscaled", text, ("spec", "minReplicas" if wanted < least else "maxReplicas"))
    asked = dig(deployment, "spec", "replicas", default=1)
    return _wrong_number(name, namespace, asked, wanted) if asked != wanted else None


def _wrong_number(name: str, namespace: str, asked: int, wanted: int) -> Cause:
    noun = "replica" if asked == 1 else "replicas"
    verb = "is" if wanted == 1 else "are"
    text = f"Deployment {name} asks for {asked} {noun}; {wanted} {verb} required."
    step = f"-n {namespace} get deployment {name}"
    field: Field = ("spec", "replicas")
    return Cause("WrongReplicas", "Deployment", name, namespace, text, field, next_step=step, written=True)


def _paused(scene: Scene, deployment: Object) -> Cause | None:
    """A Deployment that rolls nothing out, and whose template has no Pods yet."""
    if not dig(deployment, "spec", "paused") or replica_set_of(scene.world, deployment):
        return None
    text = f"Deployment {deployment['metadata']['name']} is paused, so nothing of its template is rolled out."
    return about(deployment, "Paused", text, ("spec", "paused"))


def _pods_refused(scene: Scene, deployment: Object) -> Cause | None:
    """A ReplicaSet whose Pods the API server refuses: quota, limits, Pod Security, a missing ServiceAccount."""
    replica_set = replica_set_of(scene.world, deployment)
    failure = condition(replica_set or {}, "ReplicaFailure")
    if replica_set is None or failure.get("status") != "True":
        return None
    said = str(failure.get("message") or failure.get("reason")).rstrip(".")
    name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
    step = f"-n {namespace} describe replicaset {replica_set['metadata']['name']}"
    text = f"Kubernetes refuses the Pods of Deployment {name}: {_without_pod(said)}."
    quota = re.search(r"exceeded quota: ([^,]+)", said)
    if quota:
        return Cause(
            "QuotaExceeded", "ResourceQuota", quota.group(1), namespace, text, ("spec", "hard"), next_step=step
        )
    own = re.search(r"is invalid: (spec\.[^:]+):", said)
    place = next((field for word, field in REFUSED_FOR if word in said), ())
    field = ("spec", "template", *(_path(own.group(1)) if own else ("spec", *place)))
    # Kubernetes makes the account `default` a moment after the namespace.
    final = "service account" not in said or "/default:" not in said
    return about(deployment, "PodsRefused", text, field, next_step=step, final=final)


def _without_pod(said: str) -> str:
    """The server's words without the random name of the Pod that it refused."""
    return re.sub(r'^(pods|Pod) "[^"]+" is (forbidden|invalid): ', "", said)


def _path(text: str) -> Field:
    """``spec.containers[0].image`` as a way to the field."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", text))


def _first_of_pods(scene: Scene, deployment: Object) -> Cause | None:
    """The cause that stands in the way of any Pod: one that waiting cannot mend before one that it may."""
    pods = pods_of(scene.world, deployment, ended=True)
    causes = [c for pod in pods if (c := why_pod_not_ready(scene, pod))]
    return min(causes, key=lambda c: not c.final, default=None)
