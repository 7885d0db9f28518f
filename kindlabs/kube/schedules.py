"""When a CronJob's schedule fires, as its controller reads it (github.com/robfig/cron/v3, ParseStandard)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

SHORT = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s)")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
MINUTE, MINUTES = timedelta(minutes=1), 24 * 60
DAY, DAYS = timedelta(days=1), 366


def next_times(schedule: str, zone: str | None, after: datetime, count: int) -> list[datetime]:
    """The first *count* times after *after*; fewer where there are no more, none for what is no schedule."""
    if schedule.startswith("@every "):
        seconds = sum(float(number) * UNITS[unit] for number, unit in EVERY.findall(schedule))
        return [after + timedelta(seconds=seconds) * turn for turn in range(1, count + 1)] if seconds else []
    try:
        own = after.astimezone(ZoneInfo(zone)) if zone else after
        times = CronSim(SHORT.get(schedule, schedule).replace("?", "*"), own)
        return [time for time, _ in zip(times, range(count), strict=False)]
    except (CronSimError, KeyError, ValueError):
        return []


def is_each_minute(schedule: str, zone: str | None, now: datetime) -> bool:
    """Whether it fires in each minute of the day that comes, and on each day of a year."""
    return _is_each_minute(schedule, zone, now.replace(minute=0, second=0, microsecond=0))


@cache
def _is_each_minute(schedule: str, zone: str | None, since: datetime) -> bool:
    times = [since, *(time.astimezone(UTC) for time in next_times(schedule, zone, since, MINUTES))]
    each = len(times) == MINUTES + 1 and all(second - first == MINUTE for first, second in pairwise(times))
    return each and (schedule.startswith("@") or _is_each_day(schedule.split()[2:], since))


def _is_each_day(days: list[str], since: datetime) -> bool:
    """Whether the last three fields of a schedule leave no day out; fields that hold today may hold no other."""
    times = [time.date() for time in next_times(" ".join(["0", "0", *days]), None, since, DAYS)]
    return len(times) == DAYS and all(second - first == DAY for first, second in pairwise(times))
