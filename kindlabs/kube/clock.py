"""The cluster's clock. It is not always this machine's: a virtual machine that slept lags behind by minutes."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

ALIKE = timedelta(seconds=2)
"""Clocks this close are taken for one: an HTTP date has whole seconds, and an answer takes its time."""

_ahead = timedelta()


def now() -> datetime:
    """The time in the cluster, as far as its last answer told."""
    return datetime.now(UTC) + _ahead


def heed(date: str | None) -> None:
    """Take the time from the Date header of an answer; what is none is passed over."""
    global _ahead
    with suppress(TypeError, ValueError):
        ahead = parsedate_to_datetime(date or "") - datetime.now(UTC)
        _ahead = timedelta() if abs(ahead) < ALIKE else ahead
