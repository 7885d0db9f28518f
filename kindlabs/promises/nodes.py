"""Nodes that take Pods: open to whoever asks for nothing special."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kindlabs.errors import LabError
from kindlabs.kube.api import Api, Object
from kindlabs.kube.nodes import CONTROL_PLANE, OWN, is_own, taint_of
from kindlabs.kube.objects import labels_text
from kindlabs.kube.world import has_labels
from kindlabs.perimeter import NodeSetup
from kindlabs.promises.pods import trial_pod, unplaced
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

CLOSES = ("NoSchedule", "NoExecute")
MADE = "kind-labs/made"
"""The annotation that remembers a node's labels and taints as they were made."""


def _gets_node(trial: Trial) -> str | None:
    return unplaced(trial.now(trial.send(trial_pod(trial))))


def _closed(sight: Sight) -> str | None:
    """A node that somebody closed to new Pods."""
    for node in sight.list("/api/v1/nodes"):
        name, spec = node["metadata"]["name"], node["spec"]
        if spec.get("unschedulable"):
            return f"node {name} takes no new Pods: it is cordoned"
        taints = [t["key"] for t in spec.get("taints") or [] if t["key"] != CONTROL_PLANE and t["effect"] in CLOSES]
        if taints:
            return f"node {name} takes no new Pods: it is tainted {', '.join(taints)}"
    return None


def remember(api: Api) -> None:
    """Note on each node of a new cluster how it was made, for whoever restores it."""
    for node in api.list("Node"):
        made = {"labels": node["metadata"].get("labels", {}), "taints": _lasting(node)}
        _patch(api, node, {"metadata": {"annotations": {MADE: json.dumps(made, sort_keys=True)}}})


def restore(api: Api) -> None:
    """Open all nodes, and give them the labels and taints that they were made with; Kubernetes' own stay."""
    arrange(api, ())


def arrange(api: Api, wanted: Sequence[NodeSetup]) -> None:
    """The same, with what a lab has done to its nodes beside: in one step, so that no Pod slips in between.

    Raises: LabError when no node carries the labels that it names.
    """
    nodes = api.list("Node")
    for each in wanted:
        if not any(has_labels(node, each.selector) for node in nodes):
            raise LabError(f"lab.yaml sets up nodes with {labels_text(each.selector)}; no node has them.")
    for node in nodes:
        fitting = [each for each in wanted if has_labels(node, each.selector)]
        labels = node["metadata"].get("labels", {})
        noted = (node["metadata"].get("annotations") or {}).get(MADE)
        made = json.loads(noted) if noted else {"labels": labels, "taints": []}
        own = [taint for taint in node["spec"].get("taints") or [] if is_own(taint)]
        given = {key: value for each in fitting for key, value in each.labels.items()}
        taints = [*made["taints"], *(taint_of(text) for each in fitting for text in each.taints), *own]
        lasting = {**dict.fromkeys(labels), **made["labels"], **given}  # null takes a label away
        _patch(
            api,
            node,
            {
                "metadata": {"labels": lasting},
                "spec": {"unschedulable": None, "taints": taints or None},
            },
        )


def _lasting(node: Object) -> list[Object]:
    """The taints that a node was made with; Kubernetes' own come and go."""
    return [taint for taint in node["spec"].get("taints") or [] if not taint["key"].startswith(OWN)]


def _patch(api: Api, node: Object, patch: Object) -> None:
    api.patch("Node", node["metadata"]["name"], None, patch)


NODES_TAKE_PODS = Promise(
    "nodes-take-pods", "A Pod that asks for nothing gets a node.", _gets_node, glance=_closed, restore=restore
)
