"""A promise of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kindlabs.kube.api import Api
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial


@dataclass(frozen=True)
class Promise:
    """One thing that a cluster does for whoever asks it.

    Args:
        name: ``pods-start``; what ``breaks`` in a lab.yaml names.
        sentence: the same as a person would say it.
        proof: does the thing with objects of our own; None when it came about, else what is missing, in one sentence.
            It is called again and again until it does: a trial sends each object once only.
        kinds: for whose sake it is made: a lab without an object of one of them is not promised it. Empty: every lab.
        glance: what is wrong as seen now, in a few cheap questions; None when nothing is. Silence is an ApiTimeout.
        restore: puts back what a lab broke on purpose.
        lags: whether what answers follows the API server a moment later, so that answers may be older than objects are.
    """

    name: str
    sentence: str
    proof: Callable[[Trial], str | None]
    kinds: tuple[str, ...] = ()
    glance: Callable[[Sight], str | None] | None = None
    restore: Callable[[Api], None] | None = None
    lags: bool = False
