"""What a Pod names and cannot start without."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.references import why_reference_missing

VOLUMES = [{"name": "idle", "secret": {"secretName": "a"}}, {"name": "keys", "secret": {"secretName": "b"}}]
CLAIM = {"name": "disk", "persistentVolumeClaim": {"claimName": "disk"}}


def container(**more: Any) -> dict[str, Any]:
    """A container that mounts volume ``keys`` or what *more* says."""
    return {"name": "web", "volumeMounts": [{"name": "keys"}], **more}


@pytest.mark.parametrize(
    ("spec", "reason", "place"),
    [
        ({"volumes": VOLUMES, "containers": [container()]}, "SecretNotFound", ("volumes", 1)),
        ({"volumes": [CLAIM], "containers": [container(volumeMounts=[{"name": "disk"}])]}, "P", ("volumes", 0)),
        ({"containers": [container(envFrom=[{"configMapRef": {"name": "a"}}])]}, "C", ("containers", 0)),
        ({"initContainers": [container(envFrom=[{"secretRef": {"name": "a"}}])]}, "S", ("initContainers", 0)),
        ({"containers": [container(envFrom=[{"configMapRef": {"name": "a", "optional": True}}])]}, "", ()),
        ({"volumes": VOLUMES[:1], "containers": [container()], "imagePullSecrets": [{"name": "a"}]}, "", ()),
    ],
)
def test_what_is_missing_and_needed_is_told(spec: dict[str, Any], reason: str, place: tuple[str | int, ...]) -> None:
    """Environment and mounted volumes count, at their own place; what is optional, idle or for pulling does not."""
    cause = why_reference_missing(scene_with(), thing("Pod", "web-1", spec={"containers": []} | spec))
    assert (cause.field[1:3] if cause else ()) == place
    assert (cause.reason if cause else "").startswith(reason)
    assert cause is None or cause.reason.endswith("NotFound")
