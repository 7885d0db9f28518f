"""How a container that ended is told."""

from __future__ import annotations

import pytest
from worlds import scene_with, thing

from kindlabs.diagnosis.crashes import how_it_ended

POD = thing("Pod", "web", spec={"containers": [{"name": "app"}]})
STATUS = {"name": "app"}
ENDED = {"exitCode": 2, "startedAt": "2026-11-29T14:00:00Z", "finishedAt": "2026-11-29T14:00:09Z"}


@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        ("sh: can't fork: Resource temporarily unavailable", True),  # busybox
        ("sh: 1: Cannot fork", True),  # dash
        ("bash: fork: retry: Resource temporarily unavailable", True),
        ("RuntimeError: can't start new thread", True),  # Python
        ("runtime: failed to create new OS thread (have 9 already; errno=11)", True),  # Go
        ("a fork in the road", False),
    ],
)
def test_who_gets_no_further_process_is_told(words: str, is_told: bool) -> None:
    """A Pod has as many processes as its cluster lets it have; whoever forks without end reads it."""
    told = how_it_ended(scene_with(POD, logs=lambda _pod, _container: f"begin\n{words}\n"), POD, STATUS, ENDED)
    assert ("a Pod may have only so many processes" in told) is is_told
    assert words in told
