"""Other programs: their limits, and their words when they fail."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from kindlabs.clusters.commands import LAST_LINES, CommandFailed, CommandTooSlow, follow, run
from kindlabs.errors import InfraError


def python(text: str) -> list[str]:
    """A command that runs a line of Python."""
    return [sys.executable, "-c", text]


def test_output_and_environment() -> None:
    """What a program writes comes back; variables are added to this process's own."""
    text = "import os; print(os.environ['GREETING'], 'PATH' in os.environ)"
    assert run(python(text), timeout=10, env={"GREETING": "hello"}) == "hello True\n"


def test_input_is_handed_on() -> None:
    """Options of subprocess.run work as they do there."""
    assert run(python("print(input())"), timeout=10, input="a line") == "a line\n"


def test_failure_keeps_the_words() -> None:
    """A failure is an error of the machine and a CalledProcessError, with the program's last words."""
    text = "import sys; [print(f'line {n}', file=sys.stderr) for n in range(99)]; sys.exit(4)"
    with pytest.raises(CommandFailed) as caught:
        run(python(text), timeout=10)
    assert isinstance(caught.value, InfraError)
    assert isinstance(caught.value, subprocess.CalledProcessError)
    assert caught.value.returncode == 4
    assert "ended with code 4" in str(caught.value)
    assert str(caught.value).splitlines()[-1].strip() == "line 98"
    assert len(str(caught.value).splitlines()) == LAST_LINES + 1


def test_failure_without_words_says_so() -> None:
    """A program that fails in silence is quoted as saying nothing."""
    with pytest.raises(CommandFailed, match="it said nothing"):
        run(python("raise SystemExit(1)"), timeout=10)


def test_slow_program_is_stopped() -> None:
    """A program that takes too long is stopped at its limit; what it had written is in the error."""
    started = time.monotonic()
    with pytest.raises(CommandTooSlow, match="half done") as caught:
        run(python("import time; print('half done', flush=True); time.sleep(60)"), timeout=0.5)
    assert isinstance(caught.value, subprocess.TimeoutExpired)
    assert time.monotonic() - started < 5


def test_program_that_is_not_there() -> None:
    """A program that does not exist is named."""
    with pytest.raises(InfraError, match="no-such-program"):
        run(["no-such-program"], timeout=1)


def test_lines_come_as_they_are_written() -> None:
    """A followed program's lines are handed on while it runs."""
    heard: list[tuple[str, float]] = []
    text = "import sys, time; print('one', file=sys.stderr, flush=True); time.sleep(0.5); print('two', file=sys.stderr)"
    follow(python(text), lambda line: heard.append((line, time.monotonic())), timeout=10)
    assert [line for line, _ in heard] == ["one", "two"]
    assert heard[1][1] - heard[0][1] > 0.3


def test_followed_failure_keeps_the_words() -> None:
    """A followed program that fails, or takes too long, is quoted like any other."""
    with pytest.raises(CommandFailed, match="no room"):
        follow(python("import sys; sys.exit('no room')"), lambda _: None, timeout=10)
    text = "import sys, time; print('half done', file=sys.stderr, flush=True); time.sleep(60)"
    with pytest.raises(CommandTooSlow, match="half done"):
        follow(python(text), lambda _: None, timeout=0.5)
