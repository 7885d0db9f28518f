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
