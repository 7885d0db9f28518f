"""Claims that bind: the provisioner of volumes, and the controller that gives them away."""

from __future__ import annotations

from kindlabs.kube.objects import dig
from kindlabs.kube.probing import own
from kindlabs.promises.pods import full, pod_spec, unplaced
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import OBJECT, Trial

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def _binds(trial: Trial) -> str | None:
    """A claim on the default class, which waits for a Pod."""
    name = trial.named("claim")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claim = trial.now(trial.send(own("v1", "PersistentVolumeClaim", name, spec)))
    volume = {"name": "claim", "persistentVolumeClaim": {"claimName": name}}
    user = own("v1", "Pod", name, pod_spec(trial, "pause", volumes=[volume]), labels={OBJECT: name})
    pod = trial.now(trial.send(user))
    if dig(claim, "status", "phase") == "Bound" or full(pod):
        return None
    return f"PersistentVolumeClaim {name} of our own does not bind; {unplaced(pod) or 'its Pod has a node'}"


def _no_default_class(sight: Sight) -> str | None:
    classes = sight.list("/apis/storage.k8s.io/v1/storageclasses")
    marks = [(found["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) for found in classes]
    return None if "true" in marks else "no StorageClass is the default"


CLAIMS_BIND = Promise(
    "claims-bind",
    "A claim gets a volume.",
    _binds,
    kinds=("PersistentVolumeClaim", "PersistentVolume", "StorageClass"),
    glance=_no_default_class,
)
