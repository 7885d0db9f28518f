"""Why a node has no image: what registries answer, in the kubelet's words, and when nobody was asked."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.images import why_no_image

IMAGE = "registry.example.org/team/app:1"


def pod(reason: str, message: str, **container: Any) -> Any:
    """A Pod whose container waits for its image."""
    status = {"name": "app", "state": {"waiting": {"reason": reason, "message": message}}}
    spec = {"containers": [{"name": "app", "image": IMAGE, **container}]}
    return thing("Pod", "web-1", spec=spec, status={"containerStatuses": [status]})


@pytest.mark.parametrize(
    ("message", "says", "final"),
    [
        ("failed to resolve reference: not found", "no such image in the registry", True),
        ("failed to fetch anonymous token: 401 Unauthorized", "the registry gives it to nobody without a login", True),
        ("failed to authorize: 403 Forbidden", "the registry gives it to nobody without a login", True),
        ("dial tcp: lookup registry.example.org: no such host", "its registry does not exist", True),
        ("x509: certificate signed by unknown authority", "its registry does not answer", False),
        ("manifest unknown", "no such image in the registry", True),
        ("dial tcp 192.0.2.1:443: i/o timeout", "its registry does not answer", False),
        ("unexpected status: 503 Service Unavailable", "its registry does not answer", False),
    ],
)
def test_an_answer_of_the_registry_is_final(message: str, says: str, final: bool) -> None:
    """A registry that answered answers the same again; one that did not may do so yet."""
    cause = why_no_image(scene_with(), pod("ErrImagePull", message))

    assert cause is not None
    assert cause.message == f"The node cannot pull {IMAGE}: {says}."
    assert cause.final is final


def test_a_pull_that_is_forbidden_is_the_policys() -> None:
    """Where imagePullPolicy forbids to ask, no registry is blamed."""
    asked = pod("ErrImageNeverPull", f'Container image "{IMAGE}" is not present with pull policy of Never')
    cause = why_no_image(scene_with(), asked)

    assert cause is not None
    assert cause.final
    assert cause.message == f"The node has no image {IMAGE}, and imagePullPolicy Never forbids to pull it."
    assert cause.field == ("spec", "containers", 0, "imagePullPolicy")
