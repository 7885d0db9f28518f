"""Trying until promises hold, or patience is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from kindlabs.errors import InfraError, of_machine
from kindlabs.kube.api import ApiError
from kindlabs.patience import LOOK_AGAIN, LOOK_LATER
from kindlabs.promises.promise import Promise
from kindlabs.promises.trial import Trial

SLOWER = 1.3
"""What comes late is looked at less and less often: each pause is so much longer than the one before."""


def prove(
    promises: Sequence[Promise], trial: Trial, patience: float, over: threading.Event | None = None
) -> dict[str, str]:
    """Prove *promises* side by side; what is missing of those that do not hold, by name.

    Args:
        patience: seconds, for all together.
        over: ends it early, when set.

    Raises: whatever a proof raises that is no word of the cluster's: a bug of ours says nothing about it.
    """
    over, until = over or threading.Event(), time.monotonic() + patience

    def attempt(promise: Promise) -> str | None:
        pace = LOOK_AGAIN
        try:
            while (missing := _look(promise, trial)) and time.monotonic() < until and not over.is_set():
                over.wait(pace)
                pace = min(pace * SLOWER, LOOK_LATER)  # so many that look at once keep a small machine from its work
        except BaseException:
            over.set()
            raise
        return missing

    with ThreadPoolExecutor(max_workers=max(1, len(promises)), thread_name_prefix="proof") as pool:
        missing = list(pool.map(attempt, promises))
    return {promise.name: text for promise, text in zip(promises, missing, strict=True) if text}


def _look(promise: Promise, trial: Trial) -> str | None:
    try:
        return promise.proof(trial)
    except Exception as error:
        known = error if isinstance(error, InfraError | ApiError) else of_machine(error)
        if known is None:
            raise
        return f"{promise.sentence.rstrip('.')}: {known.message}"
