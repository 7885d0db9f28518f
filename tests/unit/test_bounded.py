"""Every answer ends: servers that trickle, never stop, or send what unpacks to more, asked as labs and the API ask."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from servers import OK, Answer, Serve, floods, says, serving, trickles

from kindlabs.kube import bounded, transport
from kindlabs.kube.bounded import Endless
from kindlabs.kube.transport import ApiTimeout, Transport

ENDLESS = [(trickles(OK + b"\r\n"), "not ended in time"), (floods(OK + b"\r\n"), "longer than 1 KiB")]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server."""
    with serving() as start:
        yield start


@pytest.mark.parametrize(("answer", "why"), ENDLESS, ids=["trickle", "flood"])
def test_an_endless_website_ends(serve: Serve, answer: Answer, why: str) -> None:
    """A body that trickles gets its time, one that floods its bytes."""
    began = time.monotonic()
    with httpx.Client() as client, pytest.raises(Endless, match=why):
        bounded.get(client, f"http://127.0.0.1:{serve(answer)}/", "web", seconds=0.5, most=1024)
    assert time.monotonic() - began < 2


def test_an_answer_is_not_unpacked(serve: Serve) -> None:
    """What was packed though nobody asked for it stays packed: 1 KB may hold 1 MB."""
    packed = gzip.compress(b"x" * 1_000_000)
    sent = OK + b"Content-Encoding: gzip\r\n\r\n" + packed
    with httpx.Client() as client:
        status, body = bounded.get(client, f"http://127.0.0.1:{serve(says(sent))}/", "web", seconds=2)
    assert (status, len(body)) <= (200, len(packed))


@pytest.mark.parametrize("answer", [answer for answer, _ in ENDLESS], ids=["trickle", "flood"])
def test_an_endless_api_server_ends(
    serve: Serve, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out of a request is for all of it, and not for each byte; the bytes are counted, too."""
    monkeypatch.setattr(transport, "MOST", 1024 * 1024)
    url = f"http://127.0.0.1:{serve(answer)}"
    config = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    began = time.monotonic()
    with pytest.raises(ApiTimeout, match="without an end"):
        Transport(tmp_path / "kubeconfig").text("GET", "/api", timeout=0.5)
    assert time.monotonic() - began < 2
