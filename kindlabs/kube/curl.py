"""HTTP requests from inside a Pod: curl, in shells there, told what to ask and how to end."""

from __future__ import annotations

import json
import math
import secrets
import time
from typing import NamedTuple

from kindlabs.kube.streams import Shells, Unended
from kindlabs.kube.transport import ApiError, ApiTimeout

ANSWER_BYTES = 64 * 1024
"""What an answer may say; no lab asks for more."""
GRACE_SECONDS = 1.0
"""For the way to the shell and back, beside the time that a request has."""
OPTIONS = (
    *("silent", "globoff", "path-as-is", "fail-early", 'noproxy = "*"', 'proto = "=http"'),
    'header = "Connection: close"',  # each request over a connection of its own
)
"""How curl asks: as it is told, and nobody else."""

TOLD = "%{exitcode} %{time_total} %{time_connect} %{time_namelookup} %{errormsg}"
"""What curl says of each request, beside its answer; the seconds of a step that it did not come to are 0."""
REFUSED_SECONDS = 0.9
"""Within so long a connection is refused; that a host cannot be found takes Linux three questions, 1 s each."""
NO_WAY, LATE, TOO_LONG = 7, 28, 63
USUAL = {
    6: "no such host",
    52: "the connection was closed without an answer",
    TOO_LONG: f"the answer is longer than {ANSWER_BYTES // 1024} KiB",
}
"""What exit codes of curl mean (curl.se/docs/manpage.html), where its own words say more than anybody needs."""


def get(shells: Shells, host: str, port: int, path: str, *, tries: int = 1, timeout: float) -> dict[str, list[str]]:
    """GET ``http://host:port/path`` *tries* times; what came back, as ``responses`` and ``errors``.

    Each request has a connection of its own, and the first that fails is the last. Redirects are not followed.

    Args:
        timeout: seconds, for all of them.

    Raises: Silent when an answer had not ended in time, ApiTimeout when nobody says how a request ended; ApiError when
        nobody can ask; ApiUnreachable.
    """
    ends = _ask(shells, [f"http://{_bare(host)}:{port}{path}"] * tries, timeout)
    last = ends[-1]
    if last.code == LATE:
        what = "an answer that did not end in time" if last.connected else "no answer in time"
        raise Silent(f"{what}: {last.error}")
    return {"responses": [end.body for end in ends if end.code == 0], "errors": [_plain(last)] if last.code else []}


def listens(shells: Shells, host: str, port: int, *, timeout: float) -> bool | None:
    """Whether something accepts TCP on *port* of *host*, whatever it says; None when neither yes nor no came in time.

    Raises: ApiError when nobody can ask; ApiUnreachable.
    """
    try:
        (end,) = _ask(shells, [f"http://{_bare(host)}:{port}/"], timeout)
    except ApiTimeout:
        return None
    if end.connected:
        return True
    return False if _is_refused(end) else None


def resolves(shells: Shells, host: str, *, timeout: float) -> bool:
    """Whether *host* has an address; what answers there, if anything does, is not asked for.

    Raises: ApiTimeout, ApiError when nobody can ask; ApiUnreachable.
    """
    (end,) = _ask(shells, [f"http://{_bare(host)}/"], timeout)
    return end.resolved


class Silent(ApiTimeout):
    """A request was sent and got no answer in time; any other ApiTimeout says that nobody knows whether it was sent."""


class _End(NamedTuple):
    """How one request ended: the exit code and words of curl, its seconds, whether it was connected, and the answer.

    ``resolved``: whether its host had an address.
    """

    code: int
    error: str
    seconds: float
    connected: bool
    body: str
    resolved: bool = True


def _ask(shells: Shells, urls: list[str], timeout: float) -> list[_End]:
    """The ends of requests to *urls*, one after the other up to the first that fails."""
    word = secrets.token_hex(16)
    limit = ANSWER_BYTES * len(urls)
    # Given as a file: what stands on a command line, others in the Pod may read.
    wanted = [
        *OPTIONS,
        f"max-time = {timeout:.3f}",
        f"max-filesize = {ANSWER_BYTES}",
        f"write-out = {json.dumps(f'{word} {TOLD}{word}')}",
        *(f"url = {json.dumps(url, ensure_ascii=False)}" for url in urls),
    ]
    command = f"timeout {math.ceil(timeout + GRACE_SECONDS)} curl -q -K -"
    started = time.monotonic()
    try:
        said = shells.ask(command, "\n".join(wanted), timeout=timeout + GRACE_SECONDS, limit=limit)
    except Unended as error:
        raise ApiTimeout(f"no answer within {timeout:g} s") from error
    pieces = said.split(word)
    ends = [_end(body, told) for body, told in zip(pieces[::2], pieces[1::2], strict=False)]
    if len(pieces) % 2 == 0 or (ends and pieces[-1]) or len(said) >= limit:  # its end was cut off
        ends.append(_End(TOO_LONG, "", 0, True, ""))
    if not ends and time.monotonic() - started >= timeout:  # ended for us before it had begun to speak
        raise ApiTimeout(f"no answer within {timeout:g} s")
    if not ends:
        raise ApiError(500, "", f"curl does not run in it, which says {said[:80]!r}")
    return ends


def _end(body: str, told: str) -> _End:
    _, code, seconds, connected, resolved, *words = told.split(" ")
    return _End(int(code), " ".join(words), float(seconds), float(connected) > 0, body, float(resolved) > 0)


def _plain(end: _End) -> str:
    """What became of a request that got no answer, in the words that are usual for it."""
    if _is_refused(end):
        return "connection refused"
    return USUAL.get(end.code, end.error or f"curl ended with {end.code}")


def _is_refused(end: _End) -> bool:
    """Curl says no more than that it could not connect; a host that is not there takes its seconds to be missed."""
    return end.code == NO_WAY and end.seconds < REFUSED_SECONDS


def _bare(host: str) -> str:
    return f"[{host}]" if ":" in host else host
