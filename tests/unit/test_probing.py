"""What the prober makes of servers that answer, do not, or never end: real ones on loopback, asked by the real curl."""

from __future__ import annotations

import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest
from servers import OK, Answer, Serve, floods, says, serving, trickles

from kindlabs.kube import curl, probing
from kindlabs.kube.streams import framed
from kindlabs.kube.transport import ApiTimeout, Transport


class LocalShell:
    """A shell on this machine in place of the one in the cluster; it is typed the same."""

    def ask(self, command: str, given: str, *, timeout: float, limit: int) -> str:
        """As :meth:`kindlabs.kube.streams.Shell.ask`."""
        word = secrets.token_hex(16)
        typed = framed(command, given, limit, word).encode()
        ran = subprocess.run(["sh"], input=typed, capture_output=True, timeout=timeout + 2, check=True)
        assert ran.stdout.endswith(f"\n{word}\n".encode())
        return ran.stdout[: -len(word) - 2].decode(errors="replace")


@pytest.fixture
def api() -> Transport:
    """An API server whose prober is on this machine."""

    class Here:
        sessions = {(probing.NAMESPACE, probing.MOUTH): LocalShell()}  # noqa: RUF012

    return cast("Transport", Here())


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server."""
    with serving() as start:
        yield start


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (OK + b"Content-Length: 5\r\n\r\nweb-1", "web-1"),
        (OK + b"Content-Length: 0\r\n\r\n", ""),
        (OK + b"\r\ntwo\nlines\n", "two\nlines\n"),
        (b"HTTP/1.1 404 Not Found\r\n\r\nno such page", "no such page"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\nelsewhere", "elsewhere"),
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\n\r\nlater", "later"),
    ],
)
def test_what_is_answered_counts(api: Transport, serve: Serve, sent: bytes, body: str) -> None:
    """A body is taken as it is, be it empty or of several lines; nobody is followed elsewhere, or waited for."""
    assert probing.dial(api, "127.0.0.1", serve(says(sent)), "/", timeout=2) == {"responses": [body], "errors": []}


def test_each_request_has_its_own_connection(api: Transport, serve: Serve) -> None:
    """Twenty requests are twenty connections: each asks the server to close, which says that it does."""
    connections: list[int] = []

    def answer(connection: socket.socket) -> None:
        connections.append(connection.fileno())
        connection.sendall(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi")

    said = probing.dial(api, "127.0.0.1", serve(answer), "/", tries=20, timeout=5)
    assert (said["responses"], len(connections)) == (["hi"] * 20, 20)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says(b""), "closed without an answer"),
        (says(OK + b"Content-Length: 99\r\n\r\nshort"), "transfer closed with 94 bytes remaining"),
        (says(b"SSH-2.0-OpenSSH\r\n"), "HTTP/0.9"),
        (floods(OK + b"\r\n"), "longer than 64 KiB"),
        (floods(OK + b"Content-Length: 999999999\r\n\r\n"), "longer than 64 KiB"),
        (floods(OK, b"X-More: " + b"x" * 65000 + b"\r\n"), "header"),
    ],
    ids=["nothing", "too little", "no HTTP", "endless", "far too long", "endless header"],
)
def test_what_is_no_answer_is_told(api: Transport, serve: Serve, answer: Answer, why: str) -> None:
    """A server that hangs up, says too little, something else or without an end is an error in words; and the last."""
    said = probing.dial(api, "127.0.0.1", serve(answer), "/", tries=3, timeout=5)
    assert said["responses"] == []
    assert len(said["errors"]) == 1
    assert why in said["errors"][0]


@pytest.mark.parametrize("answer", [trickles(OK + b"\r\n"), trickles(OK + b"X-Slow: "), lambda _: time.sleep(5)])
def test_nobody_is_held_up(api: Transport, serve: Serve, answer: Answer) -> None:
    """A server that trickles its body or header, or is silent, gets its time and no more."""
    port, began = serve(answer), time.monotonic()
    with pytest.raises(ApiTimeout, match="in time"):
        probing.dial(api, "127.0.0.1", port, "/", timeout=0.5)
    assert time.monotonic() - began < 3


def test_nobody_there_is_told(api: Transport) -> None:
    """A closed port and a name that does not exist are errors in the words that everybody knows."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert probing.dial(api, "127.0.0.1", port, timeout=2)["errors"] == ["connection refused"]
    assert probing.dial(api, "no-such-host.invalid", port, timeout=5)["errors"] == ["no such host"]


@pytest.mark.parametrize("answer", [says(b"220 ready\r\n"), floods(OK), lambda _: time.sleep(5)])
def test_a_port_that_listens_is_told(api: Transport, serve: Serve, answer: Answer) -> None:
    """Whether something listens is a matter of connecting, whatever it answers, if anything."""
    assert curl.listens(probing.mouth(api), "127.0.0.1", serve(answer), timeout=0.5) is True


def test_a_port_that_does_not_listen_is_told(api: Transport) -> None:
    """A connection that is refused is a no."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert curl.listens(probing.mouth(api), "127.0.0.1", port, timeout=2) is False


def test_nothing_of_a_request_is_shell(api: Transport, serve: Serve) -> None:
    """Quotes, dollars and back-quotes in a path reach the server as they are."""
    asked: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        connection, _ = server.accept()
        with connection:
            asked.append(connection.recv(65536))
            connection.sendall(OK + b"\r\n")

    threading.Thread(target=take, daemon=True).start()
    path = "/'\"$(id)`id`\\;&&{a,b}[1-3]/../x"
    probing.dial(api, "127.0.0.1", server.getsockname()[1], path, timeout=2)
    server.close()
    assert asked[0].startswith(f"GET {path} HTTP/1.1".encode())
