"""Controllers that follow: what a workload asks for is made, and work that ends is over.

Where only the controller is in doubt, its Pods wait for a scheduler that there is not: they take no room and never run.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kindlabs.kube import clock
from kindlabs.kube.api import Object
from kindlabs.kube.objects import is_true
from kindlabs.kube.probing import NAMESPACE, own
from kindlabs.promises.pods import full, idle_template, pod_spec, unplaced
from kindlabs.promises.promise import Promise
from kindlabs.promises.trial import OBJECT, Trial

MISSED = timedelta(minutes=10)
"""A CronJob that has not fired for so long does so at once: it may be late by any time, unless it says otherwise."""


def _makes_pods(kind: str, **more: object) -> Callable[[Trial], str | None]:
    """The proof that a workload of *kind* gets Pods."""

    def proof(trial: Trial) -> str | None:
        name = trial.named(kind.lower())
        labels = {OBJECT: name}
        spec = {"selector": {"matchLabels": labels}, "template": idle_template(trial, name), **more}
        trial.send(own("apps/v1", kind, name, spec))
        return None if trial.of("Pod", name) else f"{kind} {name} of our own gets no Pod"

    return proof


def _job_ends(trial: Trial) -> str | None:
    name = trial.named("job")
    template = {
        "metadata": {"labels": {OBJECT: name}},
        "spec": pod_spec(trial, "entrypoint-tester", restartPolicy="Never"),
    }
    job = trial.now(trial.send(own("batch/v1", "Job", name, {"template": template})))
    if is_true(job, "Complete"):
        return None
    pods = trial.of("Pod", name)
    if not pods:
        return f"Job {name} of our own gets no Pod"
    if any(map(full, pods)):
        return None
    return unplaced(pods[0]) or f"Job {name} of our own does not end; its Pod is {pods[0]['status'].get('phase')}"


def _cronjob_fires(trial: Trial) -> str | None:
    """It has missed its time, and its Job is suspended: no Pod is made."""
    name = trial.named("cronjob")
    job: dict[str, Any] = {"template": {"spec": {**idle_template(trial, name)["spec"], "restartPolicy": "Never"}}}
    template = {"metadata": {"labels": {OBJECT: name}}, "spec": {"suspend": True, **job}}
    cronjob = own("batch/v1", "CronJob", name, {"schedule": "* * * * *", "jobTemplate": template})
    trial.send(cronjob, then=lambda: _miss(trial, name))
    return None if trial.of("Job.batch", name) else f"CronJob {name} of our own does not fire, though its time is over"


def _miss(trial: Trial, name: str) -> Object:
    last = (clock.now() - MISSED).strftime("%Y-%m-%dT%H:%M:%SZ")
    patch = {"status": {"lastScheduleTime": last}}
    return trial.api.patch("CronJob.batch", name, NAMESPACE, patch, subresource="status")


DEPLOYMENTS_FOLLOW = Promise(
    "deployments-follow",
    "A Deployment gets its Pods.",
    _makes_pods("Deployment", replicas=1),
    kinds=("Deployment", "ReplicaSet"),
)
STATEFULSETS_FOLLOW = Promise(
    "statefulsets-follow",
    "A StatefulSet gets its Pods.",
    _makes_pods("StatefulSet", replicas=1),
    kinds=("StatefulSet",),
)
DAEMONSETS_FOLLOW = Promise(
    "daemonsets-follow", "A DaemonSet gets its Pods.", _makes_pods("DaemonSet"), kinds=("DaemonSet",)
)
JOBS_END = Promise("jobs-end", "A Job runs to its end.", _job_ends, kinds=("Job", "CronJob"))
CRONJOBS_FIRE = Promise(
    "cronjobs-fire", "A CronJob makes its Jobs when it is time.", _cronjob_fires, kinds=("CronJob",)
)
