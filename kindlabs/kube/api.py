"""Requests to one API server. Objects go in and out as the dicts that the server sent, never as typed models."""

from __future__ import annotations

import json
import threading
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
from kindlabs.kube.discovery import Resource, discover

Object = dict[str, Any]
"""A Kubernetes object as JSON."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
WATCH_SECONDS = 300
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server refused a request; ``status`` is the HTTP code, ``reason`` and ``message`` are the server's."""

    def __init__(self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.details = status, reason, message, dict(details or {})


class ApiUnreachable(InfraError):
    """The API server did not answer: refused, reset or timed out."""


class ApiTimeout(ApiUnreachable):
    """The API server took a request and sent no answer in time; where it passed it on, a Pod may be the silent one."""


@dataclass(frozen=True)
class Identity:
    """Whom to impersonate: a user and its groups."""

    user: str
    groups: tuple[str, ...] = ()


class Api:
    """One API server, seen by one identity; safe to use from several threads, each gets its own connection pool.

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
        self._config.retries = urllib3.Retry(connect=0, read=0, other=1, redirect=0, status=0)
        self._local = threading.local()
        self._resources: list[Resource] | None = None
        self._discovery = threading.Lock()

    def acting_as(self, identity: Identity) -> Api:
        """The same server as another identity sees it."""
        return Api(self.kubeconfig, identity)

    # What the server knows.

    def resource(self, kind: str, *, refresh: bool = False) -> Resource | None:
        """How the server serves *kind*, written ``Pod`` or ``Certificate.cert-manager.io``; None when it does not."""
        with self._discovery:
            if self._resources is None or refresh:
                self._resources = discover(self.request)
        name, _, group = kind.partition(".")
        fitting = (r for r in self._resources if r.kind == name and (not group or r.group == group))
        return next(fitting, None)

    def resources(self) -> list[Resource]:
        """All resources that the server serves, each in its preferred version."""
        self.resource("Pod")
        return list(self._resources or [])

    def resource_of(self, manifest: Object) -> Resource | None:
        """How the server serves the kind of *manifest*, in the very apiVersion that it names; None when it does not."""
        group, _, version = manifest.get("apiVersion", "").rpartition("/")
        kind = manifest.get("kind", "")
        found = self.resource(f"{kind}.{group}") if group else self._core(kind)
        found = found or (self.resource(f"{kind}.{group}", refresh=True) if group else None)
        return found.at(version) if found and version in found.versions else None

    def _core(self, kind: str) -> Resource | None:
        found = self.resource(kind)
        return found if found and not found.group else None

    # Objects.

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none."""
        try:
            return self.request("GET", self._served(kind).path(namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """The objects of *kind*, in all namespaces when *namespace* is None."""
        query = {"labelSelector": selector} if selector else {}
        answer = self.request("GET", self._served(kind).path(namespace), query=query)
        head = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
        return [head | item for item in answer.get("items") or []]

    def apply(self, manifest: Object, *, manager: str, force: bool = True) -> Object:
        """Apply *manifest* on the server's side as field manager *manager*; unknown fields are errors."""
        resource = self.resource_of(manifest)
        if resource is None:
            raise ApiError(404, "NotFound", f"no kind {manifest.get('kind')} in version {manifest.get('apiVersion')}")
        meta = manifest["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        path = resource.path(meta.get("namespace"), meta["name"])
        return self.request("PATCH", path, query=query, body=manifest, content_type=APPLY)

    def patch(self, kind: str, name: str, namespace: str | None, patch: Object, *, subresource: str = "") -> Object:
        """Merge *patch* into an object (JSON merge patch), or into one of its subresources such as ``scale``."""
        path = self._served(kind).path(namespace, name) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", path, body=patch, content_type="application/merge-patch+json")

    def create(self, manifest: Object) -> Object:
        """Create an object; ApiError with status 409 when it exists."""
        resource = self._served(manifest["kind"])
        return self.request("POST", resource.path(manifest["metadata"].get("namespace")), body=manifest)

    def delete(self, kind: str, name: str, namespace: str | None = None, *, grace: int | None = None) -> bool:
        """Delete an object in the background.

        Args:
            grace: seconds that Pods get to end; the object's own when None.

        Returns: False when there was none.
        """
        options: Object = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", self._served(kind).path(namespace, name), body=options)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def last_words(self, pod: Object, container: str) -> str:
        """The end of the log of a container that ended, of the run before when it runs again; empty without one."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/log"
        for previous in ("false", "true"):
            try:
                text = self.text("GET", path, query={"container": container, "tailLines": "20", "previous": previous})
            except ApiError:
                continue
            if text.strip() and not text.startswith("unable to retrieve container logs"):
                return text
        return ""

    def ask_pod(
        self,
        pod: str,
        namespace: str,
        port: int,
        path: str,
        query: Mapping[str, str] | None = None,
        timeout: float = 10,
    ) -> str:
        """GET *path* of a Pod's port through the API server, so that the host needs no way to Pod addresses.

        Raises: ApiError, with status 503 when nothing listens there.
        """
        base = f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/{path.lstrip('/')}"
        return self.text("GET", base, query=query, timeout=timeout)

    # Requests.

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
        answer: Object = json.loads(text)
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
        """One request, its answer as text. Raises ApiError, ApiUnreachable."""
        with self._open(method, path, query, body, headers, timeout) as response:
            try:
                data: bytes = response.read()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._unreachable(error) from error
        if response.status >= 400:
            raise _refusal(response.status, data)
        return data.decode(errors="replace")

    @contextmanager
    def watch(self, path: str, resource_version: str) -> Iterator[urllib3.BaseHTTPResponse]:
        """An open watch on *path*: a response whose lines are events. Raises ApiError, ApiUnreachable."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        # The server's own time-out does not help when the connection is half open; the read time-out does.
        with self._open("GET", path, query, None, None, WATCH_SECONDS + 5) as response:
            if response.status >= 400:
                raise _refusal(response.status, response.read())
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
            response = self._pool().request(
                method,
                url,
                headers=sent,
                body=None if body is None else json.dumps(body),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_timeout),
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ApiException) as error:
            raise self._unreachable(error) from error
        try:
            yield response
        finally:
            response.release_conn()

    def _pool(self) -> urllib3.PoolManager:
        """This thread's connections: the official client is safe only with one ApiClient a thread."""
        if not hasattr(self._local, "client"):
            self._local.client = ApiClient(self._config)
        pool: urllib3.PoolManager = self._local.client.rest_client.pool_manager
        return pool

    def _served(self, kind: str) -> Resource:
        resource = self.resource(kind)
        if resource is None:
            raise ApiError(404, "NotFound", f"the server does not serve kind {kind}")
        return resource

    def _unreachable(self, error: Exception) -> ApiUnreachable:
        if isinstance(getattr(error, "reason", error), urllib3.exceptions.ReadTimeoutError):
            return ApiTimeout(f"the API server at {self._config.host} sent no answer in time")
        return ApiUnreachable(f"the API server at {self._config.host} does not answer: {error}")


def _refusal(status: int, data: bytes) -> ApiError:
    try:
        body = json.loads(data)
    except ValueError:
        return ApiError(status, "", data.decode(errors="replace").strip())
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return ApiError(status, "", data.decode(errors="replace").strip())
    return ApiError(status, body.get("reason", ""), body.get("message", ""), body.get("details"))
