"""What a lab is promised, and what proofs say of what they see; that they tell right, a cluster shows."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from worlds import Words

from kindlabs.addons.addon import promises_of_module
from kindlabs.errors import LabError
from kindlabs.kube.api import Api, Object
from kindlabs.perimeter import NodeSetup
from kindlabs.promises import nodes
from kindlabs.promises.catalog import OF_EVERY_CLUSTER, OF_SOME, kinds_in, promised
from kindlabs.promises.pods import PODS_START
from kindlabs.promises.trial import PROCESS, Trial

BASE = ["admission-answers", "rights-hold", "nodes-take-pods", "pods-start", "services-answer", "names-resolve"]


def names(*manifests: Object, addons: tuple[str, ...] = (), breaks: tuple[str, ...] = ()) -> list[str]:
    """The names of what a lab with these objects is promised."""
    of_addons = [promise for addon in addons for promise in promises_of_module(addon)]
    return [promise.name for promise in promised(kinds_in(manifests), of_addons, breaks)]


def test_a_lab_is_promised_what_its_objects_need() -> None:
    """Every lab gets the base; a CronJob asks for Jobs that end too, and nothing of add-ons that the lab has not."""
    assert names({"kind": "Pod"}) == BASE
    assert names({"kind": "CronJob"}) == [*BASE, "jobs-end", "cronjobs-fire"]
    assert names({"kind": "Ingress"}, addons=("ingress",)) == [*BASE, "ingress-routes"]


@pytest.mark.parametrize(
    "spec",
    [
        {"volumeClaimTemplates": [{}]},
        {"template": {"spec": {"volumes": [{"name": "a", "ephemeral": {"volumeClaimTemplate": {}}}]}}},
    ],
)
def test_claims_that_come_along_count(spec: Object) -> None:
    """A StatefulSet or a Pod that brings its claims needs a provisioner as well as one that names them."""
    assert "PersistentVolumeClaim" in kinds_in([{"kind": "StatefulSet", "spec": spec}])


def test_what_a_lab_breaks_is_not_promised_to_it() -> None:
    """The names in breaks are taken out; one that nobody promises is the lab's mistake, told with the nearest."""
    assert names({"kind": "Pod"}, breaks=("nodes-take-pods",)) == [name for name in BASE if name != "nodes-take-pods"]
    with pytest.raises(LabError, match=r"'node-takes-pods', which no cluster promises\. Did you mean nodes"):
        names(breaks=("node-takes-pods",))


def test_every_promise_has_its_own_name() -> None:
    """Names are unique, and each sentence is one."""
    every = [*OF_EVERY_CLUSTER, *OF_SOME, *promises_of_module("ingress"), *promises_of_module("cert-manager")]
    assert len({promise.name for promise in every}) == len(every) == 15
    assert all(promise.sentence.endswith(".") for promise in every)


class OnePod:
    """An API that keeps what is applied, and shows *status* and *spec* of the one Pod."""

    def __init__(self, status: Object, **spec: str) -> None:
        self.status, self.spec, self.applied = status, spec, 0

    def apply(self, manifest: Object, **_: object) -> Object:
        """Count it."""
        self.applied += 1
        return manifest

    def get(self, kind: str, name: str, _namespace: str) -> Object:
        """The Pod, or the probe that its container is like."""
        container = {"image": "agnhost:1", "resources": {"requests": {"cpu": "10m"}}}
        template = {"spec": {"template": {"spec": {"containers": [container]}}}}
        return (
            template if kind == "Deployment" else {"metadata": {"name": name}, "spec": self.spec, "status": self.status}
        )


@pytest.mark.parametrize(
    ("status", "spec", "said"),
    [
        ({"conditions": [{"type": "PodScheduled", "message": "1 node(s) were cordoned."}]}, {}, "node: 1 node(s) were"),
        ({}, {}, "gets no node: the scheduler says nothing"),
        ({"phase": "Pending"}, {"nodeName": "worker"}, "on node worker does not start: it is Pending"),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            {"nodeName": "worker"},
            "does not start: ImagePullBackOff",
        ),
    ],
)
def test_a_pod_that_does_not_start_says_how_far_it_came(status: Object, spec: dict[str, str], said: str) -> None:
    """No node, no start, no way to it."""
    assert said in (PODS_START.proof(Trial(cast("Api", OnePod(status, **spec)), {}, "test")) or "")


def test_a_full_cluster_holds_up_nothing(words: Words) -> None:
    """That there are too many Pods is the submission's doing."""
    api = OnePod({"conditions": [{"type": "PodScheduled", "message": words["scheduler"]["full"]}]})
    assert PODS_START.proof(Trial(cast("Api", api), {}, "test")) is None


def test_a_trial_sends_each_object_once() -> None:
    """Proofs look again and again, and share their Pod; it carries the mark of this process, and asks for no room."""
    api = OnePod({})
    attempt = Trial(cast("Api", api), {}, "test")
    for _ in range(2):
        PODS_START.proof(attempt)
    sent = attempt.send({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": attempt.name}})
    assert api.applied == 1
    assert sent["metadata"]["labels"]["kind-labs/trial"] == PROCESS
    assert "resources" not in sent["spec"]["containers"][0]


def test_nodes_are_as_they_were_made() -> None:
    """Taints, a cordon and labels of a lab go, labels that it changed are as before; what ails a node stays said."""
    made = {"labels": {"disk": "ssd"}, "taints": [{"key": "node-role.kubernetes.io/control-plane"}]}
    sick, cordon = {"key": "node.kubernetes.io/disk-pressure"}, {"key": "node.kubernetes.io/unschedulable"}
    node = {
        "metadata": {
            "name": "worker",
            "labels": {"disk": "hdd", "tier": "gold"},
            "annotations": {nodes.MADE: json.dumps(made)},
        },
        "spec": {"unschedulable": True, "taints": [*made["taints"], {"key": "tier"}, sick, cordon]},
    }
    patches: list[Any] = []
    api = SimpleNamespace(list=lambda _: [node], patch=lambda *sent: patches.append(sent))
    nodes.restore(cast("Api", api))
    ((_, name, _, patch),) = patches
    assert name == "worker"
    assert patch["metadata"]["labels"] == {"disk": "ssd", "tier": None}
    assert patch["spec"] == {"unschedulable": None, "taints": [*made["taints"], sick]}


def test_nodes_are_as_a_lab_sets_them_up() -> None:
    """What it adds stands beside what they were made with; nodes that there are not are told."""
    made = {"labels": {"zone": "b"}, "taints": []}
    node = {
        "metadata": {"name": "two", "labels": {"zone": "b", "old": "1"}, "annotations": {nodes.MADE: json.dumps(made)}},
        "spec": {},
    }
    patches: list[Any] = []
    api = cast("Api", SimpleNamespace(list=lambda _: [node], patch=lambda *sent: patches.append(sent)))
    nodes.arrange(api, [NodeSetup({"zone": "b"}, {"team": "batch"}, ("team=batch:NoSchedule",))])
    ((_, name, _, patch),) = patches
    assert name == "two"
    assert patch["metadata"]["labels"] == {"zone": "b", "old": None, "team": "batch"}
    assert patch["spec"]["taints"] == [{"key": "team", "value": "batch", "effect": "NoSchedule"}]
    with pytest.raises(LabError, match="no node has them"):
        nodes.arrange(api, [NodeSetup({"zone": "c"})])
