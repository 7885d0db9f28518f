"""What a lab lets its learner do: roles in its namespaces, cluster-wide objects by name, and limits for all that runs.

What holds for learners of every lab stands in ``clusters/addons/probe/learners.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from kindlabs.errors import LabError
from kindlabs.kube.api import Api, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.discovery import Resource
from kindlabs.kube.ownership import LAB, is_labs, signed
from kindlabs.perimeter import Rights, Space, Thing

NAME = "kind-labs-learner"
"""Roles, bindings and limits of ours; the field manager of submissions has the same name, and nothing to do with it."""
QUOTA = "kind-labs"
"""What limits how many objects a namespace holds, and how large they are."""
RBAC = "rbac.authorization.k8s.io"
MARKED = "kind-labs/cluster-wide"
"""Annotation of the ClusterRole: the cluster-wide objects that the lab grants or brings, as a JSON list of texts."""
READ, CHANGE = ["get", "list", "watch"], ["update", "patch", "delete"]

COUNTS = {
    "pods": "50",
    "services": "30",
    "persistentvolumeclaims": "20",
    "requests.storage": "5Gi",
    "count/configmaps": "100",
    "count/secrets": "100",
    "count/jobs.batch": "50",
    "count/deployments.apps": "30",
    "count/replicasets.apps": "100",
}
"""What one namespace may hold: several times what a lab asks for, and less than a node of 110 Pods.

Counts alone: a quota of processor or memory, or a LimitRange's maximum for them, would refuse each Pod that names none,
or give it limits, and so another class of service than its manifest says. How many processes a Pod may have is in
``clusters/kubeadm.yaml``."""
VOLUME = "1Gi"
"""The largest claim."""


def in_namespace(lab: str, space: Space, rights: Rights) -> list[Object]:
    """The roles, bindings and limits of one namespace."""
    rules = [_bound("Role", f"{NAME}-rules")] if rights.rules else []
    made: list[Object] = [
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": NAME},
            **_bound("ClusterRole", "admin"),
        },
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": QUOTA}, "spec": {"hard": COUNTS}},
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": QUOTA},
            "spec": {"limits": [{"type": "PersistentVolumeClaim", "max": {"storage": VOLUME}}]},
        },
    ]
    for bound in rules:
        head = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": f"{NAME}-rules"}}
        made += [head | {"kind": "Role", "rules": list(rights.rules)}, head | {"kind": "RoleBinding"} | bound]
    own = {"namespace": space.name, "labels": {LAB: lab}}
    return [signed(thing | {"metadata": thing["metadata"] | own}) for thing in made]


def in_cluster(api: Api, lab: str, rights: Rights, brought: Iterable[Thing]) -> list[Object]:
    """The ClusterRole and its binding by which the learner has what is granted; none where nothing is.

    Args:
        brought: cluster-wide objects of the lab's own, remembered beside.

    Raises: LabError for a kind that the cluster does not serve, or that is not cluster-wide.
    """
    brought = list(brought)
    if not rights.cluster and not brought:
        return []
    marked = json.dumps(sorted(f"{thing.kind}/{thing.name}" for thing in {*rights.cluster, *brought}))
    meta = {"name": NAME, "labels": {LAB: lab}, "annotations": {MARKED: marked}}
    rules = [rule for thing in rights.cluster for rule in _rules(_cluster_wide(api, thing), thing.name)]
    head = {"apiVersion": f"{RBAC}/v1", "metadata": meta}
    return [
        head | {"kind": "ClusterRole", "rules": rules},
        head | {"kind": "ClusterRoleBinding"} | _bound("ClusterRole", NAME),
    ]


def is_of_rights(thing: Object) -> bool:
    """Whether an object of a lab's namespace is one of those above."""
    return is_labs(thing) and str(thing["metadata"]["name"]).startswith("kind-labs")


def marked(role: Object | None) -> list[Thing]:
    """The cluster-wide objects that stand on such a ClusterRole."""
    text = ((role or {}).get("metadata", {}).get("annotations") or {}).get(MARKED, "[]")
    return [Thing.read(said) for said in json.loads(text)]


def _cluster_wide(api: Api, thing: Thing) -> Resource:
    resource = api.resource(thing.kind) or api.resource(thing.kind, refresh=True)
    if resource is None or resource.namespaced:
        why = "is not cluster-wide" if resource else "is no kind of this cluster"
        raise LabError(f"lab.yaml grants {thing.kind}/{thing.name}: {thing.kind} {why}.", "Write Kind.group/name")
    return resource


def _rules(resource: Resource, name: str) -> list[Object]:
    """Making cannot be limited by name; the admission policy does that."""
    kind = {"apiGroups": [resource.group], "resources": [resource.plural]}
    return [kind | {"verbs": [*READ, "create"]}, kind | {"verbs": CHANGE, "resourceNames": [name]}]


def _bound(kind: str, name: str) -> Object:
    return {
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": LEARNER.user}],
    }
