"""When a cluster may be used: not when objects say so, but when it has done what it promises."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from operator import not_

from kindlabs.errors import InfraError
from kindlabs.kube.api import ApiTimeout
from kindlabs.patience import LOOK_AGAIN, poll
from kindlabs.promises.health import symptom
from kindlabs.promises.promise import Promise
from kindlabs.promises.proving import prove
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

READY_SECONDS = 180.0
"""A new cluster with all add-ons needs some 15 s; a machine with far too much work ten times as long."""
GLANCE_SECONDS = 5.0


def wait(promises: Sequence[Promise], trial: Trial, timeout: float = READY_SECONDS) -> None:
    """Return when all *promises* are proven, and hold at a glance too. *timeout* is in seconds, for all together.

    Raises: InfraError that names what did not come, and what was seen last.
    """
    begun = time.monotonic()
    try:
        missing = [f"{name}: {text}" for name, text in prove(promises, trial, timeout).items()]
    finally:
        trial.clean_up()
    if not missing:
        left = timeout - (time.monotonic() - begun)
        seen = poll(partial(_glance, promises, trial), left, LOOK_AGAIN, until=not_)
        missing = [seen] if seen else []
    if missing:
        raise InfraError("\n".join([f"After {timeout:.0f} s the cluster is not ready.", *missing]), "make doctor")


def _glance(promises: Sequence[Promise], trial: Trial) -> str | None:
    try:
        return symptom(promises, Sight(trial.api, trial.ports, GLANCE_SECONDS))
    except ApiTimeout as error:
        return error.message
