"""Schedules fire when a CronJob's controller says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kindlabs.kube.schedules import is_each_minute, next_times

NOW = datetime(2026, 11, 29, 13, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "first"),
    [
        ("* * * * *", None, "2026-11-29T14:00:00+00:00"),
        ("@hourly", None, "2026-11-29T14:00:00+00:00"),
        ("0 3 * * mon", None, "2026-11-30T03:00:00+00:00"),
        ("0 9 ? * *", "Asia/Kolkata", "2026-11-30T09:00:00+05:30"),
        ("@every 1h30m", None, "2026-11-29T15:29:30+00:00"),
    ],
)
def test_the_next_time(schedule: str, zone: str | None, first: str) -> None:
    """Five fields, the usual words for them, @every, and a time zone."""
    assert [time.isoformat() for time in next_times(schedule, zone, NOW, 1)] == [first]


@pytest.mark.parametrize("schedule", ["every minute", "@never", "61 * * * *", "0 0 31 2 *", "@every nothing"])
def test_what_never_fires(schedule: str) -> None:
    """What is no schedule, or names no day that there is, has no times."""
    assert next_times(schedule, None, NOW, 1) == []


@pytest.mark.parametrize(
    ("schedule", "each"),
    [
        ("* * * * *", True),
        ("*/1 * * * *", True),
        ("0-59 * * 1-12 ?", True),
        ("@every 1m", True),
        ("*/2 * * * *", False),
        ("* 14 * * *", False),
        ("* * * * sun,mon", False),  # the day that comes is one of these
        ("* * 1-30 * *", False),
    ],
)
def test_each_minute(schedule: str, each: bool) -> None:
    """Whether no minute of the next day is left out, nor a day of the next year."""
    assert is_each_minute(schedule, None, NOW) is each


def test_each_minute_of_a_day_of_25_hours() -> None:
    """When clocks are put back, a wall clock shows an hour twice; no minute is left out."""
    assert is_each_minute("* * * * *", "Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert is_each_minute("* * * * *", "Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC))
