"""Sending one object as the learner: what the API server refuses for good, and what passes when it is asked again."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.objects import kind_of
from kindlabs.kube.ownership import LEARNER_MANAGER

PAUSES = (0.1, 0.3, 1.0, 2.0)
"""Seconds before an object is sent once more that met what passes."""
PASSES = {401, 408, 409, 429, 502, 503, 504}
"""Statuses that are never about the object: a conflict with a controller's write, a server that is busy or away."""
NOT_YET = (
    "status unknown for quota",
    "not yet ready to handle request",
    "because it is being terminated",
    '/default: serviceaccount "default" not found',
)
"""What admission plugins say of a namespace that was made, or an account that was replaced, a moment ago."""
SERVER_TROUBLE = (
    "failed calling webhook",
    "etcdserver: ",
    "request timed out",
    "did not complete within",
    "context deadline exceeded",
    "connection refused",
)
"""What an internal error says that is not about the object. The others are: a field of the wrong type is answered with
HTTP 500 by server-side apply (k8s.io/apiserver, endpoints/handlers/patch.go)."""


@dataclass(frozen=True)
class Refusal:
    """An object that the API server did not take, and why, in the server's words."""

    manifest: Object
    message: str


def send(learner: Api, manifest: Object, coming: Collection[str] = ()) -> Refusal | None:
    """Apply *manifest*; None when it was taken.

    Args:
        coming: the kinds that are defined beside it: one of these may be served only a moment later.

    Raises: ApiError when what should pass does not.
    """
    kind_comes = kind_of(manifest) in coming
    for pause in (*PAUSES, None):
        try:
            learner.apply(manifest, manager=LEARNER_MANAGER)
        except ApiError as error:
            unserved = kind_comes and error.status == 404
            if not passes(error) and not unserved:
                return Refusal(manifest, error.message)
            if pause is None:
                if unserved:
                    return Refusal(manifest, error.message)
                raise
            time.sleep(pause)
        else:
            break
    return None


def kinds_defined_by(manifests: Iterable[Object]) -> set[str]:
    """The kinds, with their groups, that the CustomResourceDefinitions among *manifests* define."""
    specs = [m.get("spec") or {} for m in manifests if m["kind"] == "CustomResourceDefinition"]
    return {f"{(spec.get('names') or {}).get('kind')}.{spec.get('group')}" for spec in specs}


def passes(error: ApiError) -> bool:
    """Whether an answer says nothing about the object that was sent."""
    trouble = error.status == 500 and any(sign in error.message for sign in SERVER_TROUBLE)
    return error.status in PASSES or trouble or any(sign in error.message for sign in NOT_YET)
