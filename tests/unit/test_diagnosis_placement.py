"""Why Pods are where they should not be, and why they are nowhere."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.placement import HOST, why_elsewhere, why_let_in, why_together, why_wrong_stay
from kindlabs.diagnosis.scheduling import why_not_scheduled
from kindlabs.kube.nodes import fits_terms, selects, taint_of, taint_text, tolerates

RULE, WISH = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
RESERVED, REPAIR = taint_of("team=batch:NoSchedule"), "maintenance:NoExecute"
NVME = {"key": "disk", "operator": "In", "values": ["nvme"]}
TOLERATION = {"key": "team", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}
MINE = {"matchLabels": {"app": "web"}}


def node(name: str, *taints: Any, **labels: str) -> Any:
    """A node, which has its name and its system as labels."""
    own = {HOST: name, "kubernetes.io/os": "linux", **labels}
    return thing("Node", name, labels=own, spec={"taints": list(taints)})


ONE, TWO = node("one", disk="ssd"), node("two", RESERVED, team="batch")


def pod(at: str = "one", **spec: Any) -> Any:
    """Pod ``web-1`` on a node; one without gets the scheduler's word that it has untolerated taints."""
    said = {"type": "PodScheduled", "status": "False" if not at else "True", "reason": "Unschedulable"}
    said["message"] = "0/2 nodes are available: 1 node(s) had untolerated taint(s)."
    said["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    return thing("Pod", "web-1", labels={"app": "web"}, spec={"nodeName": at, **spec}, status={"conditions": [said]})


def near(key: str, strength: str = RULE, kind: str = "podAffinity", app: str = "db") -> Any:
    """The affinity to Pods of *app*, or against them."""
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {kind: {strength: [{"weight": 1, "podAffinityTerm": term} if strength == WISH else term]}}


def said(cause: Cause | None) -> tuple[str, Any]:
    """What a cause says, and of which field."""
    assert cause is not None
    return cause.message, cause.field


@pytest.mark.parametrize(
    ("spec", "says", "field"),
    [
        ({}, "Pod web-1 asks for no node, so that any will do.", ("spec",)),
        (
            {"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}, TOLERATION]},
            "A toleration permits the node; it does not choose it: "
            "Pod web-1 tolerates team=batch:NoSchedule, and asks for no node.",
            ("spec", "tolerations", 1),
        ),
        (
            {"nodeSelector": {"disk": "ssd"}},
            "Pod web-1 asks for a node with disk=ssd, and node one has that too.",
            ("spec", "nodeSelector"),
        ),
        (
            {"affinity": {"nodeAffinity": {WISH: [{}]}}},
            "Pod web-1 only prefers a node: it goes elsewhere when that takes none.",
            ("spec", "affinity", "nodeAffinity", WISH),
        ),
        (
            {"affinity": near("kubernetes.io/os")},
            "Pod web-1 only has to share kubernetes.io/os=linux with Pods of app=db, which every node does.",
            ("spec", "affinity", "podAffinity", RULE, 0, "topologyKey"),
        ),
        (
            {"affinity": near(HOST, WISH)},
            "Pod web-1 only prefers to be near Pods of app=db: it goes elsewhere when their node takes none.",
            ("spec", "affinity", "podAffinity", WISH, 0, "podAffinityTerm"),
        ),
    ],
)
def test_what_lets_a_pod_go_elsewhere(spec: Any, says: str, field: Any) -> None:
    """The rule that does not hold it, or that there is none; a toleration is no choice."""
    assert said(why_elsewhere(scene_with(ONE, TWO), pod(**spec), ["two"])) == (says, field)


def test_a_pod_at_home_needs_no_reason() -> None:
    """Neither one that is where it should be, nor one that has no node yet."""
    assert why_elsewhere(scene_with(ONE, TWO), pod("two"), ["two"]) is None
    assert why_elsewhere(scene_with(ONE, TWO), pod(""), ["two"]) is None


def test_a_manifest_that_names_the_node() -> None:
    """Past the scheduler, whatever the rules beside it say."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"nodeName": "one"}}
    deployment = thing("Deployment", "web", spec={"template": template})
    scene = scene_with(ONE, TWO, applied=[deployment])
    says = "Deployment web names node one itself, past the scheduler."
    assert said(why_elsewhere(scene, pod(), ["two"])) == (says, ("spec", "template", "spec", "nodeName"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "Nothing keeps Pod web-1 from a node that has one of its like."),
        (
            {"affinity": near(HOST, WISH, "podAntiAffinity", "web")},
            "Preferred rules let two Pods with app=web share a node.",
        ),
        (
            {"affinity": near(HOST, RULE, "podAntiAffinity", "webs")},
            "The anti-affinity of Pod web-1 keeps it from Pods with app=webs; it carries app=web.",
        ),
        (
            {"affinity": near("rack", RULE, "podAntiAffinity", "web")},
            "Pod web-1 keeps away from its like by rack, not by kubernetes.io/hostname.",
        ),
        (
            {
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": MINE}
                ]
            },
            "A spread with maxSkew 1 lets one more Pod with app=web share a node.",
        ),
        (
            {
                "topologySpreadConstraints": [
                    {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": MINE}
                ]
            },
            "Preferred rules let two Pods with app=web share a node.",
        ),
    ],
)
def test_what_lets_two_share_a_node(spec: Any, says: str) -> None:
    """A wish, a rule about others, a spread; or nothing."""
    assert said(why_together(scene_with(ONE, TWO), [pod(**spec)], HOST))[0] == says


def test_a_rule_that_keeps_them_apart() -> None:
    """Nobody is to blame then; nor is one that is stricter: Pods in two zones are on two nodes."""
    assert why_together(scene_with(ONE, TWO), [pod(affinity=near(HOST, RULE, "podAntiAffinity", "web"))], HOST) is None
    assert why_together(scene_with(ONE, TWO), [], HOST) is None
    one, two = node("one", zone="a"), node("two", zone="b")
    strict = near("zone", RULE, "podAntiAffinity", "web")
    assert why_together(scene_with(one, two), [pod(affinity=strict), pod("two", affinity=strict)], HOST) is None


def test_who_is_let_in() -> None:
    """The toleration that opens a reserved node."""
    says = "Pod web-1 is on node two, which is kept for others: it tolerates team=batch:NoSchedule."
    found = why_let_in(scene_with(ONE, TWO), pod("two", tolerations=[TOLERATION]))
    assert said(found) == (says, ("spec", "tolerations", 0))


@pytest.mark.parametrize(
    ("toleration", "says"),
    [
        (
            TOLERATION,
            "does not tolerate taint maintenance:NoExecute, so it leaves at once; it tolerates team=batch:NoS",
        ),
        ({"operator": "Exists"}, "for ever: its toleration has no tolerationSeconds."),
        (
            {"key": "maintenance", "operator": "Exists", "tolerationSeconds": 600},
            "for 600 s; 15 to 30 s are asked for.",
        ),
        ({"key": "maintenance", "operator": "Exists", "tolerationSeconds": 20}, None),
    ],
)
def test_how_long_a_pod_stays(toleration: Any, says: str | None) -> None:
    """Not at all, for ever, or for another time than asked for."""
    found = why_wrong_stay(pod(tolerations=[toleration]), REPAIR, 15, 30)
    assert found is None if says is None else (says in said(found)[0])


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"nodeSelector": {"disk": "nvme"}}, "No node has disk=nvme, which Pod web-1 asks for; there is disk=ssd."),
        (
            {"affinity": {"nodeAffinity": {RULE: {"nodeSelectorTerms": [{"matchExpressions": [NVME]}]}}}},
            "No node fits the node affinity of Pod web-1: disk In nvme.",
        ),
        (
            {"nodeSelector": {"team": "batch"}},
            "Taint team=batch:NoSchedule of node two is not tolerated by Pod web-1, which gets no node.",
        ),
        (
            {"nodeSelector": {"team": "batch"}, "tolerations": [TOLERATION | {"value": "web"}]},
            "Taint team=batch:NoSchedule of node two is not tolerated by team=web:NoSchedule of Pod web-1, "
            "which gets no node.",
        ),
    ],
)
def test_why_a_pod_is_nowhere(spec: Any, says: str) -> None:
    """No node has the label, or the one that has it is closed by a taint."""
    assert said(why_not_scheduled(scene_with(ONE, TWO), pod("", **spec)))[0] == says


def test_a_cordon_is_for_a_while() -> None:
    """A check closed the node, and opens it again; its taint goes a moment after. That is nobody's fault."""
    cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    cause = why_not_scheduled(scene_with(node("one", cordon), TWO), pod("", nodeSelector={HOST: "one"}))
    assert cause is not None
    assert not cause.ours
    assert not cause.final


@pytest.mark.parametrize(
    ("toleration", "taint", "fits"),
    [
        ({"operator": "Exists"}, "team=batch:NoSchedule", True),
        ({"operator": "Exists", "effect": "NoExecute"}, "team=batch:NoSchedule", False),
        ({"key": "team", "operator": "Exists"}, "team=batch:NoSchedule", True),
        ({"key": "team", "value": "batch"}, "team=batch:NoExecute", True),
        ({"key": "team", "value": "web"}, "team=batch:NoSchedule", False),
        ({"key": "maintenance"}, "maintenance:NoExecute", True),
        ({"key": "other", "operator": "Exists"}, "maintenance:NoExecute", False),
    ],
)
def test_what_a_toleration_is_for(toleration: Any, taint: str, fits: bool) -> None:
    """Key, value and effect, each of them or any."""
    assert tolerates(toleration, taint_of(taint)) is fits
    assert taint_text(taint_of(taint)) == taint


def test_no_taint() -> None:
    """What kubectl would not take is said to be none."""
    with pytest.raises(ValueError, match="'team=batch' is no taint"):
        taint_of("team=batch")


def test_what_selectors_select() -> None:
    """Labels, and the four operators on them; a node affinity's terms are one of several."""
    labels = {"app": "web", "tier": "front"}
    rules: list[tuple[str, str, list[str], bool]] = [
        ("app", "In", ["web"], True),
        ("app", "NotIn", ["web"], False),
        ("app", "Exists", [], True),
        ("rack", "DoesNotExist", [], True),
        ("rack", "Exists", [], False),
    ]
    for key, operator, values, fits in rules:
        rule = {"key": key, "operator": operator, "values": values}
        assert selects({"matchLabels": {"tier": "front"}, "matchExpressions": [rule]}, labels) is fits
    assert not selects(None, labels)
    wrong, right = ([{"key": "disk", "operator": "In", "values": [value]}] for value in ("hdd", "ssd"))
    assert fits_terms(ONE, [{"matchExpressions": wrong}, {"matchExpressions": right}])
    assert not fits_terms(TWO, [{"matchExpressions": right}])
