"""Other programs (kind, kubectl), run with a time limit, and with their own words kept when they fail."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kindlabs.errors import InfraError

LAST_LINES = 12
"""How many lines of a failed command's output an error shows."""


class CommandFailed(InfraError, subprocess.CalledProcessError):
    """A program ended with an error; ``returncode``, ``cmd``, ``stdout`` and ``stderr`` as in CalledProcessError."""

    def __init__(self, command: Sequence[str], returncode: int, stdout: str | None, stderr: str | None) -> None:
        subprocess.CalledProcessError.__init__(self, returncode, list(command), stdout, stderr)
        self.message = _told(f"{shlex.join(command)} ended with code {returncode}:", stdout, stderr)
        self.next_step = ""


class CommandTooSlow(InfraError, subprocess.TimeoutExpired):
    """A program was stopped because it took longer than its limit, ``timeout`` in seconds."""

    def __init__(self, command: Sequence[str], timeout: float, stdout: str | None, stderr: str | None) -> None:
        subprocess.TimeoutExpired.__init__(self, list(command), timeout, stdout, stderr)
        self.message = _told(f"{shlex.join(command)} was stopped after {timeout:.0f} s:", stdout, stderr)
        self.next_step = ""


def run(command: Sequence[str], *, timeout: float, env: Mapping[str, str] | None = None, **options: Any) -> str:
    """Run *command* and return what it wrote to standard output.

    Args:
        command: program and arguments.
        timeout: seconds.
        env: variables to add to this process's own.
        options: for subprocess.run, such as ``input`` or ``cwd``.

    Raises: CommandFailed, CommandTooSlow.
    """
    defaults: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    whole = {**os.environ, **(env or {})}
    try:
        done = subprocess.run(command, timeout=timeout, env=whole, check=False, **{**defaults, **options})
    except subprocess.TimeoutExpired as late:
        raise CommandTooSlow(command, timeout, _text(late.stdout), _text(late.stderr)) from None
    except OSError as error:
        raise InfraError(f"{command[0]} does not start: {error}") from error
    if done.returncode:
        raise CommandFailed(command, done.returncode, done.stdout, done.stderr)
    return str(done.stdout or "")


def follow(command: Sequence[str], tell: Callable[[str], None], *, timeout: float) -> None:
    """Run *command* and hand on each line that it writes to standard error, as soon as it does.

    Args:
        command: program and arguments.
        tell: gets a line, without its end.
        timeout: seconds.

    Raises: CommandFailed, CommandTooSlow.
    """
    said: list[str] = []
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8") as process:
        limit = threading.Timer(timeout, process.kill)
        limit.start()
        try:
            for line in process.stderr or ():
                said.append(line)
                tell(line.rstrip())
        except BaseException:
            process.terminate()
            raise
        finally:
            limit.cancel()
    if time.monotonic() - started >= timeout:
        raise CommandTooSlow(command, timeout, None, "".join(said))
    if process.returncode:
        raise CommandFailed(command, process.returncode, None, "".join(said))


def _told(headline: str, stdout: str | None, stderr: str | None) -> str:
    said = (stderr or stdout or "it said nothing").strip().splitlines()[-LAST_LINES:]
    return "\n".join([headline, *(f"  {line}" for line in said)])


def _text(output: str | bytes | None) -> str | None:
    return output.decode(errors="replace") if isinstance(output, bytes) else output
