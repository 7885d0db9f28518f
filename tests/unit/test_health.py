"""What a look at a cluster finds broken, on recorded answers; a cluster is ill only when something says so."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kindlabs.addons.ingress import _silent
from kindlabs.clusters import health
from kindlabs.clusters.cluster import Cluster
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, ApiTimeout, ApiUnreachable, Object
from kindlabs.kube.nodes import CONTROL_PLANE
from kindlabs.promises.catalog import promised
from kindlabs.promises.claims import DEFAULT_CLASS
from kindlabs.promises.sight import Sight

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
NODE = {"metadata": {"name": "node"}, "spec": {}, "status": READY}
RUNS = {"containerStatuses": [{"state": {"running": {}}, "ready": False}]}
LABELS = ("kube-scheduler", "kube-controller-manager", "kube-proxy", "kube-dns")
PODS = [{"metadata": {"labels": {"component": label}}, "status": RUNS} for label in LABELS]
CRASHED = {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}
CLASS = {"metadata": {"annotations": {DEFAULT_CLASS: "true"}}}
ADMISSION = "/apis/admissionregistration.k8s.io/v1/"
DIAL = "dial"
"""What the prober hears, beside the paths of the API server."""
WELL: dict[str, Object] = {
    "/readyz": {},
    "/api/v1/nodes": {"items": [NODE]},
    "/api/v1/namespaces/kube-system/pods": {"items": PODS},
    f"{ADMISSION}validatingwebhookconfigurations": {"items": []},
    f"{ADMISSION}mutatingwebhookconfigurations": {"items": []},
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/admin": {"rules": [{}]},
    "/apis/storage.k8s.io/v1/storageclasses": {"items": [CLASS]},
    DIAL: {"responses": ["probe-1"], "errors": []},
}
HOOK = {"name": "nobody.example.org", "clientConfig": {"service": {"name": "nobody", "namespace": "lab-03"}}}
SLICES = "/apis/discovery.k8s.io/v1/namespaces/lab-03/endpointslices"


class Answers:
    """An API that answers from *recorded*; an exception in it is raised."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        self.recorded = recorded

    def request(self, _method: str, path: str, **_: object) -> Object:
        """The answer, or 404."""
        answer = self.recorded.get(path, ApiError(404, "NotFound", f"{path} not found"))
        if isinstance(answer, Exception):
            raise answer
        return cast("Object", answer)

    def text(self, method: str, path: str, **more: object) -> str:
        """The same as text."""
        return str(self.request(method, path, **more)).replace("'", '"')


@pytest.fixture(autouse=True)
def prober(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prober hears what is recorded."""
    monkeypatch.setattr(probing, "dial", lambda api, *_, **__: api.recorded[DIAL])


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Docker engine and its containers run."""
    monkeypatch.setattr(health, "engine_fault", lambda *_: None)


def seen(*broken: str, **changed: object) -> Cluster:
    """A cluster that is well but for the paths whose ends are named; a lab broke these promises on purpose."""
    recorded: dict[str, Any] = dict(WELL)
    for end, answer in changed.items():
        path = next((path for path in WELL if path.endswith(end)), SLICES)
        recorded[path] = answer
    facts = SimpleNamespace(broken=dict.fromkeys(broken, "21-placement"))
    made = SimpleNamespace(api=Answers(recorded), addons=["probe"], name="c", is_made=True, ports={}, facts=facts)
    return cast("Cluster", made)


def node(**spec: object) -> Object:
    """The list of one node with this spec."""
    return {"items": [NODE | {"spec": spec}]}


def test_a_sound_cluster_has_no_fault() -> None:
    """Where nothing is wrong, nothing is found."""
    assert health.fault(seen()) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"nodes": node(unschedulable=True)}, "cordoned"),
        ({"nodes": node(taints=[{"key": "mine", "effect": "NoSchedule"}])}, "tainted mine"),
        (
            {
                "nodes": {
                    "items": [
                        NODE
                        | {
                            "status": {
                                "conditions": [
                                    *READY["conditions"],
                                    {"type": "DiskPressure", "status": "True", "message": "full"},
                                ]
                            }
                        }
                    ]
                }
            },
            "DiskPressure: full",
        ),
        ({"nodes": {"items": [NODE | {"status": {}}]}}, "not ready"),
        ({"pods": {"items": PODS[1:]}}, "no Pod of kube-scheduler runs"),
        ({"pods": {"items": [PODS[0] | {"status": CRASHED}, *PODS[1:]]}}, "no Pod of kube-scheduler runs"),
        ({"pods": {"items": [*PODS[:3], PODS[3] | {"status": {}}]}}, "CoreDNS"),
        (
            {"validatingwebhookconfigurations": {"items": [{"webhooks": [HOOK]}]}, "endpointslices": {"items": []}},
            "nobody.example.org",
        ),
        ({"admin": ApiError(404, "NotFound", 'clusterroles "admin" not found')}, "admin"),
        ({"admin": {"rules": None}}, "admin"),
        ({"storageclasses": {"items": []}}, "StorageClass"),
        ({"dial": {"responses": [], "errors": ["no such host"]}}, "no such host"),
        ({"readyz": ApiUnreachable("connection refused")}, "connection refused"),
    ],
)
def test_each_fault_is_named(changed: dict[str, object], said: str) -> None:
    """What would keep any submission from passing is found by a look, and named."""
    assert said in (health.fault(seen(**changed)) or "")


@pytest.mark.parametrize(
    "changed",
    [
        {"nodes": node(taints=[{"key": CONTROL_PLANE, "effect": "NoSchedule"}])},
        {"nodes": node(taints=[{"key": "mine", "effect": "PreferNoSchedule"}])},
        {
            "validatingwebhookconfigurations": {"items": [{"webhooks": [HOOK]}]},
            "endpointslices": {"items": [{"endpoints": [{"conditions": {"ready": True}}]}]},
        },
    ],
)
def test_what_is_usual_is_no_fault(changed: dict[str, object]) -> None:
    """A control plane that takes no ordinary Pods, a preference, and a webhook that answers are as they should be."""
    assert health.fault(seen(**changed)) is None


def test_silence_alone_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An API server that is late once is busy; one that is silent twice, or whose node does not run, is broken."""
    cluster = seen(readyz=ApiTimeout("no answer in time"))
    answers: list[Callable[[], str | None]] = []
    asked: list[float] = []

    def symptom(_promises: object, sight: Sight) -> str | None:
        asked.append(round(sight.left(), 1))
        return answers[len(asked) - 1]()

    def silent() -> str | None:
        raise ApiTimeout("no answer in time")

    monkeypatch.setattr(health, "symptom", symptom)
    answers[:] = [silent, lambda: None]
    assert health.fault(cluster) is None
    assert asked == [health.API_SECONDS, health.PATIENT_API_SECONDS]
    asked.clear()
    answers[:] = [silent, silent]
    assert health.fault(cluster) == "no answer in time"
    asked.clear()
    monkeypatch.setattr(health, "engine_fault", lambda *_: "node container c is paused")
    assert health.fault(cluster) == "node container c is paused"
    assert len(asked) == 1


def test_an_ingress_controller_that_answers_late_is_not_broken_yet() -> None:
    """A port that is open and silent says nothing yet; one that is closed does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = {"http": silent.getsockname()[1]}
        with pytest.raises(ApiTimeout, match="no answer"):
            _silent(Sight(cast("Api", None), ports, 0.1))
    assert "refused" in (_silent(Sight(cast("Api", None), ports, 0.1)) or "")


@pytest.mark.parametrize("changed", [node(unschedulable=True), node(taints=[{"key": "mine", "effect": "NoExecute"}])])
def test_what_a_lab_breaks_on_purpose_is_no_fault(changed: Object) -> None:
    """A node that a lab closed is open to no doubt; one that is not ready is, whoever closed others."""
    assert health.fault(seen("nodes-take-pods", nodes=changed)) is None
    assert "not ready" in (health.fault(seen("nodes-take-pods", nodes={"items": [NODE | {"status": {}}]})) or "")


def test_only_what_was_promised_is_doubted() -> None:
    """A lab without claims is judged on a cluster without a default StorageClass; one with a claim is not."""
    cluster = seen(storageclasses={"items": []})
    assert health.fault(cluster, promised({"Pod"}, ())) is None
    assert "StorageClass" in (health.fault(cluster, promised({"PersistentVolumeClaim"}, ())) or "")
