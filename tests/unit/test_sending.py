"""Which answers of the API server are about the object that was sent."""

from __future__ import annotations

from typing import Any, cast

import pytest

from kindlabs.kube.api import Api, ApiError
from kindlabs.kube.sending import kinds_defined_by, passes, send


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


WIDGET: Any = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "one", "namespace": "lab-02"}}
DEFINITION: Any = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.org"},
    "spec": {"group": "example.org", "names": {"kind": "Widget"}},
}


class SlowServer:
    """A server that serves a new kind only at the third try."""

    tries = 0

    def apply(self, _manifest: Any, *, manager: str) -> None:
        """Refuse twice, then take it."""
        self.tries += 1
        if self.tries < 3:
            raise ApiError(404, "NotFound", "no kind Widget in version example.org/v1")


def test_an_object_right_after_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that is defined beside it is served a moment later; one that nobody defines is refused at once."""
    monkeypatch.setattr("kindlabs.kube.sending.PAUSES", (0, 0, 0))
    server = SlowServer()
    assert send(cast("Api", server), WIDGET, kinds_defined_by([DEFINITION, WIDGET])) is None
    assert server.tries == 3
    refusal = send(cast("Api", SlowServer()), WIDGET, kinds_defined_by([WIDGET]))
    assert refusal is not None
    assert refusal.message.startswith("no kind Widget")
