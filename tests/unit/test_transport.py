"""Requests to an API server that has troubles of its own: a server on loopback plays them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindlabs.kube.api import Api
from kindlabs.kube.transport import ApiError

BUSY = {"kind": "Status", "reason": "TooManyRequests", "message": "storage is (re)initializing"}


class Server(ThreadingHTTPServer):
    """Answers 429 as often as ``busy`` says, then 200; counts what it was asked."""

    busy = 0
    asked = 0


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        self.server.asked += 1
        refused = self.server.asked <= self.server.busy
        body = json.dumps(BUSY if refused else {"kind": "List", "items": []}).encode()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(429 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        if refused:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is never busy unless it is told to be."""
    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Api:
    """An Api of that server."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    return Api(tmp_path / "kubeconfig")


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_busy_server_is_asked_again(server: Server, api: Api, method: str) -> None:
    """A server that asks for patience, as it does for a kind that is new, is asked again, and its answer counts."""
    server.busy = 2
    assert api.request(method, "/apis/new/v1/things", body={} if method == "PATCH" else None)["items"] == []
    assert server.asked == 3


def test_server_that_stays_busy_is_quoted(server: Server, api: Api) -> None:
    """A server that is still busy after some time ends the request with its own words, not with ours."""
    server.busy = 99
    with pytest.raises(ApiError, match="initializing") as caught:
        api.request("GET", "/apis/new/v1/things")
    assert caught.value.status == 429
