"""What Pods read when they start."""

from __future__ import annotations

from typing import Any

from kindlabs.kube.podspecs import pod_spec, reads

SPEC: dict[str, Any] = {
    "serviceAccountName": "robot",
    "imagePullSecrets": [{"name": "pull"}],
    "initContainers": [{"name": "first", "envFrom": [{"configMapRef": {"name": "from-map"}}]}],
    "containers": [
        {
            "name": "web",
            "envFrom": [{"secretRef": {"name": "from-secret"}}],
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "key-map", "key": "a"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "key-secret", "key": "b"}}},
            ],
        }
    ],
    "volumes": [
        {"name": "c", "configMap": {"name": "mounted-map"}},
        {"name": "s", "secret": {"secretName": "mounted-secret"}},
        {"name": "p", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "both"}}]}},
        {"name": "none", "emptyDir": {}},
    ],
}


def of(kind: str, spec: object) -> dict[str, Any]:
    """An object of *kind*."""
    return {"kind": kind, "metadata": {"name": "web", "namespace": "lab-07"}, "spec": spec}


def test_every_way_to_read() -> None:
    """Environment, volumes, projected ones, pull secrets, claims and the account count, wherever they stand."""
    found = {(key.kind, key.name) for key in reads(of("Deployment", {"template": {"spec": SPEC}}))}
    assert found == {
        ("ServiceAccount", "robot"),
        ("PersistentVolumeClaim", "claim"),
        *(("ConfigMap", name) for name in ("from-map", "key-map", "mounted-map", "both")),
        *(("Secret", name) for name in ("pull", "from-secret", "key-secret", "mounted-secret", "projected")),
    }


def test_whatever_makes_pods_has_their_spec() -> None:
    """A Pod, a workload and a CronJob hold it at different depths; a Service and nonsense hold none."""
    assert pod_spec(of("Pod", SPEC)) is SPEC
    assert pod_spec(of("StatefulSet", {"template": {"spec": SPEC}})) is SPEC
    assert pod_spec(of("CronJob", {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}})) is SPEC
    nonsense = [("Service", {"selector": {}}), ("Deployment", {"template": 3}), ("Pod", None), ("CronJob", [])]
    assert [pod_spec(of(kind, spec)) for kind, spec in nonsense] == [None] * 4
    assert reads(of("Deployment", {"template": {"spec": {"containers": 3, "volumes": [None]}}}))
