"""The walk through NetworkPolicies: what keeps a Pod out, and what lets it in, in one sentence each."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.connections import why_not_reached, why_not_resolved, why_reached
from kindlabs.diagnosis.policies import Way, why_kept_out, why_let_through
from kindlabs.kube.selectors import selector_text, selects

HERE, THERE = "lab-02", "lab-02-ops"
ADDRESS = {"front": "10.244.0.2", "api": "10.244.0.3", "monitor": "10.244.0.4", "dns": "10.244.0.5"}
OPS = {"namespaceSelector": {"matchLabels": {"team": "ops"}}}
MONITOR = {"podSelector": {"matchLabels": {"app": "monitor"}}}
FRONT = {"podSelector": {"matchLabels": {"app": "front"}}}
API = {"podSelector": {"matchLabels": {"app": "api"}}}


def pod(name: str, namespace: str = HERE, **labels: str) -> Any:
    """A Pod that runs, with a port of its own by name."""
    container = {"name": "app", "ports": [{"name": "web", "containerPort": 8080}]}
    made = thing("Pod", name, labels=labels or {"app": name}, spec={"containers": [container]})
    made["metadata"]["namespace"] = namespace
    made["status"] = {"podIP": ADDRESS[name], "conditions": [{"type": "Ready", "status": "True"}]}
    return made


def space(name: str, **labels: str) -> Any:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def policy(name: str, pods: Any, types: str, **rules: Any) -> Any:
    """A policy of namespace HERE."""
    spec = {"podSelector": pods, "policyTypes": types.split(), **rules}
    return thing("NetworkPolicy", name, spec=spec) | {"apiVersion": "networking.k8s.io/v1"}


FRONT_POD, API_POD = pod("front"), pod("api")
MONITOR_POD, DNS_POD = pod("monitor", THERE), pod("dns", "kube-system", **{"k8s-app": "kube-dns"})
SERVICE = thing("Service", "api", spec={"selector": {"app": "api"}, "ports": [{"port": 80, "targetPort": "web"}]})
SERVICE["spec"]["clusterIP"] = "10.96.0.9"
ALL = (FRONT_POD, API_POD, MONITOR_POD, DNS_POD, SERVICE, space(HERE), space(THERE, team="ops"), space("kube-system"))
DENY = policy("deny", {}, "Ingress")
IN = {"matchLabels": {"app": "api"}}


def api_in(*peers: Any, ports: Any = 8080, **more: Any) -> Any:
    """Policy api-in, which lets *peers* in."""
    rule = {"from": list(peers), "ports": [{"port": ports, **more}]}
    return policy("api-in", IN, "Ingress", ingress=[rule])


KEPT_OUT = {
    "another port": ([DENY, api_in(FRONT, ports=80)], "NetworkPolicy api-in opens port 80; Pod api listens on 8080."),
    "another protocol": (
        [api_in(FRONT, protocol="UDP")],
        "NetworkPolicy api-in opens UDP port 8080; Pod api listens on 8080.",
    ),
    "a range beside": (
        [api_in(FRONT, ports=8081, endPort=8090)],
        "NetworkPolicy api-in opens port 8081 to 8090; Pod api listens on 8080.",
    ),
    "selects nobody": (
        [DENY, policy("api-in", {"matchLabels": {"app": "apis"}}, "Ingress", ingress=[{"from": [FRONT]}])],
        "NetworkPolicy api-in selects app=apis; no Pod has it.",
    ),
    "names nobody": (
        [api_in({"podSelector": {"matchLabels": {"app": "frontend"}}})],
        "NetworkPolicy api-in names Pods with app=frontend; no Pod of lab-02 has it.",
    ),
    "names no namespace": (
        [api_in({"namespaceSelector": {"matchLabels": {"team": "opps"}}} | MONITOR)],
        "NetworkPolicy api-in names namespaces with team=opps; no namespace has it.",
    ),
    "only denies": ([DENY], "No rule of NetworkPolicy deny lets traffic from Pod front to Pod api on port 8080."),
    "may not leave": (
        [policy("front-out", FRONT["podSelector"], "Egress", egress=[{"to": [MONITOR | OPS]}])],
        "No rule of NetworkPolicy front-out lets traffic from Pod front to Pod api on port 8080.",
    ),
}
LETS_IN = {
    "no policy": ([], "front reaches api: no policy selects Pod api."),
    "a policy of others": (
        [policy("f", FRONT["podSelector"], "Ingress")],
        "front reaches api: no policy selects Pod api.",
    ),
    "selects nobody": (
        [policy("api-in", {"matchLabels": {"app": "apis"}}, "Ingress")],
        "NetworkPolicy api-in selects app=apis; no Pod has it.",
    ),
    "an empty from": (
        [DENY, api_in()],
        "NetworkPolicy api-in has a rule whose `from` is empty or missing: everybody may enter.",
    ),
    "no from": (
        [DENY, policy("api-in", IN, "Ingress", ingress=[{}])],
        "NetworkPolicy api-in has a rule whose `from` is empty or missing: everybody may enter.",
    ),
    "names it too": (
        [DENY, api_in({"podSelector": {}})],
        "NetworkPolicy api-in names Pod front of lab-02 too: podSelector everything.",
    ),
    "an address block": (
        [DENY, api_in({"ipBlock": {"cidr": "10.244.0.0/16", "except": ["10.244.0.4/32"]}})],
        "NetworkPolicy api-in names Pod front of lab-02 too: ipBlock 10.244.0.0/16.",
    ),
    "egress without its type": (
        [
            policy("front", FRONT["podSelector"], "Ingress", egress=[]),
            policy("api", IN, "Ingress", ingress=[{"from": [FRONT]}]),
        ],
        "No policy limits egress of Pod front: NetworkPolicy front has egress rules, "
        "but its policyTypes are Ingress alone.",
    ),
}


@pytest.mark.parametrize("case", KEPT_OUT)
def test_what_keeps_out(case: str) -> None:
    """Each policy that closes a way is named with the values that do not fit, and lets nobody through."""
    policies, says = KEPT_OUT[case]
    scene, way = scene_with(*ALL, *policies), Way(FRONT_POD, API_POD, 8080)
    cause = why_kept_out(scene, way)
    assert cause is not None
    assert cause.message == says
    assert why_let_through(scene, way) is None


@pytest.mark.parametrize("case", LETS_IN)
def test_what_lets_in(case: str) -> None:
    """What opens a way that should be closed is named, and keeps nobody out."""
    policies, says = LETS_IN[case]
    scene, way = scene_with(*ALL, *policies), Way(FRONT_POD, API_POD, 8080)
    cause = why_let_through(scene, way)
    assert cause is not None
    assert cause.message == says
    assert why_kept_out(scene, way) is None


@pytest.mark.parametrize("port", ["web", 8080, None])
def test_both_selectors_in_one_item(port: Any) -> None:
    """One item with two selectors lets in who fits both, on a port by number, by name, or on any."""
    scene = scene_with(*ALL, DENY, api_in(OPS | MONITOR, ports=port))
    assert why_kept_out(scene, Way(MONITOR_POD, API_POD, 8080)) is None
    assert why_kept_out(scene, Way(FRONT_POD, API_POD, 8080)) is not None


def test_two_items_mean_or() -> None:
    """Two items with a selector each let in whoever fits either, which is told as one dash too many."""
    other = pod("monitor", THERE, app="batch")
    scene = scene_with(*ALL, DENY, api_in(FRONT, OPS, MONITOR))
    cause = why_let_through(scene, Way(other, API_POD, 8080))
    assert cause is not None
    assert cause.message == (
        "Two list items mean OR: any Pod of lab-02-ops, or any Pod with app=monitor here, may enter."
    )


def test_own_namespace() -> None:
    """A podSelector alone looks at home; a Pod elsewhere that carries the labels is told so."""
    cause = why_kept_out(scene_with(*ALL, api_in(MONITOR)), Way(MONITOR_POD, API_POD, 8080))
    assert cause is not None
    assert "of lab-02 alone, as it says no namespaceSelector beside; Pod monitor is in lab-02-ops." in cause.message


def test_the_side_without_policies_is_not_blamed() -> None:
    """Where only the namespace of the source has policies, its egress is what is missing."""
    cause = why_let_through(scene_with(*ALL, DENY), Way(FRONT_POD, MONITOR_POD, 8080))
    assert cause is not None
    assert cause.message == "front reaches monitor: no policy limits egress of Pod front."


def test_names() -> None:
    """Closed egress to the DNS servers is told as names that do not resolve; open egress is not."""
    out = policy("front", FRONT["podSelector"], "Egress", egress=[{"to": [API], "ports": [{"port": 8080}]}])
    cause = why_not_resolved(scene_with(*ALL, out), FRONT_POD)
    assert cause is not None
    assert cause.message == "Egress to kube-dns port 53 is closed, so no name resolves."
    to_dns = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}
    assert why_not_resolved(scene_with(*ALL, policy("front", {}, "Egress", egress=[to_dns])), FRONT_POD) is None


@pytest.mark.parametrize("host", ["api", "api.lab-02.svc.cluster.local", "10.96.0.9"])
def test_services_lead_to_the_port_of_the_pods(host: str) -> None:
    """A Service is known by name and by address, and policies see the port on which its Pods listen."""
    scene = scene_with(*ALL, api_in(FRONT, ports=80))
    cause = why_not_reached(scene, FRONT_POD, f"http://{host}/")
    assert cause is not None
    assert cause.message == "NetworkPolicy api-in opens port 80; Pod api listens on 8080."
    assert why_reached(scene_with(*ALL), FRONT_POD, f"http://{host}/") is not None


@pytest.mark.parametrize(
    ("expression", "text", "fits"),
    [
        ({"operator": "In", "values": ["a", "c"]}, "app in (a, c)", ["a"]),
        ({"operator": "NotIn", "values": ["a"]}, "app notin (a)", ["b", None]),
        ({"operator": "Exists"}, "app", ["a", "b"]),
        ({"operator": "DoesNotExist"}, "!app", [None]),
    ],
)
def test_expressions(expression: Any, text: str, fits: list[Any]) -> None:
    """Each operator selects what the API says, a missing label included, and is written as kubectl does."""
    selector = {"matchExpressions": [{"key": "app", **expression}]}
    assert [v for v in ("a", "b", None) if selects(selector, {"app": v} if v else {})] == fits
    assert selector_text(selector) == text
