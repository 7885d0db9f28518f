"""Where Pods are, and what is done to nodes for a while."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from worlds import thing

from kindlabs.errors import LabError
from kindlabs.expectations import Lab
from kindlabs.kube import nodes
from kindlabs.kube.api import Api, ApiError
from kindlabs.waiting import Unmet
from labs import lab_with

OWN = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
TEAM = {"key": "team", "value": "batch", "effect": "NoSchedule"}


def node(name: str, *taints: Any, **labels: str) -> Any:
    """A node of version 1; nodes have no namespace."""
    made = thing("Node", name, labels=labels, spec={"taints": list(taints)})
    made["metadata"] |= {"resourceVersion": "1", "namespace": ""}
    return made


def pod(name: str, at: str, **more: Any) -> Any:
    """A Pod on a node."""
    return thing("Pod", name, spec={"nodeName": at}, status={"phase": "Running"}, **more)


class NodesApi:
    """An API server that keeps nodes, and refuses the first *conflicts* changes because somebody was quicker."""

    def __init__(self, *kept: Any, conflicts: int = 0) -> None:
        self.kept, self.conflicts = {one["metadata"]["name"]: one for one in kept}, conflicts

    def get(self, _kind: str, name: str, _namespace: str | None = None) -> Any:
        """A node as it is."""
        return copy.deepcopy(self.kept[name])

    def patch(self, _kind: str, name: str, _namespace: str | None, patch: Any) -> Any:
        """Merge a patch into it."""
        if self.conflicts:
            self.conflicts -= 1
            raise ApiError(409, "Conflict", "the object has been modified")
        found = self.kept[name]
        for part in ("metadata", "spec"):
            for key, value in patch.get(part, {}).items():
                found[part][key] = {**found[part].get(key, {}), **value} if isinstance(value, dict) else value
        found["metadata"]["labels"] = {k: v for k, v in found["metadata"]["labels"].items() if v is not None}
        return found


def lab_of(*kept: Any, **more: Any) -> Lab:
    """A lab that sees these objects, and may change the nodes among them."""
    lab = lab_with(*kept)
    lab.api = cast("Api", NodesApi(*(one for one in kept if one["kind"] == "Node"), **more))
    lab.breaks = ("nodes-take-pods",)
    return lab


def test_nodes_are_changed_only_where_the_lab_says_so() -> None:
    """Whoever puts them back after a run that was killed learns of it from lab.yaml alone."""
    one = node("one")
    lab = lab_of(one)
    lab.breaks = ()
    with pytest.raises(LabError, match=r"`breaks: \[nodes-take-pods\]`"), lab.nodes().cordoned():
        pass
    assert "unschedulable" not in one["spec"]


def test_a_cordon_lasts_for_the_block() -> None:
    """Nothing but these nodes is closed, and they are open again whatever happens in between."""
    one, two = node("one", disk="ssd"), node("two")
    lab = lab_of(one, two)
    closed = lab.nodes(disk="ssd").cordoned()
    closed.__enter__()
    assert one["spec"]["unschedulable"] is True
    assert "unschedulable" not in two["spec"]
    error = KeyError()
    assert not closed.__exit__(KeyError, error, None)
    assert one["spec"]["unschedulable"] is None


def test_a_taint_goes_and_others_stay() -> None:
    """Also one that Kubernetes set in between."""
    one = node("one", TEAM)
    lab = lab_of(one)
    with lab.nodes().tainted("maintenance:NoExecute"):
        assert one["spec"]["taints"] == [TEAM, {"key": "maintenance", "effect": "NoExecute"}]
        one["spec"]["taints"].append(OWN)
    assert one["spec"]["taints"] == [TEAM, OWN]


def test_nodes_are_opened_for_the_block() -> None:
    """What people gave them goes and comes back; what ails them, and the control plane's own, stays."""
    control = {"key": nodes.CONTROL_PLANE, "effect": "NoSchedule"}
    one, two = node("one", TEAM, OWN), node("two", control)
    with lab_of(one, two).nodes().opened():
        assert one["spec"]["taints"] == [OWN]
        assert two["spec"]["taints"] == [control]
    assert one["spec"]["taints"] == [TEAM, OWN]
    assert two["spec"]["taints"] == [control]


def test_labels_are_lent() -> None:
    """One that was there has its value again, one that was not is gone; the nodes are those of before."""
    one, two = node("one", disk="ssd"), node("two", disk="hdd", team="batch")
    lab = lab_of(one, two)
    with lab.nodes(team="batch").labelled(disk="ssd", rack="7"):
        assert lab.nodes(disk="ssd").names == ["one", "two"]
    assert two["metadata"]["labels"] == {"disk": "hdd", "team": "batch"}
    assert lab.nodes(disk="ssd").others.names == ["two"]


def test_a_change_is_tried_again() -> None:
    """A node into which somebody wrote at the same time is read again; not for ever."""
    one = node("one")
    api = cast("Api", NodesApi(one, conflicts=nodes.ATTEMPTS - 1))
    nodes.change(api, "one", lambda _: {"spec": {"unschedulable": True}})
    assert one["spec"]["unschedulable"] is True
    with pytest.raises(ApiError, match="modified"):
        nodes.change(cast("Api", NodesApi(one, conflicts=nodes.ATTEMPTS)), "one", lambda _: {})


def test_nodes_that_there_are_not() -> None:
    """A validator's slip."""
    with pytest.raises(LabError, match="no node has disk=nvme"):
        lab_of(node("one")).nodes(disk="nvme")


def test_a_pod_is_where_it_should_be() -> None:
    """On a node with these labels, on one of these nodes; else the Pod is told."""
    lab = lab_of(node("one", disk="ssd"), node("two"), pod("db", "one"), pod("web", "two"))
    lab.pod("db").is_on(disk="ssd")
    lab.pod("db").is_on(lab.nodes(disk="ssd"))
    with pytest.raises(Unmet) as unmet:
        lab.pod("web").is_on(disk="ssd")
    assert unmet.value.cause is not None
    assert unmet.value.cause.message == "Pod web asks for no node, so that any will do."


def test_a_node_holds_only_some() -> None:
    """Others on it are told; those that are going, and those of other nodes, are none."""
    going = pod("old", "two")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    lab = lab_of(node("one"), node("two", TEAM, team="batch"), pod("batch", "two"), pod("web", "one"), going)
    lab.nodes(team="batch").hold_only(lab.pod("batch"))
    with pytest.raises(Unmet, match="there is batch"):
        lab.nodes(team="batch").hold_only(lab.pod("web"))
