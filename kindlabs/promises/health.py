"""Whether promises hold as far as a glance tells: a few cheap questions, now."""

from __future__ import annotations

from collections.abc import Sequence

from kindlabs.kube.api import ApiError, ApiTimeout, ApiUnreachable
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight


def symptom(promises: Sequence[Promise], sight: Sight) -> str | None:
    """What is wrong, None when nothing is.

    Raises: ApiTimeout when there was no answer in time, which says nothing yet.
    """
    glances = [promise.glance for promise in promises if promise.glance]
    try:
        return next(filter(None, (glance(sight) for glance in (_not_ready_api, *glances))), None)
    except ApiTimeout:
        raise
    except ApiUnreachable as error:
        return str(error.message)
    except ApiError as error:
        return f"what every such cluster has is not there: {error.message}"


def _not_ready_api(sight: Sight) -> str | None:
    try:
        # etcd is asked twice, 2 s each time when it is silent; once is enough to name it.
        query = {"verbose": "", "exclude": "etcd-readiness"}
        sight.api.text("GET", "/readyz", query=query, timeout=sight.left())
    except ApiError as error:
        if error.status in (401, 403):
            return f"the API server refuses its administrator: {error.message}"
        failed = [line[3:].split()[0] for line in error.message.splitlines() if line.startswith("[-]")]
        return f"the API server is not ready: {', '.join(failed) or error.message} failed"
    return None
