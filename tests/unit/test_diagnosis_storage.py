"""Why a claim is not bound, or to the wrong volume, and why a volume goes with its claim."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import Words, scene_with, thing

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.references import why_not_mounted
from kindlabs.diagnosis.storage import why_bound_elsewhere, why_not_bound, why_not_kept, why_not_of_class, why_shared

NODE = thing("Node", "one", labels={"disk": "ssd"})
USER = thing("Pod", "web", spec={"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "fast"}}]})


def of_cluster(kind: str, name: str, **more: Any) -> Any:
    """A cluster-wide object."""
    made = thing(kind, name, **more)
    del made["metadata"]["namespace"]
    return made


FAST = of_cluster(
    "StorageClass", "fast-local", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"
)
STANDARD = of_cluster("StorageClass", "standard", provisioner="rancher.io/local-path")


def volume(phase: str = "Available", **spec: Any) -> Any:
    """PersistentVolume ``fast-0``."""
    whole = {"storageClassName": "fast-local", "capacity": {"storage": "128Mi"}, "accessModes": ["ReadWriteOnce"]}
    return of_cluster("PersistentVolume", "fast-0", spec=whole | spec, status={"phase": phase})


def claim(phase: str = "Pending", **spec: Any) -> Any:
    """PersistentVolumeClaim ``fast``."""
    whole = {
        "storageClassName": "fast-local",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "128Mi"}},
    }
    made = thing("PersistentVolumeClaim", "fast", spec=whole | spec, status={"phase": phase})
    made["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return made


def why(of: Any, *others: Any) -> Cause | None:
    """Why *of* is not bound, beside a node and two classes; the volumes among *others* were handed in."""
    mine = [other for other in others if other["kind"] == "PersistentVolume"]
    return why_not_bound(scene_with(NODE, FAST, STANDARD, of, *others, applied=mine), of)


@pytest.mark.parametrize(
    ("of", "volumes", "says"),
    [
        (
            claim(storageClassName="fats"),
            [],
            "PersistentVolumeClaim fast asks for StorageClass fats, which does not exist; "
            "there is fast-local, standard.",
        ),
        (
            claim(),
            [volume(storageClassName="fast")],
            "PersistentVolume fast-0 is of class fast; PersistentVolumeClaim fast asks for class fast-local.",
        ),
        (
            claim(),
            [volume(capacity={"storage": "64Mi"})],
            "PersistentVolumeClaim fast asks for 128Mi; PersistentVolume fast-0 has 64Mi.",
        ),
        (
            claim(accessModes=["ReadWriteMany"]),
            [volume()],
            "PersistentVolumeClaim fast asks for ReadWriteMany; PersistentVolume fast-0 offers ReadWriteOnce.",
        ),
        (
            claim(volumeMode="Block"),
            [volume()],
            "PersistentVolumeClaim fast asks for volume mode Block; PersistentVolume fast-0 has Filesystem.",
        ),
        (
            claim(selector={"matchLabels": {"tier": "gold"}}),
            [volume()],
            "PersistentVolumeClaim fast asks for a volume with tier=gold; PersistentVolume fast-0 has not that.",
        ),
        (
            claim(volumeName="fast-1"),
            [volume()],
            "PersistentVolumeClaim fast asks for PersistentVolume fast-1; there is fast-0.",
        ),
        (
            claim(),
            [
                volume(
                    nodeAffinity={
                        "required": {
                            "nodeSelectorTerms": [
                                {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["nvme"]}]}
                            ]
                        }
                    }
                )
            ],
            "PersistentVolume fast-0 is on a node that there is not.",
        ),
        (
            claim(),
            [volume("Released", claimRef={"name": "fast"})],
            "PersistentVolume fast-0 is Released: it belongs to PersistentVolumeClaim fast, not to fast.",
        ),
        (
            claim(),
            [],
            "Nobody makes volumes of class fast-local for PersistentVolumeClaim fast, and there is none.",
        ),
        (
            claim(storageClassName=""),
            [volume()],
            "An empty class turns dynamic provisioning off for PersistentVolumeClaim fast; "
            "without storageClassName it gets the default class.",
        ),
        (
            claim(),
            [volume()],
            "PersistentVolumeClaim fast waits for a Pod that uses it: class fast-local binds WaitForFirstConsumer.",
        ),
    ],
)
def test_why_a_claim_waits(of: Any, volumes: list[Any], says: str) -> None:
    """The first thing in which it and the volume that was meant for it disagree, or who is missing."""
    found = why(of, *volumes)
    assert found is not None
    assert found.message == says


def test_a_claim_on_its_way() -> None:
    """Its volume fits and a Pod uses it, its class makes volumes, or it is bound: nobody is to blame."""
    assert why(claim(), volume(), USER) is None
    assert why(claim(storageClassName="standard"), volume(), USER) is None
    assert why(claim("Bound"), volume()) is None


def test_bound_elsewhere() -> None:
    """A claim of the default class gets another volume, though all looks well."""
    own = claim("Bound", storageClassName="standard", volumeName="pvc-1")
    found = why_bound_elsewhere(scene_with(volume()), own, "fast-0")
    says = (
        "PersistentVolumeClaim fast is bound to pvc-1 of class standard; "
        "PersistentVolume fast-0 is of class fast-local."
    )
    assert found is not None
    assert (found.message, found.field) == (says, ("spec", "storageClassName"))
    other = why_not_of_class(own, "fast-local")
    assert other is not None
    assert other.message == "PersistentVolumeClaim fast is of class standard; class fast-local is asked for."
    assert why_not_of_class(own, "standard") is None


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("ReadWriteOnce", "ReadWriteOnce lets several Pods of one node use PersistentVolumeClaim fast at once."),
        ("ReadWriteMany", "ReadWriteMany lets several Pods of any node use PersistentVolumeClaim fast at once."),
        ("ReadWriteOncePod", None),
    ],
)
def test_who_may_share_a_claim(mode: str, says: str | None) -> None:
    """Only one of the access modes counts Pods."""
    found = why_shared(claim(accessModes=[mode]))
    assert (found and found.message) == says


def test_what_keeps_a_volume() -> None:
    """Delete and Recycle let it go; Retain, which is also what nobody said, does not."""
    found = why_not_kept(volume(persistentVolumeReclaimPolicy="Delete"))
    says = "Reclaim policy Delete of PersistentVolume fast-0 lets it go with its claim; Retain keeps it."
    assert found is not None
    assert found.message == says
    assert why_not_kept(volume()) is None


def test_a_folder_that_is_on_another_node(words: Words) -> None:
    """The kubelet's word about a local volume is told of the volume."""
    waiting = {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}
    pod = thing("Pod", "web", spec={"nodeName": "two", "volumes": []}, status=waiting)
    event = thing("Event", "e", reason="FailedMount", involvedObject={"uid": "web"})
    event["message"] = words["kubelet"]["no-folder"]
    found = why_not_mounted(scene_with(pod, event, volume()), pod)
    assert found is not None
    assert found.message == "Path /var/lab-18/fast of PersistentVolume fast-0 does not exist on node two."
