"""Servers on loopback that answer as no server should."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OK = b"HTTP/1.1 200 OK\r\n"
Answer = Callable[[socket.socket], None]
"""What a server does with a connection on which it was asked something."""
Serve = Callable[[Answer], int]
"""Starts a server, and gives its port."""


@contextmanager
def serving() -> Iterator[Serve]:
    """Starts a server that deals with each connection as it is told; gives its port."""
    servers: list[socket.socket] = []

    def start(answer: Answer) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        threading.Thread(target=_accept, args=[server, answer], daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)  # wakes whoever accepts
        server.close()


def _accept(server: socket.socket, answer: Answer) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=[connection, answer], daemon=True).start()


def _answer(connection: socket.socket, answer: Answer) -> None:
    try:
        with connection:
            connection.recv(65536)
            answer(connection)
    except OSError:  # whoever asked has gone
        return


def says(data: bytes) -> Answer:
    """Sends *data*, and closes."""
    return lambda connection: connection.sendall(data)


def trickles(head: bytes) -> Answer:
    """Sends *head*, then a byte each 0.1 s, without an end."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            time.sleep(0.1)
            connection.sendall(b"x")

    return answer


def floods(head: bytes, more: bytes = b"x" * 65536) -> Answer:
    """Sends *head*, then *more* as fast as it goes, without an end."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)

    return answer
