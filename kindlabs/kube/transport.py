"""HTTP to one API server, as one identity: JSON in and out, errors in the server's words, time limits on everything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import load_kube_config

from kindlabs.errors import InfraError
from kindlabs.kube import clock
from kindlabs.kube.bounded import Endless, whole

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
RETRY = urllib3.Retry(
    connect=0,
    read=0,
    other=1,
    redirect=0,
    status=5,
    status_forcelist=(429,),
    allowed_methods=None,
    raise_on_status=False,
)
"""A server that asks for a second's patience has done nothing yet, whatever the method: a kind whose definition is new
is answered with 429 and Retry-After until its storage is ready (k8s.io/apiserver, storage/cacher)."""
WATCH_SECONDS = 300
CONNECTIONS = 64
"""That are kept at most, each open watch has one; more of them are made, and not kept."""
PIECE, MOST = 2**16, 2**28
"""Bytes: of one read, and of a whole answer, which no list of a cluster reaches."""


class ApiError(Exception):
    """The API server refused a request; ``status`` is the HTTP code, ``reason`` and ``message`` are the server's."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class ApiUnreachable(InfraError):
    """The API server did not answer: refused, reset or timed out."""


class ApiTimeout(ApiUnreachable):
    """The API server took a request and sent no answer in time; where it passed it on, a Pod may be the silent one."""


@dataclass(frozen=True)
class Identity:
    """Whom to impersonate: a user and its groups."""

    user: str
    groups: tuple[str, ...] = ()


class Transport:
    """One API server, seen by one identity; safe to use from several threads, which share its connections.

    Args:
        kubeconfig: the file that names server and credentials; never the user's own.
        identity: whom to impersonate; the kubeconfig's own user when None.
    """

    def __init__(self, kubeconfig: Path, identity: Identity | None = None) -> None:
        self.kubeconfig = kubeconfig
        self._identity = identity
        self._config = Configuration()
        load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig), client_configuration=self._config, persist_config=False
        )
        self._config.proxy = None  # the server listens on this machine; a proxy could not reach it
        self._config.retries = RETRY
        self._config.connection_pool_maxsize = CONNECTIONS
        # Of the official client only what is said to be safe in several threads.
        self._pool: urllib3.PoolManager = ApiClient(self._config).rest_client.pool_manager
        self.sessions: dict[tuple[str, ...], Any] = {}
        """What others keep open to this server, each under a key of its own."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float = READ_SECONDS,
    ) -> Object:
        """One request, its answer as JSON. Raises ApiError, ApiUnreachable."""
        headers = {"Accept": accept, "Content-Type": content_type}
        text = self.text(method, path, query=query, body=body, headers=headers, timeout=timeout)
        try:
            answer: Object = json.loads(text)
        except ValueError:
            raise ApiUnreachable(
                f"the API server at {self._config.host} answers what is no JSON: {text[:80]!r}"
            ) from None
        return answer

    def text(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = READ_SECONDS,
    ) -> str:
        """One request, its answer as text; *timeout* is for all of it. Raises ApiError, ApiUnreachable."""
        until = time.monotonic() + timeout
        with self._open(method, path, query, body, headers, timeout) as response:
            try:
                data = whole(iter(lambda: response.read1(PIECE), b""), until=until, most=MOST)
            except Endless as error:
                response.close()  # a connection with half an answer in it must not go back to the pool
                raise ApiTimeout(
                    f"the API server at {self._config.host} answers without an end: {error.why}"
                ) from error
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._unreachable(error) from error
        if response.status >= 400:
            raise refusal(response.status, data)
        return data.decode(errors="replace")

    def websocket(self) -> tuple[str, dict[str, Any]]:
        """Where websockets of the server begin, and what TLS needs there; they know no impersonation."""
        config = self._config
        tls = {"ca_certs": config.ssl_ca_cert, "certfile": config.cert_file, "keyfile": config.key_file}
        return config.host.replace("http", "ws", 1), tls

    @contextmanager
    def watch(self, path: str) -> Iterator[urllib3.BaseHTTPResponse]:
        """An open watch on *path*: a response whose lines are events.

        First comes what is there now, as ADDED, then a bookmark annotated ``k8s.io/initial-events-end``: a list and a
        watch in one request (kubernetes.io/docs/reference/using-api/api-concepts, "Streaming lists").

        Raises: ApiError, ApiUnreachable.
        """
        query = {
            "watch": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        # The server's own time-out does not help when the connection is half open; the read time-out does.
        with self._open("GET", path, query, None, None, WATCH_SECONDS + 5) as response:
            if response.status >= 400:
                raise refusal(response.status, response.read())
            try:
                yield response
            finally:
                response.close()  # a connection with half a stream in it must not go back to the pool

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        headers: Mapping[str, str] | None,
        read_timeout: float,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        url = self._config.host + quote(path, safe="/:%~?&=") + (f"?{urlencode(query)}" if query else "")
        sent = urllib3.HTTPHeaderDict(headers or {"Accept": "*/*", "Content-Type": "application/json"})
        if self._identity:
            sent["Impersonate-User"] = self._identity.user
            for group in self._identity.groups:
                sent.add("Impersonate-Group", group)
        try:
            response = self._pool.request(
                method,
                url,
                headers=sent,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, read_timeout), read=read_timeout),
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ApiException) as error:
            raise self._unreachable(error) from error
        clock.heed(response.headers.get("Date"))
        try:
            yield response
        finally:
            response.release_conn()

    def _unreachable(self, error: Exception) -> ApiUnreachable:
        if isinstance(getattr(error, "reason", error), urllib3.exceptions.ReadTimeoutError):
            return ApiTimeout(f"the API server at {self._config.host} sent no answer in time")
        return ApiUnreachable(f"the API server at {self._config.host} does not answer: {_plain(error)}")


def _plain(error: Exception) -> str:
    """The last link of a chain of library errors, in a few words."""
    text = str(getattr(error, "reason", None) or error)
    for sign, words in (
        ("refused", "connection refused"),
        ("timed out", "time-out"),
        ("Remote end closed", "it hung up"),
    ):
        if sign in text:
            return words
    return text.rpartition(": ")[2]


def refusal(status: int, data: bytes) -> ApiError:
    """What the API server said with an HTTP status of 400 or more."""
    try:
        body = json.loads(data)
    except ValueError:
        return ApiError(status, "", data.decode(errors="replace").strip())
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return ApiError(status, "", data.decode(errors="replace").strip())
    return ApiError(status, body.get("reason", ""), body.get("message", ""))
