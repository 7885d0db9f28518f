"""Which Pods are a workload's: of a Deployment, StatefulSet, DaemonSet, Job or CronJob, or a Pod that nobody owns."""

from __future__ import annotations

from kindlabs.kube.api import Object
from kindlabs.kube.objects import ENDED, dig, is_going, owner
from kindlabs.kube.world import World

GENERATION = "deprecated.daemonset.template.generation"
"""The annotation of a DaemonSet that its Pods carry as label ``pod-template-generation`` (pkg/controller/daemon)."""


def pods_of(world: World, workload: Object, *, ended: bool = False) -> list[Object]:
    """The Pods of a workload's own template that are not being deleted; with *ended*, those too that will not run."""
    kept = [pod for pod in _own(world, workload) if not is_going(pod)]
    return [pod for pod in kept if ended or dig(pod, "status", "phase") not in ENDED]


def others_of(world: World, workload: Object) -> list[Object]:
    """A workload's Pods of an older template that run, or will, and are not being deleted."""
    own = {pod["metadata"]["name"] for pod in _own(world, workload)}
    between = _replica_sets_of(world, workload) if workload["kind"] == "Deployment" else [workload]
    pods = [pod for maker in between for pod in made_of(world, maker, "Pod")]
    others = [pod for pod in pods if pod["metadata"]["name"] not in own and not is_going(pod)]
    return [pod for pod in others if dig(pod, "status", "phase") not in ENDED]


def made_of(world: World, maker: Object, kind: str) -> list[Object]:
    """The objects of *kind* whose controller *maker* is, by name."""
    mine = (maker["kind"], maker["metadata"]["name"])
    return [thing for thing in world.list(kind, maker["metadata"]["namespace"]) if owner(thing) == mine]


def replica_set_of(world: World, deployment: Object) -> Object | None:
    """The ReplicaSet made of a Deployment's template as it is now; None while there is none.

    Kubernetes compares the two in the same way (pkg/controller/deployment/util, EqualIgnoreHash).
    """
    sets = _replica_sets_of(world, deployment)
    return next((s for s in sets if _template(s) == _template(deployment)), None)


def scalers_of(world: World, workload: Object) -> list[Object]:
    """The HorizontalPodAutoscalers that set the replicas of a workload."""
    own = (workload["kind"], workload["metadata"]["name"])
    scalers = world.list("HorizontalPodAutoscaler.autoscaling", workload["metadata"]["namespace"])
    return [s for s in scalers if (s["spec"]["scaleTargetRef"]["kind"], s["spec"]["scaleTargetRef"]["name"]) == own]


def span_of(scaler: Object) -> tuple[int, int]:
    """The least and the most replicas to which an autoscaler scales."""
    return scaler["spec"].get("minReplicas", 1), scaler["spec"]["maxReplicas"]


def is_finished(job: Object) -> bool:
    """Whether a Job is over, for good or bad."""
    conditions = dig(job, "status", "conditions", default=[])
    return any(c.get("type") in ("Complete", "Failed") and c.get("status") == "True" for c in conditions)


def _own(world: World, workload: Object) -> list[Object]:
    """The Pods of a workload's template as it is now, those too that ended or are going."""
    match workload["kind"]:
        case "Pod":
            return [workload]
        case "Deployment":
            replica_set = replica_set_of(world, workload)
            return made_of(world, replica_set, "Pod") if replica_set else []
        case "CronJob":
            return [pod for job in made_of(world, workload, "Job") for pod in made_of(world, job, "Pod")]
        case "StatefulSet":
            newest = dig(workload, "status", "updateRevision")
            return _labelled(made_of(world, workload, "Pod"), "controller-revision-hash", newest)
        case "DaemonSet":
            newest = dig(workload, "metadata", "annotations", GENERATION)
            return _labelled(made_of(world, workload, "Pod"), "pod-template-generation", newest)
    return made_of(world, workload, "Pod")


def _labelled(pods: list[Object], label: str, value: str | None) -> list[Object]:
    return [pod for pod in pods if value in (None, dig(pod, "metadata", "labels", label))]


def _replica_sets_of(world: World, deployment: Object) -> list[Object]:
    return made_of(world, deployment, "ReplicaSet")


def _template(workload: Object) -> Object:
    template = dict(workload["spec"]["template"])
    meta = dict(template.get("metadata") or {})
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != "pod-template-hash"}
    return template | {"metadata": meta | {"labels": labels}}
