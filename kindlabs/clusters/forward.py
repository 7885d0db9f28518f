"""``kubectl port-forward``: started once, its port read from what it prints, stopped for sure."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence

from kindlabs.clusters.commands import CommandFailed

START_SECONDS = 15.0
PRINTED = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


class Forward:
    """A running port-forward; ``port`` is the local one.

    Args:
        command: kubectl and its arguments.
        environment: variables to add to this process's own.

    Raises: CommandFailed with kubectl's words: there is nothing to forward to, or START_SECONDS went by.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        whole = {**os.environ, **environment}
        self._command = command
        self._process = subprocess.Popen(command, env=whole, stdout=pipe, stderr=pipe, encoding="utf-8")
        too_late = threading.Timer(START_SECONDS, self._process.kill)
        too_late.start()
        try:
            self.port = self._printed_port()
        except BaseException:
            self.stop()
            raise
        finally:
            too_late.cancel()
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """End it and wait for its end."""
        self._process.kill()
        self._process.wait()

    def _printed_port(self) -> int:
        for line in self._process.stdout or ():
            if found := PRINTED.match(line):
                return int(found[1])
        _, said = self._process.communicate()
        raise CommandFailed(self._command, self._process.returncode, "", said)

    def _read_on(self) -> None:
        """It writes a line for each connection; a full pipe would stop it."""
        with contextlib.suppress(ValueError, OSError):
            self._process.communicate()
