"""Which answers of the API server are about the object that was sent."""

from __future__ import annotations

import pytest

from kindlabs.kube.api import ApiError
from kindlabs.kube.sending import passes


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (409, "Operation cannot be fulfilled on resourcequotas: the object has been modified"),
        (429, "too many requests"),
        (503, "the server is currently unable to handle the request"),
        (500, 'Internal error occurred: failed calling webhook "x": connection refused'),
        (500, "etcdserver: request timed out"),
        (403, 'pods "web" is forbidden: status unknown for quota: small, resources: pods'),
        (
            403,
            'pods "web" is forbidden: no service account l/default: serviceaccount "default" not found',
        ),
        (403, "unable to create new content in namespace lab-03 because it is being terminated"),
    ],
)
def test_what_passes(status: int, message: str) -> None:
    """A server that is busy, away or not ready yet says nothing about the learner's object."""
    assert passes(ApiError(status, "", message))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (
            500,
            "failed to create typed patch object (l/web; apps/v1, Kind=Deployment): .spec.replica: field not declared",
        ),
        (500, "failed to create typed patch object (l/web; v1, Kind=Pod): .spec.timeoutSeconds: expected numeric"),
        (400, "metadata.managedFields must be nil"),
        (403, 'roles "x" is forbidden: User "learner" cannot patch resource "roles"'),
        (403, 'pods "web" is forbidden: error looking up service account l/robot: serviceaccount "robot" not found'),
        (422, 'Service "web" is invalid: spec.ports: Required value'),
        (400, 'admission webhook "x" denied the request: no'),
    ],
)
def test_what_does_not(status: int, message: str) -> None:
    """A refusal is one, whatever its number."""
    assert not passes(ApiError(status, "", message))
