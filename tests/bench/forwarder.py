"""A loopback forwarder in front of an API server: it notes when the first bytes of a client arrive."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

BYTES = 65536
CONNECT_SECONDS = 3.0
SILENT_SECONDS = 60.0


class Forwarder:
    """Forwards connections to *port* of 127.0.0.1 while the block runs, byte by byte; TLS stays end to end.

    ``port`` is where it listens; ``first_bytes`` is the moment (``time.monotonic``) of the first bytes since ``reset``.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.first_bytes: float | None = None

    def __enter__(self) -> Forwarder:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def reset(self) -> None:
        """Forget the moment."""
        self.first_bytes = None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        client.settimeout(SILENT_SECONDS)
        with client, contextlib.suppress(OSError):
            first = client.recv(BYTES)
            self.first_bytes = self.first_bytes or time.monotonic()
            with socket.create_connection(self._to, timeout=CONNECT_SECONDS) as server:
                server.settimeout(SILENT_SECONDS)
                server.sendall(first)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join(SILENT_SECONDS)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(BYTES):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
