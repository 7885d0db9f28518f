"""What was seen of a cluster is current, or known not to be: a server on loopback plays an API server with troubles."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kindlabs.kube import world as module
from kindlabs.kube.api import Api, ApiUnreachable
from kindlabs.kube.world import World

PODS = {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced", "verbs": ["list", "watch"]}
CORE = {"items": [{"metadata": {}, "versions": [{"version": "v1", "resources": [PODS]}]}]}
POD = {"metadata": {"name": "web", "namespace": "lab", "uid": "1"}}
ANSWERS = {"/api": CORE, "/apis": {"items": []}, "/api/v1/pods": {"metadata": {"resourceVersion": "1"}, "items": [POD]}}


class Server(ThreadingHTTPServer):
    """Serves one Pod, and holds watches open until ``cut``; with a *trouble* it answers everything with that.

    ``events`` are told to whoever begins to watch.
    """

    daemon_threads = True
    trouble: tuple[int, str] | None = None
    events: tuple[Any, ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cut = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Answer."""
        path, _, query = self.path.partition("?")
        status, text = self.server.trouble or (200, json.dumps(ANSWERS.get(path, {})))
        self.send_response(status)
        if "watch=true" in query and status == 200:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in (json.dumps(event).encode() + b"\n" for event in self.server.events):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            self.server.cut.wait(10)
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A sound server; the world's patience is short."""
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    with Server() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.cut.set()
        made.shutdown()


@pytest.fixture
def world(server: Server, tmp_path: Path) -> Iterator[World]:
    """What is seen of it."""
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    (tmp_path / "kubeconfig").write_text(json.dumps(config | {"current-context": "c"}))
    with World(Api(tmp_path / "kubeconfig")) as seen:
        yield seen


def watched(world: World) -> bool:
    """Whether every kind is; without asking the server."""
    return not any(kind.stale_since for kind in world._kinds.values())


def until(true: Callable[[], bool]) -> None:
    """Return when it is true."""
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("trouble", [(500, "{}"), (503, "not now"), (403, "{}"), (200, "[1]"), (200, "no JSON")])
def test_what_cannot_be_listed_is_unreachable(trouble: tuple[int, str], server: Server, world: World) -> None:
    """A server that refuses for ever, or answers nonsense, leaves nobody waiting for a first look."""
    server.trouble = trouble
    with pytest.raises(ApiUnreachable):
        world.list("Pod")


def test_a_lost_watch_is_out_of_date_until_it_is_back(server: Server, world: World) -> None:
    """When the watch ends and the server refuses another one, nothing is current, and a wait says so; then it mends."""
    assert [pod["metadata"]["name"] for pod in world.list("Pod")] == ["web"]
    assert world.is_current()
    server.trouble = (500, "{}")
    server.cut.set()
    until(lambda: not watched(world))
    time.sleep(module.SILENT_SECONDS)
    with pytest.raises(ApiUnreachable, match="Pod"):
        world.wait(world.revision, 0.01)
    server.cut.clear()
    server.trouble = None
    until(lambda: watched(world))
    world.wait(world.revision, 0)


def test_what_is_gone_is_remembered(server: Server, world: World) -> None:
    """An object that was deleted is there no more, and can still be asked who owned it."""
    server.events = ({"type": "DELETED", "object": POD | {"status": {"phase": "Pending"}}},)
    world.list("Pod")
    until(lambda: world.get("Pod", "web", "lab") is None)
    assert world.last("Pod", "web", "lab") == POD | {"status": {"phase": "Pending"}}
    assert world.last("Pod", "never", "lab") is None


def test_nonsense_in_a_watch_does_not_end_it(server: Server, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of which nothing can be made is no reason to show for ever what was there before."""
    monkeypatch.setitem(ANSWERS, "/api/v1/pods", ANSWERS["/api/v1/pods"] | {"items": [POD, {"metadata": {}}]})
    with pytest.raises(ApiUnreachable):
        world.list("Pod")
    monkeypatch.setitem(ANSWERS, "/api/v1/pods", ANSWERS["/api/v1/pods"] | {"items": []})
    until(lambda: watched(world))
    assert world.list("Pod") == []


def test_a_server_that_was_silent_for_long_is_asked(server: Server, world: World) -> None:
    """A watch that is open and hears nothing is no proof: a server that is gone meanwhile leaves nothing current."""
    world.list("Pod")
    time.sleep(module.SILENT_SECONDS + 0.05)
    assert world.is_current()
    server.trouble = (500, "[-]etcd failed")
    time.sleep(module.SILENT_SECONDS + 0.05)
    with pytest.raises(ApiUnreachable, match="etcd"):
        world.is_current()


def test_a_pass_is_confirmed(server: Server, world: World) -> None:
    """What was seen is confirmed by a server that answers, and not by one that has fallen silent or unready."""
    world.list("Pod")
    world.confirm()
    server.trouble = (500, "[-]etcd failed")
    with pytest.raises(ApiUnreachable, match="etcd"):
        world.confirm()


WIDGETS = {"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced", "verbs": ["list"]}


def test_a_kind_that_comes_later_is_found(server: Server, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that is not served at the first look has no objects then, and has them once it is."""
    monkeypatch.setattr(module, "UNSERVED_SECONDS", 0.02)
    assert world.list("Widget.example.org") == []
    group = {"metadata": {"name": "example.org"}, "versions": [{"version": "v1", "resources": [WIDGETS]}]}
    widgets = {"metadata": {"resourceVersion": "1"}, "items": [POD]}
    monkeypatch.setitem(ANSWERS, "/apis", {"items": [group]})
    monkeypatch.setitem(ANSWERS, "/apis/example.org/v1/widgets", widgets)
    until(lambda: len(world.list("Widget.example.org")) == 1)


def test_what_ever_was_there(server: Server, world: World) -> None:
    """Objects that are gone are among those that ever were, as they were last."""
    server.events = ({"type": "DELETED", "object": POD | {"status": {"phase": "Succeeded"}}},)
    until(lambda: world.list("Pod") == [])
    assert world.ever("Pod", "lab") == [POD | {"status": {"phase": "Succeeded"}}]
    assert world.ever("Pod", "other") == []
