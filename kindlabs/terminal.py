"""Standard output and error that nothing breaks: no text, no terminal's encoding, no reader that has gone."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import warnings
from typing import Any

CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What a terminal obeys instead of showing it, and what is no character, which no file may hold; no line ends."""


def printable(text: str) -> str:
    r"""*text* with its control characters spelled out, ``\x1b``: a file of a learner's moves no cursor."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Lasting(io.TextIOWrapper):
    """A stream that outlives its reader: after ``| head -1`` the rest goes nowhere, and the command on to its end."""

    def write(self, text: str) -> int:
        """Write, or let it go when nobody reads any more."""
        try:
            return super().write(text)
        except OSError as error:
            self._let_go(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or let it go when nobody reads any more."""
        try:
            super().flush()
        except OSError as error:
            self._let_go(error)

    def _let_go(self, error: OSError) -> None:
        if error.errno not in (errno.EPIPE, errno.EIO):  # a pipe without a reader, a terminal that was closed
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def prepare() -> None:
    r"""Make this process's streams lasting; what their encoding lacks is shown as ``\u2713``."""
    warnings.simplefilter("ignore")  # PYTHONWARNINGS=error is meant for developers of other things
    sys.stdout, sys.stderr = _lasting(sys.stdout), _lasting(sys.stderr)


def _lasting(stream: Any) -> io.TextIOWrapper:
    if stream is None:  # closed by whoever started this
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123
    how = {"encoding": stream.encoding, "line_buffering": stream.line_buffering}
    return Lasting(stream.detach(), errors="backslashreplace", **how)
