"""An answer that ends, in seconds and in bytes, however slowly or however long the other side sends."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx  # 50 ms, which whoever asks by other means does without


class Endless(Exception):
    """An answer that had not ended in time, or is longer than it may be; ``why`` says which."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def whole(pieces: Iterable[bytes], *, until: float, most: int) -> bytes:
    """All *pieces* of an answer, as they come.

    Args:
        until: by ``time.monotonic``; looked at after each piece, so a silence is for the time-out of the connection.
        most: bytes.

    Raises: Endless, and what *pieces* raises.
    """
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > most:
            raise Endless(f"the answer is longer than {most // 1024} KiB")
        if time.monotonic() > until:
            raise Endless(f"the answer had not ended in time, after {len(data)} bytes")
    return bytes(data)


def get(client: httpx.Client, path: str, host: str, *, seconds: float, most: int = 1024 * 1024) -> tuple[int, str]:
    """GET *path* for *host*: status, and the body as text, not unpacked: what is small may unpack to gigabytes.

    Raises: Endless, httpx.HTTPError, httpx.InvalidURL.
    """
    headers = {"Host": host, "Accept-Encoding": "identity"}
    until = time.monotonic() + seconds
    with client.stream("GET", path, headers=headers, extensions={"sni_hostname": host}, timeout=seconds) as response:
        body = whole(response.iter_raw(), until=until, most=most)
    return response.status_code, body.decode(errors="replace")
