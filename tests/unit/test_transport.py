"""Requests to an API server that has troubles of its own: a server on loopback plays them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindlabs.kube import clock
from kindlabs.kube.api import Api
from kindlabs.kube.objects import age
from kindlabs.kube.transport import ApiError

BUSY = {"kind": "Status", "reason": "TooManyRequests", "message": "storage is (re)initializing"}


class Server(ThreadingHTTPServer):
    """Answers 429 as often as ``busy`` says, then 200; counts what it was asked. Its clock is ``ahead`` by seconds."""

    busy = 0
    asked = 0
    ahead = 0.0


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

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the server's clock."""
        return super().date_time_string((timestamp or time.time()) + self.server.ahead)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that is never busy unless it is told to be."""
    with Server(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, args=[0.01], daemon=True).start()
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


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0, 1.0, 0.0])
def test_ages_are_by_the_clusters_clock(ahead: float, api: Api, server: Server) -> None:
    """A machine that slept may be an hour off: what the cluster wrote 10 s ago is still 10 s old."""
    server.ahead = ahead
    api.request("GET", "/api/v1/pods")
    written = datetime.now(UTC) + timedelta(seconds=ahead - 10)
    try:
        assert age(written.isoformat(timespec="seconds")) == pytest.approx(10, abs=2.1)
    finally:
        clock.heed(format_datetime(datetime.now(UTC)))


def test_an_answer_without_a_date_changes_no_clock() -> None:
    """What stands between may drop the header, or write what is no date."""
    for date in (None, "", "soon"):
        clock.heed(date)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
