"""Which way images come, and from where."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kindlabs.errors import UsageError
from kindlabs.images import registry
from kindlabs.images.lock import Image


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No variable of the user's, no answer remembered."""
    for name in ("IMAGES", "KINDLABS_REGISTRY_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    registry._reachable.cache_clear()
    yield
    registry._reachable.cache_clear()


@pytest.fixture
def server() -> Iterator[tuple[str, list[int]]]:
    """An HTTP server on loopback: its address, and the statuses that it answers with, the last one for ever."""
    statuses = [200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield f"127.0.0.1:{http.server_port}", statuses
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("word", ["pull", "build"])
def test_a_word_of_the_user_decides(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """IMAGES=pull and IMAGES=build ask nobody."""
    monkeypatch.setenv("IMAGES", word)
    assert registry.source() == word


def test_another_word_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typing error is told, not taken for auto."""
    monkeypatch.setenv("IMAGES", "biuld")
    with pytest.raises(UsageError, match="IMAGES=biuld"):
        registry.source()


@pytest.mark.parametrize(("status", "expected"), [(200, "pull"), (401, "pull"), (403, "build"), (502, "build")])
def test_only_a_registry_counts_as_one(
    monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[int]], status: int, expected: str
) -> None:
    """A registry answers 200, or 401 where it wants a login; a proxy's refusal is no registry."""
    address, statuses = server
    statuses[:] = [status]
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", address)
    assert registry.source() == expected


def test_the_registry_is_asked_once(monkeypatch: pytest.MonkeyPatch, server: tuple[str, list[int]]) -> None:
    """The answer holds for the command, even when the registry goes away."""
    address, statuses = server
    statuses[:] = [200, 500]
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", address)
    assert [registry.source() for _ in range(3)] == ["pull"] * 3


def test_an_address_without_a_mirror_is_the_publishers() -> None:
    """Without a mirror the upstream name is pulled, by its digest where one is known."""
    image = Image("x", "registry.k8s.io/a/b:1.0")
    assert str(registry.Address.of(image)) == "registry.k8s.io/a/b:1.0"
    pinned = Image("x", "registry.k8s.io/a/b:1.0", digest="sha256:12")
    assert str(registry.Address.of(pinned)) == "registry.k8s.io/a/b@sha256:12"


def test_a_mirror_holds_whole_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror, with or without scheme and folder, is put before the whole upstream name."""
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", "https://mirror:5000/course/")
    image = Image("x", "docker.io/library/traefik:v3")
    assert str(registry.Address.of(image)) == "mirror:5000/course/docker.io/library/traefik:v3"
