"""A server on loopback that plays an API server with troubles: it serves one Pod."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from kindlabs.kube.api import Api
from kindlabs.kube.world import LISTED

PODS = {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "verbs": ["list", "watch"]}
CORE = {"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [PODS]}]}]}
POD = {"metadata": {"name": "web", "namespace": "lab", "uid": "1"}}
WIDGETS = PODS | {"resource": "widgets", "responseKind": {"kind": "Widget"}, "verbs": ["list", "delete"]}
GROUP = {"metadata": {"name": "example.org"}, "versions": [{"version": "v1", "resources": [WIDGETS]}]}
END = {"type": "BOOKMARK", "object": {"metadata": {"annotations": {LISTED: "true"}}}}
"""What ends the list that a watch begins with."""


class Server(ThreadingHTTPServer):
    """Serves what ``kinds`` has, each by its path, and holds watches open until ``cut``.

    With a *trouble* it answers everything with that. ``events`` are told to whoever watches, after what is there;
    without an ``end`` nobody hears that this was all. A watch begins once ``opens`` is set; ``asked`` tells that one is
    wanted.
    """

    daemon_threads = True
    trouble: tuple[int, str] | None = None
    events: tuple[Any, ...] = ()
    end = True

    def __init__(self) -> None:
        self.groups: list[Any] = []
        self.kinds: dict[str, list[Any]] = {"/api/v1/pods": [POD]}
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut, self.asked, self.opens = threading.Event(), threading.Event(), threading.Event()
        self.opens.set()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        path, _, query = self.path.partition("?")
        if self.server.trouble:
            self._say(*self.server.trouble)
        elif path in ("/api", "/apis"):
            self._say(200, json.dumps(CORE if path == "/api" else {"items": self.server.groups}))
        elif path == "/readyz":
            self._say(200, "ok")
        elif path not in self.server.kinds:
            self._say(404, "404 page not found")
        elif "watch=true" in query:
            self._tell(self.server.kinds[path])
        else:
            self._say(200, json.dumps({"apiVersion": "v1", "kind": "List", "items": self.server.kinds.get(path, [])}))

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def _tell(self, things: list[Any]) -> None:
        self.server.asked.set()
        self.server.opens.wait(10)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        listed = [{"type": "ADDED", "object": thing} for thing in things]
        for event in [*listed, *([END] if self.server.end else []), *self.server.events]:
            line = json.dumps(event).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
        self.server.cut.wait(10)
        with suppress(ConnectionError):  # whoever watched may have hung up
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serving() -> Iterator[Server]:
    """A sound server."""
    with Server() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.cut.set()
        made.shutdown()


def api_of(server: Server, folder: Path) -> Api:
    """The Api of a server; its kubeconfig is written into *folder*."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    (folder / "kubeconfig").write_text(json.dumps(config | {"current-context": "c"}))
    return Api(folder / "kubeconfig")
