"""Where a Service leads, and who decides how many Pods there are."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.services import (
    why_always_the_same,
    why_no_endpoints,
    why_service_does_not_answer,
    why_strangers,
)
from kindlabs.diagnosis.workloads import why_replicas_not_ready

LABELS = {"app": "web"}
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def service(**spec: Any) -> Any:
    """Service ``web`` with selector ``app=web``."""
    return thing("Service", "web", spec={"selector": LABELS, "ports": [{"port": 80}]} | spec)


def pod(name: str, **more: Any) -> Any:
    """A Ready Pod that Service ``web`` selects."""
    return thing("Pod", name, labels=LABELS, spec={"containers": []}, status=READY, **more)


def test_a_stranger_behind_the_service_is_named() -> None:
    """A Pod of nobody that the selector finds too is a final cause, and is named."""
    cause = why_strangers(scene_with(service(), pod("web-1"), pod("stray")), "web", "lab-02", [pod("web-1")])

    assert cause is not None
    assert cause.final
    assert "reach Pod stray, which is not meant" in cause.message


def test_a_stranger_without_owner_is_on_its_way_out() -> None:
    """A Pod whose ReplicaSet is there and whose Deployment was deleted a moment ago is held against nobody."""
    above = thing("ReplicaSet", "old", owner=("Deployment", "old"))
    leaving = pod("old-1", owner=("ReplicaSet", "old"))

    assert why_strangers(scene_with(service(), above, leaving), "web", "lab-02", [pod("web-1")]) is None
    staying = scene_with(service(), above, leaving, thing("Deployment", "old"))
    assert why_strangers(staying, "web", "lab-02", [pod("web-1")]) is not None


def test_session_affinity_is_no_matter_of_endpoints() -> None:
    """A Service that keeps callers at one Pod leads to the right Pods all the same."""
    scene = scene_with(service(sessionAffinity="ClientIP"), pod("web-1"), pod("web-2"))
    own = [pod("web-1"), pod("web-2")]

    assert why_strangers(scene, "web", "lab-02", own) is None
    cause = why_always_the_same(scene, "web", "lab-02", own)
    assert cause is not None
    assert cause.reason == "SessionAffinity"


def test_an_external_name_has_no_endpoints() -> None:
    """A Service of type ExternalName is told so before its selector is looked at."""
    scene = scene_with(service(type="ExternalName", externalName="example.org"), pod("web-1"))
    cause = why_no_endpoints(scene, "web", "lab-02")

    assert cause is not None
    assert "its name leads to example.org, to no Pod" in cause.message


@pytest.mark.parametrize(
    ("ports", "declared", "says"),
    [
        (None, {}, "Service web opens no port."),
        ([{"port": 81}], {}, "Service web opens port 81, not 80."),
        ([{"port": 80, "protocol": "UDP"}], {}, "Service web opens UDP port 80; callers use TCP."),
        (
            [{"port": 80, "targetPort": "http"}],
            {"name": "http", "containerPort": 8080, "protocol": "UDP"},
            "Service web sends to the TCP port named http; the Pods name http (UDP).",
        ),
        (
            [{"port": 80, "targetPort": "web"}],
            {"name": "http", "containerPort": 8080},
            "Service web sends to the TCP port named web; the Pods name http.",
        ),
    ],
    ids=["none", "number", "protocol", "named-udp", "unnamed"],
)
def test_a_port_that_leads_nowhere_is_named(ports: Any, declared: Any, says: str) -> None:
    """No port (as a headless Service may have), another one, another protocol, a name that no TCP port has."""
    headless = service(clusterIP="None")
    headless["spec"].pop("ports")
    running = pod("web-1")
    running["spec"]["containers"] = [{"name": "app", "ports": [declared] if declared else []}]
    found = scene_with(service(ports=ports) if ports else headless, running)
    cause = why_service_does_not_answer(found, "web", "lab-02", 80)

    assert cause is not None
    assert cause.message == says
    assert cause.final


@pytest.mark.parametrize(
    ("least", "most", "field"), [(4, 9, "minReplicas"), (1, 2, "maxReplicas"), (3, 3, ""), (1, 9, "")]
)
def test_an_autoscaler_that_decides_otherwise_is_named(least: int, most: int, field: str) -> None:
    """An autoscaler whose span leaves the number out is the cause, before it has acted; another one is not."""
    target = {"kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    web = thing("Deployment", "web", spec={"replicas": 3, "template": {}})
    scene = scene_with(web, thing("HorizontalPodAutoscaler", "scaler", spec=spec))
    cause = why_replicas_not_ready(scene, "Deployment", "web", "lab-02", 3)

    assert (cause.field[-1] if cause else "") == field
    assert cause is None or cause.message.startswith("HorizontalPodAutoscaler scaler keeps Deployment web at ")


def by_hand(*addresses: str, port: Any = None, **more: Any) -> Any:
    """EndpointSlice ``mine`` of Service ``web``, as somebody writes it."""
    ports = [port or {"port": 8080}]
    endpoints = [{"addresses": [address]} | more for address in addresses]
    labels = {"kubernetes.io/service-name": "web"}
    return thing("EndpointSlice", "mine", labels=labels, addressType="IPv4", ports=ports, endpoints=endpoints)


def placed(name: str, address: str) -> Any:
    """A Ready Pod with an address."""
    return pod(name) | {"status": READY | ({"podIP": address} if address else {})}


NOT_KEPT = "EndpointSlice mine, which no controller keeps, "


@pytest.mark.parametrize("selector", [None, LABELS])
@pytest.mark.parametrize(
    ("piece", "says", "field"),
    [
        (
            by_hand("10.244.0.7", "10.0.0.9"),
            "sends Service web to 10.0.0.9, which is no Pod of lab-02; a selector would follow Pods.",
            ("endpoints", 1),
        ),
        (by_hand("10.244.0.7", conditions={"ready": False}), "says that 10.244.0.7 is not ready.", ("endpoints", 0)),
    ],
    ids=["no-pod", "not-ready"],
)
def test_an_endpointslice_by_hand_is_told(selector: Any, piece: Any, says: str, field: Any) -> None:
    """What no controller keeps leads to no Pod, or to one that nobody may ask, beside a selector too."""
    scene = scene_with(service(selector=selector), piece, placed("web-1", "10.244.0.7"))
    for cause in (why_no_endpoints(scene, "web", "lab-02"), why_service_does_not_answer(scene, "web", "lab-02", 80)):
        assert cause is not None
        assert (cause.kind, cause.name, cause.field, cause.final) == ("EndpointSlice", "mine", field, True)
        assert cause.message == NOT_KEPT + says


def test_an_address_may_be_of_a_pod_to_come() -> None:
    """While a Pod has no address yet, it may get the one that was written."""
    scene = scene_with(service(selector=None), by_hand("10.244.0.9"), placed("web-1", ""))
    cause = why_no_endpoints(scene, "web", "lab-02")
    assert cause is not None
    assert not cause.final


def test_a_port_by_hand_has_the_services_name() -> None:
    """kube-proxy takes the port of the slice that has the name of the Service's port."""
    named = service(selector=None, ports=[{"port": 80, "name": "http"}])
    scene = scene_with(named, by_hand("10.244.0.7", port={"name": "web", "port": 8080}), placed("web-1", "10.244.0.7"))
    cause = why_service_does_not_answer(scene, "web", "lab-02", 80)
    assert cause is not None
    says = "is not of port 80: Service web names that port 'http', the slice has 'web'."
    assert (cause.message, cause.field, cause.final) == (NOT_KEPT + says, ("ports",), True)


def test_a_port_by_hand_may_be_one_that_nobody_opens() -> None:
    """A slice that names the right Pod and a port where nothing listens leads to the Pod's own cause."""
    listening = placed("web-1", "10.244.0.7") | {"spec": {"containers": [{"name": "app", "image": "a"}]}}
    listening["status"]["containerStatuses"] = [
        {"name": "app", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    ]
    scene = scene_with(service(selector=None), by_hand("10.244.0.7"), listening, listens=lambda _pod, port: port == 80)
    cause = why_service_does_not_answer(scene, "web", "lab-02", 80)
    assert cause is not None
    assert cause.reason == "NothingListens"
    assert "EndpointSlice mine sends to port 8080" in cause.chain


def test_an_endpointslice_by_hand_that_leads_to_pods_is_sound() -> None:
    """Nothing is held against who writes what a controller would have written."""
    scene = scene_with(service(selector=None), by_hand("10.244.0.7"), placed("web-1", "10.244.0.7"))
    assert why_no_endpoints(scene, "web", "lab-02") is None
    assert why_service_does_not_answer(scene, "web", "lab-02", 80) is None


def test_a_controllers_endpointslice_is_nobodys_fault() -> None:
    """Addresses of Pods that went are taken out by the controller that keeps them."""
    kept = by_hand("10.0.0.9")
    kept["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
    assert why_no_endpoints(scene_with(service(), kept, placed("web-1", "10.244.0.7")), "web", "lab-02") is None
