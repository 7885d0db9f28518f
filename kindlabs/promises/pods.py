"""Pods that start: scheduler, kubelet, container runtime and Pod network."""

from __future__ import annotations

from kindlabs.kube.api import Object
from kindlabs.kube.objects import condition, dig, is_true
from kindlabs.kube.probing import own
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import OBJECT, Trial

PORT = 9376
"""Where our Pods say their name to whoever asks."""


def pod_spec(trial: Trial, *args: str, **more: object) -> Object:
    """The spec of a Pod of the probe's image that fits beside whatever a submission runs.

    Where the lab closes nodes on purpose, it goes to these too: that they take Pods is not what it shows.
    """
    spec = {
        "containers": [trial.container(*args)],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "tolerations": trial.tolerations,
    }
    return spec | more


def trial_pod(trial: Trial) -> Object:
    """The Pod that a trial starts."""
    spec = pod_spec(trial, "serve-hostname", f"--port={PORT}")
    return own("v1", "Pod", trial.name, spec, labels={OBJECT: trial.name})


def idle_template(trial: Trial, name: str) -> Object:
    """A Pod template for controllers that only have to make Pods of it: no scheduler takes these, so that none runs."""
    spec = pod_spec(trial, "pause", schedulerName="nobody", tolerations=[{"operator": "Exists"}])
    return {"metadata": {"labels": {OBJECT: name}}, "spec": spec}


def full(pod: Object) -> bool:
    """Whether there are too many Pods: these are the submission's, and the scheduler has counted them."""
    return "Too many pods" in condition(pod, "PodScheduled").get("message", "")


def unplaced(pod: Object) -> str | None:
    """Why a Pod of ours has no node, None when it has one, or cannot have one for want of room."""
    if dig(pod, "spec", "nodeName") or full(pod):
        return None
    said = condition(pod, "PodScheduled").get("message", "the scheduler says nothing about it")
    return f"Pod {dig(pod, 'metadata', 'name')} of our own gets no node: {said}"


def _starts(trial: Trial) -> str | None:
    pod = trial.now(trial.send(trial_pod(trial)))
    if full(pod):
        return None
    if missing := unplaced(pod):
        return missing
    where = f"Pod {trial.name} of our own on node {pod['spec']['nodeName']}"
    if not is_true(pod, "Ready"):
        return f"{where} does not start: {_why_waiting(pod)}"
    answer = trial.ask(pod["status"]["podIP"], PORT)
    return f"{where} is Ready, and cannot be reached: {answer}" if isinstance(answer, str) else None


def _why_waiting(pod: Object) -> str:
    states = [status.get("state", {}) for status in dig(pod, "status", "containerStatuses", default=[])]
    reasons = [state["waiting"].get("reason", "") for state in states if "waiting" in state]
    return ", ".join(filter(None, reasons)) or f"it is {dig(pod, 'status', 'phase', default='gone')}"


def _unfit_node(sight: Sight) -> str | None:
    """A scheduler that does not run, or a node that is not ready or under pressure."""
    for node in sight.list("/api/v1/nodes"):
        name = node["metadata"]["name"]
        conditions = {c["type"]: c for c in node["status"].get("conditions", [])}
        ready = conditions.pop("Ready", None)
        if ready is None or ready["status"] != "True":
            why = f"{ready.get('reason')}: {ready.get('message')}" if ready else "it has no Ready condition"
            return f"node {name} is not ready: {why}"
        pressed = next((c for c in conditions.values() if c["status"] == "True"), None)
        if pressed:
            return f"node {name} has {pressed['type']}: {pressed.get('message')}"
    return sight.runs_no("kube-scheduler", "kube-scheduler")


PODS_START = Promise("pods-start", "A new Pod starts, and can be reached.", _starts, glance=_unfit_node)
