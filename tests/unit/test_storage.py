"""Which volume a claim has, and whether a volume stays."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import thing

from kindlabs.waiting import Unmet
from labs import lab_with


def volume(name: str = "fast-0", of: str = "fast-local", phase: str = "Bound", policy: str = "Retain") -> Any:
    """A PersistentVolume."""
    spec = {"storageClassName": of, "persistentVolumeReclaimPolicy": policy}
    made = thing("PersistentVolume", name, spec=spec, status={"phase": phase})
    made["metadata"]["namespace"] = ""
    return made


def claim(bound_to: str) -> Any:
    """PersistentVolumeClaim ``fast``, which is bound."""
    return thing("PersistentVolumeClaim", "fast", spec={"volumeName": bound_to}, status={"phase": "Bound"})


def pod(name: str, message: str = "") -> Any:
    """A Pod that is Ready, or that the scheduler has refused with *message*."""
    placed = {"type": "PodScheduled", "status": "False" if message else "True", "reason": "Unschedulable"}
    ready = {"type": "Ready", "status": "False" if message else "True"}
    status = {"phase": "Pending" if message else "Running", "conditions": [placed | {"message": message}, ready]}
    return thing("Pod", name, spec={"containers": []}, status=status)


def test_the_volume_of_a_claim() -> None:
    """By its name, and by the class that it is of; another one is told."""
    lab = lab_with(volume(), volume("pvc-1", "standard"), claim("fast-0"))
    lab.claim("fast").is_bound(to="fast-0")
    lab.claim("fast").is_bound(of_class="fast-local")
    with pytest.raises(Unmet, match="it is Bound, to fast-0 of class fast-local"):
        lab.claim("fast").is_bound(of_class="standard")
    with pytest.raises(Unmet, match="it is Bound, to fast-0"):
        lab.claim("fast").is_bound(to="pvc-1")


def test_a_volume_is_released_to_stay() -> None:
    """Released is a moment in the life of one that goes with its claim: how long it lasts is looked at."""
    lab = lab_with(volume(phase="Released", policy="Delete"))
    lab.volume("fast-0").is_in_phase("Released")
    with pytest.raises(Unmet) as unmet:
        lab.volume("fast-0").is_in_phase("Released", for_seconds=3)
    assert unmet.value.cause is not None
    assert unmet.value.cause.reason == "NotRetained"


def test_a_claim_that_two_pods_use() -> None:
    """Two that are Ready are one too many, and it is the claim that lets them."""
    own = claim("fast-0")
    own["spec"]["accessModes"] = ["ReadWriteOnce"]
    lab = lab_with(volume(), own, pod("a"), pod("b"))
    with pytest.raises(Unmet, match="Ready: a, b") as unmet:
        lab.claim("fast").admits_one_of(lab.pod("a"), lab.pod("b"))
    assert unmet.value.cause is not None
    assert unmet.value.cause.reason == "Shared"
