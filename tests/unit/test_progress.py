"""What a long step tells where there are no bars."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from kindlabs import progress
from kindlabs.progress import Steps, TimeLeft


@pytest.fixture
def told() -> io.StringIO:
    """Where a log would get it."""
    return io.StringIO()


def test_a_long_step_says_how_far_it_is(told: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets a line about how far a step is every now and then, not one for each unit."""
    with Steps(Console(file=told, width=200)) as steps, steps.step("Compile it", total=4) as step:
        step.advance()
        monkeypatch.setattr(progress, "TOLD_EVERY", -1)
        step.advance()
    assert told.getvalue() == "  … Compile it\n    Compile it: 2 of 4\n"


def test_a_note_is_a_line_of_its_own(told: io.StringIO) -> None:
    """What a step is busy with is told at once."""
    with Steps(Console(file=told, width=200)) as steps, steps.step("Make it", total=2) as step:
        step.advance(note="unpacking")
    assert told.getvalue() == "  … Make it\n    Make it: unpacking\n"


class Terminal(io.StringIO):
    """What says that somebody looks at it."""

    def isatty(self) -> bool:
        """So it says."""
        return True


@pytest.mark.parametrize(
    ("file", "line"), [(io.StringIO(), "    Grade it: ✓ anna; 1 of 2 passed"), (Terminal(), "    ✓ anna")]
)
def test_what_is_done_stays(file: io.StringIO, line: str) -> None:
    """On a terminal it is a line above the bars, which show how far it is; elsewhere both are one line."""
    console = Console(file=file, force_terminal=isinstance(file, Terminal), width=200, color_system=None)
    with Steps(console) as steps, steps.step("Grade it", total=2) as step:
        step.advance(note="1 of 2 passed", done="✓ anna")
    assert line in [shown.rstrip() for shown in re.split(r"\r?\n|\x1b\[2K|\r", file.getvalue())]


def test_time_left_is_said() -> None:
    """How many of how many, and how long the rest takes; nothing at the end."""
    left = TimeLeft(2)
    left.began -= 60
    assert left.after_one_more().startswith("1 of 2, some 1 min")
    assert round(left.per_minute) == 1
    assert left.after_one_more() == "2 of 2"
