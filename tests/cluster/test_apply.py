"""What a run leaves in a lab's namespace, whatever it finds there: the same as a first run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.diagnosis.refusals import explain
from kindlabs.kube.api import ApiError, Object
from kindlabs.kube.apply import apply
from kindlabs.kube.namespaces import clear_others, namespace
from kindlabs.kube.notes import Key, note_applied
from kindlabs.kube.objects import is_ready
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LAB
from kindlabs.kube.removal import until_done
from kindlabs.perimeter import Space

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
POD_SPEC: Object = {
    "containers": [{"name": "app", "image": IMAGE, "args": ["pause"]}],
    "schedulingGates": [{"name": "example.org/never"}],  # no node has to start it, or to end it
}
NOWHERE: Object = {"schedulingGates": [], "nodeName": "no-such-node", "terminationGracePeriodSeconds": 600}


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A lab's namespace, for these tests in turn."""
    name = f"kl-apply-{secrets.token_hex(3)}"
    namespace(cluster.api, Space(name), "apply")
    yield name
    cluster.api.delete("Namespace", name)


@pytest.fixture
def hand_in(cluster: Cluster, space: str) -> Iterator[Any]:
    """Applies a submission; returns the uids of what it named, and whether anything was changed."""

    def apply_all(*manifests: Object) -> tuple[list[str], bool]:
        outcome = apply(cluster.api, manifests, [space])
        assert outcome.refused == []
        live = [cluster.api.find(manifest) for manifest in manifests]
        return [thing["metadata"]["uid"] if thing else "" for thing in live], outcome.changed

    yield apply_all
    apply(cluster.api, [], [space])


@pytest.fixture
def thing(space: str) -> Any:
    """Makes a manifest."""

    def make(kind: str, name: str, **more: Any) -> Object:
        version = {"Deployment": "apps/v1"}.get(kind, "v1")
        meta = {"name": name, "namespace": space, **more.pop("metadata", {})}
        return {"apiVersion": version, "kind": kind, "metadata": meta, **more}

    return make


def test_one_lab_has_the_cluster_for_itself(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """What another lab applied goes, in all its namespaces; the lab's own stays."""
    hand_in(thing("ConfigMap", "settings", data={"a": "b"}))
    clear_others(cluster.api, "apply")
    assert cluster.api.get("ConfigMap", "settings", space)
    clear_others(cluster.api, "another")
    assert cluster.api.get("ConfigMap", "settings", space) is None
    (uid,), changed = hand_in(thing("ConfigMap", "settings", data={"a": "b"}))
    assert uid
    assert changed


def workload(thing: Any, **pod_spec: Any) -> Object:
    """Deployment `web` with one Pod."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": POD_SPEC | pod_spec}
    selector = {"matchLabels": {"app": "web"}}
    made: Object = thing("Deployment", "web", spec={"replicas": 1, "selector": selector, "template": template})
    return made


def reading(name: str) -> Object:
    """A container that has ConfigMap *name* in its environment."""
    return POD_SPEC["containers"][0] | {"envFrom": [{"configMapRef": {"name": name}}]}


def test_what_reads_a_changed_input_is_made_anew(cluster: Cluster, hand_in: Any, thing: Any) -> None:
    """An unchanged submission is left alone; a changed ConfigMap takes its reader along, and nothing else."""

    def settings(colour: str) -> Object:
        made: Object = thing("ConfigMap", "settings", data={"colour": colour})
        return made

    runs = POD_SPEC | {"schedulingGates": []}
    reader = thing("Pod", "a", spec=runs | {"containers": [reading("settings")]})
    other = thing("Pod", "b", spec=runs)
    first, _ = hand_in(reader, other, settings("blue"))
    until_done(
        lambda _: sum(not is_ready(cluster.api.find(pod) or pod) for pod in (reader, other)), "two Pods to be Ready"
    )
    assert hand_in(settings("blue"), other, reader) == (first[::-1], False)
    again, changed = hand_in(reader, other, settings("red"))
    assert changed
    assert again[0] != first[0]
    assert again[1] == first[1]


def test_what_somebody_wrote_by_hand_goes(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """A field that the submission does not name, and an object that it does not name, are no part of the verdict."""
    api, service = cluster.api, thing("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    (first,), _ = hand_in(service)
    api.patch("Service", "web", space, {"metadata": {"annotations": {"by": "hand"}}})
    api.apply(thing("ConfigMap", "by-hand"), manager="hand")
    (second,), changed = hand_in(service)
    assert changed
    assert first != second
    assert api.get("ConfigMap", "by-hand", space) is None
    api.patch("Service", "web", space, {"spec": {"sessionAffinity": "ClientIP"}})
    api.patch("Service", "web", space, {"spec": {"sessionAffinity": "None"}})
    (third,), _ = hand_in(service)
    assert third != second


def test_scaled_and_scaled_back_is_as_before(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """A check that scales and scales back leaves nothing; one that was interrupted between the two is made good."""
    web = workload(thing)
    first, _ = hand_in(web)
    for replicas in (2, 1):
        cluster.api.patch("Deployment.apps", "web", space, {"spec": {"replicas": replicas}}, subresource="scale")
    assert hand_in(web) == (first, False)
    cluster.api.patch("Deployment.apps", "web", space, {"spec": {"replicas": 2}}, subresource="scale")
    again, changed = hand_in(web)
    assert changed
    assert again != first


def test_nothing_is_waited_for_in_vain(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """A finalizer, a claim in use, a Pod on no node and its long farewell keep no run waiting."""
    claim = thing(
        "PersistentVolumeClaim",
        "data",
        metadata={"finalizers": ["example.kubernetes.io/never"]},
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    )
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    hand_in(claim, workload(thing, **NOWHERE, volumes=[volume]))
    hand_in()
    assert cluster.api.list("Pod", space) == []
    assert cluster.api.get("PersistentVolumeClaim", "data", space) is None


def test_a_submission_reaches_nothing_else(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """What the learner has no right to is not pruned for her; a path stays in its place; no Pod gets at its node."""
    api = cluster.api
    api.apply(thing("LimitRange", "guard", spec={"limits": []}), manager=INSTRUCTOR_MANAGER)
    note_applied(
        api,
        [space],
        {Key("LimitRange", "guard", space): "", Key("ClusterRole.rbac.authorization.k8s.io", "view", space): ""},
    )
    hand_in()
    assert api.get("LimitRange", "guard", space)
    assert api.get("ClusterRole.rbac.authorization.k8s.io", "view")
    with pytest.raises(ApiError, match=r"may not be '\.\.'"):
        api.delete("Pod", "..", space)
    spec = POD_SPEC | {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}
    (refusal,) = apply(api, [thing("Pod", "a", spec=spec)], [space]).refused
    assert 'violates PodSecurity "baseline' in refusal.message


def test_the_labs_own_stays(cluster: Cluster, space: str, hand_in: Any, thing: Any) -> None:
    """What the lab put there stays as it is, whatever a submission would make of it."""
    note = thing("ConfigMap", "note", data={"nonce": "abc"})
    cluster.api.apply(note | {"metadata": note["metadata"] | {"labels": {LAB: "apply"}}}, manager=INSTRUCTOR_MANAGER)
    (refusal,) = apply(cluster.api, [note | {"data": {"mine": "too"}}], [space]).refused
    assert explain(note, refusal.message) == ("it is part of the lab, and stays as it is", ())
    hand_in()
    left = cluster.api.get("ConfigMap", "note", space)
    assert left is not None
    assert left["data"] == {"nonce": "abc"}


def test_a_namespace_that_cannot_go_is_made_again(cluster: Cluster, thing: Any) -> None:
    """Deleted by hand, with something in it that a finalizer holds: the next run has its namespace."""
    name = f"kl-stuck-{secrets.token_hex(3)}"
    namespace(cluster.api, Space(name), "apply")
    held = thing("ConfigMap", "held", metadata={"namespace": name, "finalizers": ["example.org/never"]})
    cluster.api.apply(held, manager="hand")
    cluster.api.delete("Namespace", name)
    again = namespace(cluster.api, Space(name), "apply")
    assert "deletionTimestamp" not in again["metadata"]
    cluster.api.delete("Namespace", name)
