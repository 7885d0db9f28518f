"""Which answers of the API server are about the object that was sent."""

from __future__ import annotations

from typing import Any, cast

import pytest
from worlds import Words

from kindlabs.kube.api import Api, ApiError
from kindlabs.kube.sending import kinds_defined_by, passes, send


@pytest.mark.parametrize(
    ("status", "recorded"),
    [
        (409, "conflict"),
        (429, "busy"),
        (503, "away"),
        (500, "webhook-away"),
        (500, "etcd"),
        (403, "quota"),
        (403, "no-account-yet"),
        (403, "namespace-going"),
    ],
)
def test_what_passes(words: Words, status: int, recorded: str) -> None:
    """A server that is busy, away or not ready yet says nothing about the learner's object."""
    assert passes(ApiError(status, "", words["passing"][recorded]))


@pytest.mark.parametrize(
    ("status", "recorded"),
    [
        (500, "unknown-field"),
        (500, "text-for-a-number"),
        (400, "managed-fields"),
        (403, "rights"),
        (403, "account"),
        (422, "required"),
        (400, "webhook"),
    ],
)
def test_what_does_not(words: Words, status: int, recorded: str) -> None:
    """A refusal is one, whatever its number."""
    assert not passes(ApiError(status, "", words["refusals"][recorded]))


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
