"""Why a workload has not the ready replicas that it should have."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.events import changed_at, newest, said
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig
from kindlabs.kube.rights import QUOTA
from kindlabs.kube.workloads import pods_of, replica_set_of, scalers_of, span_of

REFUSED_FOR: tuple[tuple[str, Field], ...] = (
    ("service account", ("serviceAccountName",)),
    ("PriorityClass", ("priorityClassName",)),
    ("RuntimeClass", ("runtimeClassName",)),
    ("usage per Container", ("containers", 0, "resources")),
    ("violates PodSecurity", ("securityContext",)),
)
"""Which field of a Pod the admission plugins' words are about (plugin/pkg/admission)."""
ASK_FOR = {
    "Deployment.apps": "replicas",
    "StatefulSet.apps": "replicas",
    "ReplicaSet.apps": "replicas",
    "Job.batch": "parallelism",
}
"""The field by which a workload says how many Pods it wants at once."""


def why_replicas_not_ready(scene: Scene, kind: str, name: str, namespace: str, wanted: int) -> Cause | None:
    """The first link that keeps a workload from *wanted* ready replicas; None when it is only on its way."""
    workload = scene.world.get(kind, name, namespace)
    if workload is None:
        return scene.missing(kind, name, namespace)
    found = why_wrong_number(scene, workload, wanted)
    if found:
        return found
    found = _paused(scene, workload) or why_pods_refused(scene, workload) or why_no_pod_ready(scene, workload)
    return found.behind(f"{kind} {name} has not {wanted} ready replicas") if found else None


def why_wrong_number(scene: Scene, workload: Object, wanted: int) -> Cause | None:
    """Why a workload asks for another number of replicas than *wanted*, or soon will."""
    kind, name = workload["kind"], workload["metadata"]["name"]
    for scaler in scalers_of(scene.world, workload):
        least, most = span_of(scaler)
        if not least <= wanted <= most:
            own = scaler["metadata"]["name"]
            span = f"{least} to {most} replicas"
            text = f"HorizontalPodAutoscaler {own} keeps {kind} {name} at {span}; {wanted} are required."
            return about(scaler, "Autoscaled", text, ("spec", "minReplicas" if wanted < least else "maxReplicas"))
    asked = dig(workload, "spec", "replicas", default=1)
    return _wrong_number(workload, asked, wanted) if asked != wanted and kind != "DaemonSet" else None


def _wrong_number(workload: Object, asked: int, wanted: int) -> Cause:
    kind, name, namespace = workload["kind"], workload["metadata"]["name"], workload["metadata"]["namespace"]
    noun = "replica" if asked == 1 else "replicas"
    verb = "is" if wanted == 1 else "are"
    text = f"{kind} {name} asks for {asked} {noun}; {wanted} {verb} required."
    step = f"-n {namespace} get {kind.lower()} {name}"
    return about(workload, "WrongReplicas", text, ("spec", "replicas"), next_step=step, written=True)


def _paused(scene: Scene, workload: Object) -> Cause | None:
    """A Deployment that rolls nothing out, and whose template has no Pods yet."""
    if not dig(workload, "spec", "paused") or replica_set_of(scene.world, workload):
        return None
    text = f"Deployment {workload['metadata']['name']} is paused, so nothing of its template is rolled out."
    return about(workload, "Paused", text, ("spec", "paused"))


def why_pods_refused(scene: Scene, workload: Object) -> Cause | None:
    """A workload whose Pods the API server refuses: quota, limits, Pod Security, a missing ServiceAccount."""
    maker, said = _refusal(scene, workload)
    if not said:
        return None
    kind, name, namespace = workload["kind"], workload["metadata"]["name"], workload["metadata"]["namespace"]
    step = f"-n {namespace} describe {maker['kind'].lower()} {maker['metadata']['name']}"
    text = f"Kubernetes refuses the Pods of {kind} {name}: {_without_pod(said)}."
    quota = re.search(r"exceeded quota: ([^,]+)", said)
    if quota and quota.group(1) == QUOTA:
        return _too_many(scene, namespace, text.rstrip("."), step)
    if quota:
        return Cause(
            "QuotaExceeded", "ResourceQuota", quota.group(1), namespace, text, ("spec", "hard"), next_step=step
        )
    own = re.search(r"is invalid: (spec\.[^:]+):", said)
    place = next((field for word, field in REFUSED_FOR if word in said), ())
    field = ("spec", "template", *(_path(own.group(1)) if own else ("spec", *place)))
    # Kubernetes makes the account `default` a moment after the namespace.
    final = "service account" not in said or "/default:" not in said
    return about(workload, "PodsRefused", text, field, next_step=step, final=final)


def _too_many(scene: Scene, namespace: str, text: str, step: str) -> Cause:
    """The limit of every lab's namespace is reached: by whoever asks for the most Pods."""
    asking = [
        (int(dig(workload, "spec", field, default=1)), field, workload)
        for kind, field in ASK_FOR.items()
        for workload in scene.world.list(kind, namespace)
    ]
    many, field, greedy = max(asking, key=lambda found: found[0])
    told = f"{text}; {greedy['kind']} {greedy['metadata']['name']} asks for {many}."
    return about(greedy, "QuotaExceeded", told, ("spec", field), next_step=step)


def _refusal(scene: Scene, workload: Object) -> tuple[Object, str]:
    """Who makes the Pods of a workload, and why it could not in the server's words; empty when it could.

    A ReplicaSet has a condition for it; the others have events alone, which tell of a past that a Pod ends.
    """
    if workload["kind"] == "Deployment":
        maker = replica_set_of(scene.world, workload) or workload
        failure = condition(maker, "ReplicaFailure")
        words = failure.get("message") or failure.get("reason") if failure.get("status") == "True" else ""
        return maker, str(words).rstrip(".")
    if pods_of(scene.world, workload, ended=True):
        return workload, ""
    event = newest(scene, workload, "FailedCreate", since=changed_at(workload))
    return workload, re.sub(r"^.*?[Ee]rror( creating|:)?:? ", "", said(event)).rstrip(".")


def _without_pod(said: str) -> str:
    """The server's words without the random name of the Pod that it refused."""
    return re.sub(r'^(pods|Pod) "[^"]+" is (forbidden|invalid): ', "", said)


def _path(text: str) -> Field:
    """``spec.containers[0].image`` as a way to the field."""
    return tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", text))


def why_no_pod_ready(scene: Scene, workload: Object) -> Cause | None:
    """The cause that stands in the way of any Pod: one that waiting cannot mend before one that it may."""
    pods = pods_of(scene.world, workload, ended=True)
    causes = [c for pod in pods if (c := why_pod_not_ready(scene, pod))]
    return min(causes, key=lambda c: not c.final, default=None)
