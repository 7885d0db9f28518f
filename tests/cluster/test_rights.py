"""What learners may do in a lab's namespaces and beyond, and what the API server keeps from them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.diagnosis.refusals import explain
from kindlabs.kube.api import Api, ApiError, Identity, Object
from kindlabs.kube.apply import LEARNER, apply
from kindlabs.kube.namespaces import clear_others, grant, namespace
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LAB, OPEN
from kindlabs.perimeter import Rights, Space, Thing

CLASS, VOLUME = "StorageClass.storage.k8s.io", "PersistentVolume"


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A namespace whose learner may make a quota, a class and a volume."""
    name = f"lab-rights-{secrets.token_hex(3)}"
    rule = {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["*"]}
    rights = Rights((rule,), (Thing(CLASS, f"{name}-fast"), Thing(VOLUME, f"{name}-0")))
    namespace(cluster.api, Space(name, "restricted", {"team": "blue"}), "rights", rights)
    grant(cluster.api, "rights", rights)
    yield name
    grant(cluster.api, "nobody", Rights())
    cluster.api.delete("Namespace", name)


@pytest.fixture
def learner(cluster: Cluster) -> Api:
    """The server as the learner sees it."""
    return cluster.api.acting_as(LEARNER)


def storage_class(name: str) -> Object:
    """A class that provisions nothing."""
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return head | {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}


def volume(name: str, source: Object) -> Object:
    """A volume of some source, on whatever node."""
    term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "Exists"}]}
    spec = {
        "capacity": {"storage": "1Mi"},
        "accessModes": ["ReadWriteOnce"],
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec | source}


def note(space: str, name: str, **labels: str) -> Object:
    """A ConfigMap."""
    meta = {"name": name, "namespace": space, "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}


def refusal_of(api: Api, space: str, manifest: Object) -> str:
    """The end of the sentence that a learner reads about *manifest*, applied as a submission."""
    (refusal,) = apply(api, [manifest], [space]).refused
    return explain(manifest, refusal.message).why


def test_a_namespace_has_what_its_lab_declares(cluster: Cluster, space: str, learner: Api) -> None:
    """Its level of Pod Security, its labels, further rules for its learner; limits that she may only read."""
    labels = (cluster.api.get("Namespace", space) or {})["metadata"]["labels"]
    assert (labels["team"], labels["pod-security.kubernetes.io/enforce"]) == ("blue", "restricted")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": space}}
    assert learner.apply(quota | {"spec": {"hard": {"pods": "3"}}}, manager="kubectl")
    assert learner.delete("ResourceQuota", "team", space)
    assert learner.get("ResourceQuota", "kind-labs", space)
    with pytest.raises(ApiError, match="it is part of the lab, and stays as it is"):
        learner.patch("ResourceQuota", "kind-labs", space, {"spec": {"hard": {"pods": "1000"}}})
    with pytest.raises(ApiError, match="it is part of the lab, and stays as it is"):
        learner.delete("RoleBinding", "kind-labs-learner", space)


def test_cluster_wide_by_name(cluster: Cluster, space: str, learner: Api) -> None:
    """What is granted can be made, is pruned when it is named no more, and nothing of another name can be made."""
    api, name = cluster.api, f"{space}-fast"
    granted = [Thing(CLASS, name)]
    assert apply(api, [storage_class(name)], [space], granted).refused == []
    first = api.get(CLASS, name)
    assert first
    assert not apply(api, [storage_class(name)], [space], granted).changed
    assert apply(api, [], [space], granted).changed
    assert api.get(CLASS, name) is None
    for meta in (
        {"name": "slow"},
        {"generateName": f"{name}-"},
    ):  # as kubectl create does, which needs no right to patch
        with pytest.raises(ApiError, match="the lab grants no cluster-wide object of this kind and name"):
            learner.request(
                "POST", "/apis/storage.k8s.io/v1/storageclasses", body=storage_class("") | {"metadata": meta}
            )
    with pytest.raises(ApiError, match="cannot delete"):
        learner.delete(CLASS, "standard")


def test_another_lab_finds_none_of_it(cluster: Cluster, space: str, learner: Api) -> None:
    """Objects by granted names go before another lab's run, made by hand or not, and so do the rights to them."""
    api, name = cluster.api, f"{space}-fast"
    granted = Rights(cluster=(Thing(CLASS, name), Thing(VOLUME, f"{space}-0")))
    learner.apply(storage_class(name), manager="kubectl")
    api.apply(note(space, "left"), manager="kubectl")
    clear_others(api, "another")
    grant(api, "another", Rights())
    assert api.get(CLASS, name) is None
    assert api.get("ConfigMap", "left", space) is None
    with pytest.raises(ApiError, match="cannot"):
        learner.apply(storage_class(name), manager="kubectl")
    grant(api, "rights", granted)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"hostPath": {"path": "/"}}, "a learner's volume is a folder of a node that the lab made"),
        ({"local": {"path": "/etc/kubernetes"}}, "a learner's volume is a folder of a node that the lab made"),
        ({"local": {"path": "/var/lab-18/fast/link"}}, "a learner's volume is a folder of a node that the lab made"),
        ({"local": {"path": "/var/lab-18/fast"}}, ""),
    ],
)
def test_no_volume_opens_a_node(cluster: Cluster, space: str, learner: Api, source: Object, says: str) -> None:
    """A granted volume is a folder that the lab made; a node's own files are no one's."""
    made = volume(f"{space}-0", source)
    if says:
        assert says in refusal_of(cluster.api, space, made)
    else:
        assert apply(cluster.api, [made], [space], [Thing(VOLUME, f"{space}-0")]).refused == []
        assert apply(cluster.api, [], [space], [Thing(VOLUME, f"{space}-0")]).changed


@pytest.mark.parametrize("who", ["learner", "account", "mira"])
def test_the_labs_own_is_read_only(cluster: Cluster, space: str, who: str) -> None:
    """Neither the learner, nor an account that her Pods run as, nor a user that she made up changes what is given."""
    api = cluster.api
    identity = {
        "learner": LEARNER,
        "account": Identity(
            f"system:serviceaccount:{space}:default", ("system:serviceaccounts", "system:authenticated")
        ),
        "mira": Identity("mira", ("dev", "system:authenticated")),
    }[who]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"by-{who}", "namespace": space},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": identity.user}],
    }
    api.acting_as(LEARNER).apply(binding, manager="kubectl")  # what she may do she may let others do
    other = api.acting_as(identity)
    api.apply(note(space, "given", **{LAB: "rights"}), manager=INSTRUCTOR_MANAGER)
    api.apply(note(space, "opened", **{LAB: "rights", OPEN: "true"}), manager=INSTRUCTOR_MANAGER)
    for attempt in (
        lambda: other.delete("ConfigMap", "given", space),
        lambda: other.patch("ConfigMap", "given", space, {"data": {"a": "c"}}),
        lambda: other.request("DELETE", f"/api/v1/namespaces/{space}/configmaps", query={"labelSelector": LAB}),
    ):
        with pytest.raises(ApiError, match="it is part of the lab, and stays as it is"):
            attempt()
    for attempt in (
        lambda: other.patch("ConfigMap", "opened", space, {"metadata": {"labels": {LAB: None}}}),
        lambda: other.apply(note(space, "mine", **{LAB: "rights"}), manager="kubectl"),
        lambda: other.apply(note(space, "mine", **{OPEN: "true"}), manager="kubectl"),
    ):
        with pytest.raises(ApiError, match="those that begin with kind-labs/ are the lab's own"):
            attempt()
    assert other.patch("ConfigMap", "opened", space, {"data": {"a": "c"}})
    assert other.delete("ConfigMap", "opened", space)


def test_a_learner_may_look_around(cluster: Cluster, space: str, learner: Api) -> None:
    """Cluster-wide kinds without secrets can be read; other namespaces' contents cannot."""
    for kind in ("Node", "Namespace", CLASS, "IngressClass", VOLUME, "ClusterRole", "ClusterIssuer.cert-manager.io"):
        learner.list(kind)
    for kind in ("Secret", "Pod"):
        with pytest.raises(ApiError, match="cannot list"):
            learner.list(kind)


def test_a_refused_label_is_found_at_its_place(cluster: Cluster, space: str) -> None:
    """The policy's words lead to the field in the submission."""
    made = note(space, "mine", **{LAB: "x"})
    (refusal,) = apply(cluster.api, [made], [space]).refused
    found: Any = explain(made, refusal.message)
    assert found.field == ("metadata", "labels")
