"""What a lab brings along: there and ready before a submission comes, and as it was before the next one does."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.errors import LabError
from kindlabs.kube import given
from kindlabs.kube.api import Api, Object
from kindlabs.kube.apply import LEARNER, apply
from kindlabs.kube.contents import contents
from kindlabs.kube.given import Given, bring, of_lab
from kindlabs.kube.namespaces import namespace
from kindlabs.kube.objects import is_ready
from kindlabs.kube.rights import in_namespace
from kindlabs.perimeter import Rights, Space, Thing

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
POD_SPEC: Object = {
    "containers": [{"name": "app", "image": IMAGE, "args": ["pause"]}],
    "terminationGracePeriodSeconds": 0,
}


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A lab's namespace."""
    name = f"lab-given-{secrets.token_hex(3)}"
    namespace(cluster.api, Space(name), "given")
    yield name
    cluster.api.delete("Namespace", name)


Bring = Callable[..., bool]


@pytest.fixture
def lab_brings(cluster: Cluster, space: str) -> Iterator[Bring]:
    """Brings objects; whether anything had to be done."""
    rights = [Given(right, "") for right in in_namespace("given", Space(space), Rights())]

    def all_of(*manifests: Object, opened: tuple[Thing, ...] = (), anew: bool = False) -> bool:
        setup = [(manifest, f"setup.yaml:{at}") for at, manifest in enumerate(manifests, 1)]
        brought = of_lab(cluster.api, "given", setup, space, opened)
        return bool(bring(cluster.api, [*rights, *brought], contents(cluster.api, [space]), anew=anew))

    yield all_of
    all_of()


def thing(kind: str, name: str, **more: Any) -> Object:
    """A manifest as an author writes it."""
    version = {"Deployment": "apps/v1", "Job": "batch/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}, **more}


def deployment(name: str) -> Object:
    """One with one Pod."""
    template = {"metadata": {"labels": {"app": name}}, "spec": POD_SPEC}
    return thing("Deployment", name, spec={"selector": {"matchLabels": {"app": name}}, "template": template})


def uid(api: Api, kind: str, name: str, space: str) -> str:
    """Of an object that is there."""
    return str((api.get(kind, name, space) or {})["metadata"]["uid"])


def test_ready_when_a_submission_comes(cluster: Cluster, space: str, lab_brings: Bring) -> None:
    """Pods are Ready and Jobs done; a second run finds everything as it should be, and a submission leaves it so."""
    job = thing("Job", "load", spec={"template": {"spec": POD_SPEC | {"restartPolicy": "Never"}}})
    job["spec"]["template"]["spec"]["containers"] = [{"name": "app", "image": IMAGE, "args": ["help"]}]
    setup = (deployment("web"), job, thing("ConfigMap", "note", data={"nonce": "a"}))
    assert lab_brings(*setup)
    assert all(is_ready(pod) for pod in cluster.api.list("Pod", space, "app=web"))
    assert cluster.api.list("Pod", space, "app=web")
    before = uid(cluster.api, "Deployment", "web", space)
    assert apply(cluster.api, [], [space]).refused == []
    assert not lab_brings(*setup)
    assert uid(cluster.api, "Deployment", "web", space) == before
    assert lab_brings(*setup[:2], thing("ConfigMap", "note", data={"nonce": "b"}))
    assert (cluster.api.get("ConfigMap", "note", space) or {})["data"] == {"nonce": "b"}
    assert uid(cluster.api, "Deployment", "web", space) == before


def test_what_was_done_to_it_is_undone(cluster: Cluster, space: str, lab_brings: Bring) -> None:
    """Scaled by hand, changed by a submission that may, deleted: the next run finds it as the first did."""
    api, note, opened = cluster.api, thing("ConfigMap", "note", data={"a": "b"}), (Thing("ConfigMap", "note"),)
    setup = (deployment("web"), note)
    lab_brings(*setup, opened=opened)
    first = uid(api, "Deployment", "web", space)
    api.patch("Deployment.apps", "web", space, {"spec": {"replicas": 2}}, subresource="scale")
    mine = note | {"metadata": {"name": "note", "namespace": space}, "data": {"a": "mine", "b": "too"}}
    assert apply(api, [mine], [space]).refused == []
    assert lab_brings(*setup, opened=opened)
    assert (api.get("ConfigMap", "note", space) or {})["data"] == {"a": "b"}
    assert (api.get("Deployment", "web", space) or {})["spec"]["replicas"] == 1
    second = uid(api, "Deployment", "web", space)
    assert second != first
    api.acting_as(LEARNER).delete("ConfigMap", "note", space)
    assert lab_brings(*setup, opened=opened)
    assert uid(api, "Deployment", "web", space) == second
    assert lab_brings(*setup, opened=opened, anew=True)  # somebody may have written into its Pods
    assert uid(api, "Deployment", "web", space) != second
    assert lab_brings(note)
    assert api.get("Deployment", "web", space) is None


def test_what_cannot_be_changed_in_place_is_replaced(cluster: Cluster, space: str, lab_brings: Bring) -> None:
    """A Job whose template a submission may change becomes the submission's, and the lab's again."""
    api, held = cluster.api, POD_SPEC | {"restartPolicy": "Never", "schedulingGates": [{"name": "example.org/never"}]}
    metadata = {"annotations": {given.WAIT: "false"}}
    job, opened = (
        thing("Job", "flaky", metadata=metadata, spec={"template": {"spec": held}}),
        (Thing("Job.batch", "flaky"),),
    )
    lab_brings(job, opened=opened)
    mine = thing("Job", "flaky", metadata={"namespace": space}, spec={"backoffLimit": 1, "template": {"spec": held}})
    mine["spec"]["template"] = {"spec": held | {"terminationGracePeriodSeconds": 5}}
    assert apply(api, [mine], [space]).refused == []
    assert (api.get("Job", "flaky", space) or {})["spec"]["backoffLimit"] == 1
    assert lab_brings(job, opened=opened)
    assert (api.get("Job", "flaky", space) or {})["spec"]["backoffLimit"] == 6


def test_what_does_not_come_is_the_labs_fault(lab_brings: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Pod that never starts, a Job that fails, an object that is refused: said with the author's file and line."""
    monkeypatch.setattr(given, "OURS_SECONDS", 5.0)
    image = {"containers": [{"name": "app", "image": "registry.example/none:1", "imagePullPolicy": "Never"}]}
    with pytest.raises(LabError, match=r"setup.yaml:1: Pod broken is not ready after 5 s: Err\w+ "):
        lab_brings(thing("Pod", "broken", spec=POD_SPEC | image))
    assert lab_brings(thing("Pod", "broken", metadata={"annotations": {given.WAIT: "false"}}, spec=POD_SPEC | image))
    with pytest.raises(LabError, match=r"setup.yaml:2: the API server refuses it: .*field not declared in schema"):
        lab_brings(thing("ConfigMap", "a"), thing("ConfigMap", "b", dta={}))
