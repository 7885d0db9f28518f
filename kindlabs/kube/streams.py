"""Commands in containers, over the API server's websocket: one at a time, or many in one shell.

Whatever runs there may be somebody else's: each command has an end, in seconds and in bytes. The official client's
``kubernetes.stream`` has none: it connects without a time-out, reads for as long as frames come, and needs models whose
import takes 0.3 s. Its websocket library is used as it uses it.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketException,
    WebSocketTimeoutException,
    create_connection,
)

from kindlabs.kube.transport import ApiError, ApiTimeout, ApiUnreachable, Transport, refusal

STDIN, STDOUT, STDERR, STATUS = range(4)
"""Channels of ``v5.channel.k8s.io`` (k8s.io/apimachinery, pkg/util/remotecommand); the first byte of a frame."""
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")

OPEN_SECONDS = 10.0
"""For a command to begin: containerd starts a process for it, which takes seconds on a machine with much to do."""


class Ran(NamedTuple):
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str


class Unended(Exception):
    """A command that still ran when its time was up, or that said more than it may; ``why`` says which."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def run(
    api: Transport, pod: str, namespace: str, container: str, command: Sequence[str], timeout: float, limit: int
) -> Ran:
    """Run *command* in a container.

    Args:
        container: its name; empty for the Pod's only one.
        timeout: seconds, once it has begun.
        limit: bytes that it may say, on both outputs together.

    Raises: Unended; ApiError with status 404 where there is no such Pod, 500 where its container does not run or has no
        such program; ApiUnreachable.
    """
    said = {STDOUT: bytearray(), STDERR: bytearray(), STATUS: bytearray()}
    socket = _open(api, pod, namespace, container, command, stdin=False)
    try:
        for channel, data in _frames(socket, timeout):
            said.setdefault(channel, bytearray()).extend(data)
            if len(said[STDOUT]) + len(said[STDERR]) > limit:
                raise Unended(f"it said more than {limit} bytes")
    finally:
        socket.shutdown()  # type: ignore[no-untyped-call]  # close() would hear out what still comes
    return Ran(_code(said[STATUS]), _text(said[STDOUT]), _text(said[STDERR]))


class Shell:
    """A shell in a container that answers one command after another; whoever comes meanwhile waits.

    A lost session is opened again. So is one whose command had not ended: what is left of it ends by itself.
    """

    def __init__(self, api: Transport, pod: str, namespace: str, container: str = "") -> None:
        self._place = (api, pod, namespace, container)
        self._socket: WebSocket | None = None
        self._busy = threading.Lock()

    def ask(self, command: str, given: str = "", *, timeout: float, limit: int) -> str:
        """What *command* writes to standard output, cut after *limit* bytes.

        Args:
            command: a line of shell.
            given: its standard input.
            timeout: seconds.

        Raises: Unended, ApiError, ApiUnreachable.
        """
        word = secrets.token_hex(16)  # nobody who answers the command can know where its frame ends
        with self._busy:
            fresh = self._socket is None
            try:
                return self._frame(framed(command, given, limit, word), word, timeout)
            except ApiUnreachable:
                if fresh:
                    raise
            return self._frame(framed(command, given, limit, word), word, timeout)

    def close(self) -> None:
        """End the session."""
        if self._socket is not None:
            self._hang_up()
            self._socket = None

    def _frame(self, line: str, word: str, timeout: float) -> str:
        said, ends = bytearray(), f"\n{word}\n".encode()
        try:
            if self._socket is None:
                self._socket = _open(*self._place, ["sh"], stdin=True)
                self._hang_up = weakref.finalize(self, self._socket.shutdown)  # at the latest when the process ends
            _send(self._socket, line)
            for channel, data in _frames(self._socket, timeout):
                said += data if channel == STDOUT else b""
                if said.endswith(ends):
                    return _text(said[: -len(ends)])
            raise ApiUnreachable(f"the shell in Pod {self._place[1]} has ended")
        except BaseException:  # half an answer is in it
            self.close()
            raise


class Shells:
    """Shells in one Pod: each caller has one for itself while it asks, and leaves it to the next."""

    def __init__(self, api: Transport, pod: str, namespace: str, container: str = "") -> None:
        self._place = (api, pod, namespace, container)
        self._idle: list[Shell] = []

    def ask(self, command: str, given: str, *, timeout: float, limit: int) -> str:
        """As :meth:`Shell.ask`."""
        try:
            shell = self._idle.pop()
        except IndexError:
            shell = Shell(*self._place)
        try:
            return shell.ask(command, given, timeout=timeout, limit=limit)
        finally:
            self._idle.append(shell)


def framed(command: str, given: str, limit: int, word: str) -> str:
    """What is typed into a shell: a command with its input, of whose output *limit* bytes count, and a line *word*."""
    return f"{{ {command}\n}} <<'{word}' 2>/dev/null | head -c {limit}\n{given}\n{word}\necho; echo {word}\n"


def _open(
    api: Transport, pod: str, namespace: str, container: str, command: Sequence[str], *, stdin: bool
) -> WebSocket:
    wanted = {"stdin": str(stdin).lower(), "stdout": "true", "stderr": "true", "container": container}
    query = urlencode([*((key, value) for key, value in wanted.items() if value), *(("command", c) for c in command)])
    server, tls = api.websocket()
    try:
        return create_connection(
            f"{server}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{query}",
            timeout=OPEN_SECONDS,
            sslopt=tls,
            subprotocols=list(PROTOCOLS),
            suppress_origin=True,
            http_no_proxy=["*"],
        )
    except WebSocketBadStatusException as error:
        raise refusal(error.status_code, error.resp_body or b"") from error
    except (WebSocketTimeoutException, TimeoutError) as error:
        raise ApiTimeout(f"no way into Pod {pod} within {OPEN_SECONDS:g} s") from error
    except (WebSocketException, OSError) as error:
        raise ApiUnreachable(f"no way into Pod {pod}: {error}") from error


def _send(socket: WebSocket, text: str) -> None:
    try:
        socket.send(bytes([STDIN]) + text.encode(), opcode=ABNF.OPCODE_BINARY)
    except (WebSocketException, OSError) as error:
        raise ApiUnreachable(f"the way into a Pod is lost: {error}") from error


def _frames(socket: WebSocket, timeout: float) -> Iterator[tuple[int, bytes]]:
    """Channel and bytes of each frame, until the other side closes."""
    until = time.monotonic() + timeout
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise Unended(f"it had not ended within {timeout:g} s")
        socket.settimeout(left)
        try:
            opcode, frame = socket.recv_data_frame(True)
        except WebSocketTimeoutException:
            continue
        except (WebSocketException, OSError) as error:
            raise ApiUnreachable(f"the way into a Pod is lost: {error}") from error
        if opcode == ABNF.OPCODE_CLOSE:
            return
        if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
            yield frame.data[0], frame.data[1:]


def _code(status: bytes | bytearray) -> int:
    """The exit code in what the API server says at the end (metav1.Status); ApiError when the command never began."""
    said = json.loads(status or b"{}")
    if said.get("status") == "Success":
        return 0
    causes = (said.get("details") or {}).get("causes") or []
    codes = [cause["message"] for cause in causes if cause.get("reason") == "ExitCode"]
    if not codes:
        raise ApiError(500, said.get("reason", ""), said.get("message", "the command ended, and nobody says how"))
    return int(codes[0])


def _text(data: bytes | bytearray) -> str:
    return data.decode(errors="replace")
