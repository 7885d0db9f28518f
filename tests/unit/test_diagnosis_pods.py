"""What a Pod suffers from, told from Pods and events as a real cluster sent them (recorded/pods.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from kindlabs.diagnosis.cause import Scene
from kindlabs.diagnosis.pods import why_pod_does_not_answer, why_pod_not_ready
from kindlabs.expectations.steady import is_steady
from kindlabs.kube.world import World

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded" / "pods.json").read_text())
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "single-control-plane"}}
SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "lab-03"}}


class RecordedWorld:
    """A world that holds one recorded Pod and its events."""

    def __init__(self, name: str) -> None:
        entry = RECORDED[name]
        self.objects = [entry["pod"], *entry["events"], NODE, SETTINGS]

    def get(self, kind: str, name: str, namespace: str | None = None) -> Any:
        """The object of that name."""
        return next((o for o in self.list(kind, namespace) if o["metadata"]["name"] == name), None)

    def list(self, kind: str, namespace: str | None = None, _labels: object = None) -> list[Any]:
        """The objects of a kind."""
        mine = [o for o in self.objects if o["kind"] == kind]
        return [o for o in mine if namespace is None or o["metadata"].get("namespace") == namespace]


def scene_of(name: str, listens_on: tuple[int, ...] = (8080,)) -> Scene:
    """The scene around a recorded Pod whose process listens on some ports."""
    return Scene(
        cast("World", RecordedWorld(name)),
        listens=lambda _pod, port: port in listens_on,
        images=frozenset({AGNHOST}),
        offline=True,
    )


@pytest.mark.parametrize(
    ("name", "reason", "says"),
    [
        ("liveness-elsewhere", "NothingListens", "The liveness probe asks port 8081, where nothing listens"),
        ("liveness-kills", "ProbeKills", "because its liveness probe fails: its command ends with an error"),
        ("port-unnamed", "ProbePortUnnamed", "asks the port named htp; container web names http"),
        ("probe-not-found", "ProbeFails", "HTTP probe failed with statuscode: 404"),
        ("probe-https", "ProbeFails", "server gave HTTP response to HTTPS client"),
        ("init-hangs", "InitRuns", "Init container prep of Pod init-hangs never ends"),
        ("init-fails", "CrashLoop", "Init container prep of Pod init-fails ends with code 4 soon after it starts"),
        ("ends", "CrashLoop", "Container web of Pod ends ends with code 0 soon after it starts"),
        ("out-of-memory", "CrashLoop", "it needs more memory than its limit of 20Mi"),
        ("key-missing", "CannotMount", 'volume "v" : configmap references non-existent config key: B'),
        ("no-scheduler", "SchedulerNotFound", "waits for scheduler mine, which does not run here"),
        ("no-node", "NodeNotFound", "names node worker-7, which does not exist; there is single-control-plane"),
        ("gated", "SchedulingGated", "waits behind scheduling gate example.com/wait"),
        ("node-selected", "NoSuchNode", "No node has disk=ssd, which Pod node-selected asks for"),
        ("other-registry", "ImageNotFound", "cannot pull quay.io/e2e-test-images/agnhost:2.63.0: this cluster reaches"),
    ],
)
def test_a_hopeless_pod_is_told_so(name: str, reason: str, says: str) -> None:
    """Each kind of Pod that cannot become Ready has its own final cause, with the values that do not fit."""
    cause = why_pod_not_ready(scene_of(name), RECORDED[name]["pod"])

    assert cause is not None
    assert (cause.reason, cause.final, cause.ours) == (reason, True, False)
    assert says in cause.message


@pytest.mark.parametrize("name", ["slow-start", "crashed-once"])
def test_a_pod_that_may_still_come_is_waited_for(name: str) -> None:
    """A process that listens nowhere yet, or that runs again after one crash, is given the time that it needs."""
    cause = why_pod_not_ready(scene_of(name, listens_on=()), RECORDED[name]["pod"])

    assert cause is not None
    assert not cause.final


def test_an_early_refusal_is_no_reason_once_the_port_answers() -> None:
    """A readiness probe that came before the process listened is asked again, and blamed for nothing."""
    cause = why_pod_not_ready(scene_of("slow-start", listens_on=(8080,)), RECORDED["slow-start"]["pod"])

    assert cause is not None
    assert not cause.final
    assert "it asks every 1 s" in cause.message


def test_a_sound_pod_has_no_cause_and_is_steady() -> None:
    """A Pod that is Ready and whose liveness probe asks where something listens counts as Ready to stay."""
    pod = RECORDED["sound"]["pod"]

    assert why_pod_does_not_answer(scene_of("sound"), pod, 8080) is None
    assert is_steady(scene_of("sound"), pod)


def test_a_ready_pod_that_will_be_killed_is_not_steady() -> None:
    """A Ready Pod whose liveness probe asks where nothing listens does not count as Ready."""
    assert not is_steady(scene_of("liveness-elsewhere"), RECORDED["liveness-elsewhere"]["pod"])


def test_the_other_port_is_named_when_there_is_one() -> None:
    """A Pod that listens elsewhere is told where."""
    cause = why_pod_does_not_answer(scene_of("sound"), RECORDED["sound"]["pod"], 9000)

    assert cause is not None
    assert cause.message == "Nothing listens on port 9000 in Pod sound; the process listens on 8080."


def test_a_lost_image_of_the_lab_is_not_the_learners_fault() -> None:
    """When a node has not the image that the lab provides, machine or lab is to blame."""
    cause = why_pod_not_ready(scene_of("pulls-always"), RECORDED["pulls-always"]["pod"])

    assert cause is not None
    assert cause.ours
