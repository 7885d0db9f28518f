"""What an API server says about the kinds that somebody asked for, kept current by watches."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping

import urllib3

from kindlabs.kube.api import NOT_FOUND, Api, ApiError, ApiTimeout, ApiUnreachable, Object
from kindlabs.kube.transport import READ_SECONDS

LISTED = "k8s.io/initial-events-end"
"""Annotation of the bookmark after which a watch tells what changes; before it, what is there."""
RETRY_SECONDS = 0.2
UNSERVED_SECONDS = 1.0
"""Between two looks whether a kind is served by now: what a submission defines comes a moment after it."""
SILENT_SECONDS = 3.0
"""A kind that could not be listed and watched for so long means that the API server is gone, not that it hiccuped."""


class World:
    """Objects by kind, each kind watched from the first time that it is asked for.

    A kind that the server does not serve has no objects.
    ``revision`` counts changes: read it, look around, then ``wait`` for the next one.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.revision = 0
        self._heard = time.monotonic()
        self._changed = threading.Condition()
        self._kinds: dict[str, _Watched] = {}
        self._closed = False

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def expect(self, *kinds: str) -> None:
        """Start watching *kinds* together, so that the first look at each does not wait for it alone."""
        for kind in kinds:
            self._watched(kind)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object as last seen, or None."""
        return self._watched(kind).ready().objects.get((namespace or "", name))

    def last(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object as last seen, also when it is gone by now."""
        watched, key = self._watched(kind).ready(), (namespace or "", name)
        return watched.objects.get(key) or watched.gone.get(key)

    def ever(self, kind: str, namespace: str | None = None) -> list[Object]:
        """The objects that were there since the kind is watched, each as last seen, by name; those too that are gone.

        Of several with one name, one after the other, it is all of them.
        """
        watched = self._watched(kind).ready()
        known = {thing["metadata"]["uid"]: thing for thing in (*watched.ended.values(), *watched.objects.values())}
        kept = (t for t in known.values() if namespace is None or t["metadata"].get("namespace", "") == namespace)
        return sorted(kept, key=_key)

    def list(self, kind: str, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Object]:
        """The objects as last seen, by name; of one namespace, and with all of *labels*, where these are given."""
        objects = list(self._watched(kind).ready().objects.items())
        return [
            thing
            for (space, _), thing in sorted(objects, key=lambda item: item[0])
            if (namespace is None or space == namespace) and has_labels(thing, labels)
        ]

    def wait(self, since: int, timeout: float) -> None:
        """Return when ``revision`` has passed *since*, or after *timeout* seconds.

        Raises: ApiUnreachable when watches have been down for longer than a hiccup.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.revision > since, timeout=max(timeout, 0))
        self.check_reachable()

    def check_reachable(self) -> None:
        """Raise ApiUnreachable when what was seen of a kind has been out of date for SILENT_SECONDS.

        As long as nothing went wrong, for READ_SECONDS: a server with too much work lists late.
        """
        for watched in list(self._kinds.values()):
            since, error = watched.stale_since, watched.error
            late = time.monotonic() - since if since else 0
            if late > SILENT_SECONDS and error:
                raise error
            if late > READ_SECONDS:
                raise ApiTimeout(f"the API server did not list {watched.kind} in time")

    def is_current(self) -> bool:
        """Whether every kind has been listed, and is being watched since; a server that was silent for long is asked.

        Raises: ApiUnreachable when it does not answer, or is not ready.
        """
        if time.monotonic() - self._heard > SILENT_SECONDS:
            self._ask()
        return not any(watched.stale_since for watched in list(self._kinds.values()))

    def confirm(self) -> None:
        """Return when the API server answers, and what was seen is current. Raises: ApiUnreachable."""
        self._ask()
        until = time.monotonic() + SILENT_SECONDS
        while not self.is_current():
            if time.monotonic() > until:
                raise ApiUnreachable("what the API server said last is out of date")
            time.sleep(0.02)

    def _ask(self) -> None:
        """Ask /readyz: a quiet watch may be a dead connection, or etcd may hang. Raises: ApiUnreachable."""
        try:
            self.api.text("GET", "/readyz", query={"exclude": "etcd-readiness"})
        except ApiError as error:
            raise ApiUnreachable(f"the API server is not ready: {error.message}") from error
        self._heard = time.monotonic()

    def close(self) -> None:
        """End all watches."""
        self._closed = True
        for watched in self._kinds.values():
            watched.close()

    def _watched(self, kind: str) -> _Watched:
        with self._changed:
            if kind not in self._kinds:
                self._kinds[kind] = _Watched(self, kind)
                self._kinds[kind].start()
            return self._kinds[kind]

    def _bump(self) -> None:
        with self._changed:
            self.revision += 1
            self._heard = time.monotonic()
            self._changed.notify_all()


class _Watched(threading.Thread):
    """One kind: watched, from what is there; anew on 410 Gone or any lost stream."""

    def __init__(self, world: World, kind: str) -> None:
        super().__init__(name=f"watch-{kind}", daemon=True)
        self.world, self.kind = world, kind
        self.objects: dict[tuple[str, str], Object] = {}
        self.gone: dict[tuple[str, str], Object] = {}
        self.ended: dict[str, Object] = {}
        self.stale_since: float | None = time.monotonic()
        self.error: ApiUnreachable | None = None
        self._listing: dict[tuple[str, str], Object] | None = None
        self._listed, self._closing = threading.Event(), threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None

    def ready(self) -> _Watched:
        """This, once it has been listed for the first time. Raises ApiUnreachable."""
        while not self._listed.wait(timeout=0.1):
            self.world.check_reachable()
        return self

    def close(self) -> None:
        """End the stream that the thread reads."""
        self._closing.set()
        if self._response is not None:
            with contextlib.suppress(Exception):
                self._response.shutdown()

    def run(self) -> None:
        """Follow the kind until the world closes; whatever goes wrong, what was seen is out of date until then."""
        while not self.world._closed:
            try:
                self._watch()
            except Exception as error:
                self._failed(error)
                time.sleep(RETRY_SECONDS)

    def _failed(self, error: Exception) -> None:
        said = f"the API server does not let {self.kind} be watched: {error}"
        self.error = error if isinstance(error, ApiUnreachable) else ApiUnreachable(said)
        self.stale_since = self.stale_since or time.monotonic()

    def _watch(self) -> None:
        """Watch until the stream ends; a kind that the server does not serve is looked for later."""
        api = self.world.api
        resource = api.resource(self.kind) or api.resource(self.kind, refresh=True)
        try:
            if resource:
                self._follow(resource.path())
                return
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
            api.resource(self.kind, refresh=True)  # its definition has gone since
        self._replace({})  # not yet: its definition may come
        self._closing.wait(UNSERVED_SECONDS)

    def _replace(self, objects: dict[tuple[str, str], Object]) -> None:
        """Take in all that is there; what nobody saw go is gone too."""
        before, self.objects = self.objects, objects
        self._note_gone(before)
        self.stale_since = self.error = None
        if before or objects:
            self.world._bump()
        self._listed.set()

    def _note_gone(self, before: dict[tuple[str, str], Object]) -> None:
        """Remember those of *before* that went while nobody watched."""
        left = {thing["metadata"]["uid"] for thing in self.objects.values()}
        for key, thing in before.items():
            if thing["metadata"]["uid"] not in left:
                self.gone[key] = self.ended[thing["metadata"]["uid"]] = thing

    def _follow(self, path: str) -> None:
        self._listing = {}
        with self.world.api.watch(path) as response:
            self._response = response
            if self._closing.is_set():  # whoever closed found nothing to end yet
                return
            try:
                for line in _lines(response):
                    self._take(json.loads(line))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise ApiUnreachable(f"the API server closed a watch: {error}") from error
            finally:
                self._response = None
                self.stale_since = self.stale_since or time.monotonic()

    def _take(self, event: Object) -> None:
        """Take in one event. Raises: ApiError when the stream cannot be gone on with (410 Gone)."""
        thing, kind = event["object"], event["type"]
        if kind == "ERROR":
            raise ApiError(thing.get("code", 0), thing.get("reason", ""), thing.get("message", ""))
        if kind == "BOOKMARK":
            if self._listing is not None and LISTED in (thing["metadata"].get("annotations") or {}):
                self._replace(self._listing)
                self._listing = None
        elif self._listing is not None:
            _change(self._listing, kind, thing)
        else:
            objects = dict(self.objects)  # readers in other threads keep the one that they hold
            _change(objects, kind, thing)
            self.objects = objects
            if kind == "DELETED":
                self.gone[_key(thing)] = self.ended[thing["metadata"]["uid"]] = thing
            self.world._bump()


def _change(objects: dict[tuple[str, str], Object], kind: str, thing: Object) -> None:
    if kind == "DELETED":
        objects.pop(_key(thing), None)
    else:
        objects[_key(thing)] = thing


def has_labels(thing: Object, labels: Mapping[str, str] | None) -> bool:
    """Whether an object carries all of *labels*."""
    own = thing["metadata"].get("labels") or {}
    return all(own.get(key) == value for key, value in (labels or {}).items())


def _key(thing: Object) -> tuple[str, str]:
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(amt=None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
