"""One attempt to prove promises, with objects of its own in ``kl-probe`` that nobody else looks at."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from kindlabs.errors import InfraError
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, ApiTimeout, Object
from kindlabs.kube.objects import kind_of
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER
from kindlabs.kube.probing import NAMESPACE

MARK, OBJECT = "kind-labs/trial", "kind-labs/trial-object"
"""Labels: of all objects of trials, with PROCESS as value; and of what controllers make of one, with its name."""
PROCESS = f"{os.getpid()}-{time.time_ns()}"
"""A run has its cluster for itself: what another process made for a trial was left behind."""
PATIENCE = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds that the first, the second and each later silent request gets: before kube-proxy and DNS have followed, one
gets no answer at all, and the next one soon might; a machine with too much work answers in the end."""


class Trial:
    """What proofs work with; several of them at once, which may share objects.

    Args:
        ports: the host's ports on 127.0.0.1: ``{"http": 8080, "https": 8443}``.
        role: how the names of its objects begin.
        namespaces: the lab's, where the learner must have her rights.
        creates: what learners may make there: ``[("apps", "deployments")]``.
        breaks: names of promises that the lab breaks on purpose: proofs of others must do without these.
    """

    def __init__(
        self,
        api: Api,
        ports: Mapping[str, int],
        role: str,
        *,
        namespaces: Sequence[str] = (),
        creates: Sequence[tuple[str, str]] = (),
        breaks: Collection[str] = (),
    ) -> None:
        self.api, self.ports, self.namespaces, self.creates, self.breaks = api, ports, namespaces, creates, breaks
        number = time.time_ns() // 1_000_000
        self.name = f"{role}-{number}"
        self.port = 1024 + number % 60000
        """A port that the Service of no earlier trial had: an old rule for its address does not answer."""
        self._sent: dict[tuple[str, str], Object] = {}
        self._sending = threading.Lock()
        self._silent: dict[str, int] = {}

    def named(self, what: str) -> str:
        """A name for one object of several: ``control-1-job``."""
        return f"{self.name}-{what}"

    def send(self, manifest: Object, then: Callable[[], object] | None = None) -> Object:
        """Make an object once, with whatever has to be done *then*; it as it was made.

        Raises: ApiError, ApiUnreachable.
        """
        key = (kind_of(manifest), manifest["metadata"]["name"])
        with self._sending:
            if key not in self._sent:
                manifest["metadata"].setdefault("labels", {})[MARK] = PROCESS
                made = self.api.apply(manifest, manager=INSTRUCTOR_MANAGER)
                if then:
                    then()
                self._sent[key] = made
            return self._sent[key]

    def has_sent(self, kind: str, name: str) -> bool:
        """Whether it has made that object."""
        return (kind, name) in self._sent

    def now(self, made: Object) -> Object:
        """An object as it is now; empty when it is gone."""
        return self.api.get(kind_of(made), made["metadata"]["name"], NAMESPACE) or {}

    def of(self, kind: str, name: str) -> list[Object]:
        """What was made of our object *name*: those of *kind* whose label OBJECT says so."""
        return self.api.list(kind, NAMESPACE, f"{OBJECT}={name}")

    def container(self, *args: str) -> Object:
        """A container of the probe's image, which is in every node, and asks for no room."""
        return self._like | {"name": "trial", "args": list(args)}

    @cached_property
    def _like(self) -> Object:
        container = probing.container(self.api)
        return {key: container[key] for key in ("image", "imagePullPolicy", "securityContext") if key in container}

    @property
    def tolerations(self) -> list[Object]:
        """Of everything, where the lab closes nodes on purpose: a check may do so while a trial is under way."""
        return [{"operator": "Exists"}] if "nodes-take-pods" in self.breaks else []

    def ask(self, host: str, port: int, tries: int = 1, *, seconds: float | None = None) -> list[str] | str:
        """Send requests inside the cluster; the answers, or in one sentence why there is none.

        Args:
            seconds: for all of them; more from time to time when None.
        """
        silent = self._silent.get(host, 0)
        seconds = seconds or PATIENCE[min(silent, len(PATIENCE) - 1)]
        try:
            said = probing.dial(self.api, host, port, tries=tries, timeout=seconds)
        except ApiTimeout:
            self._silent[host] = silent + 1
            return f"no answer within {seconds:g} s"
        except (ApiError, ValueError) as error:
            return f"{getattr(error, 'message', error)}"
        if errors := said.get("errors"):
            return errors[0]
        return said.get("responses") or "no answer"

    def sweep(self) -> None:
        """Delete what trials of another process left behind: one that was killed takes nothing with it."""
        others = {"labelSelector": f"{MARK},{MARK}!={PROCESS}"}
        for kind in sorted({kind for kind, _ in self._sent}):
            if resource := self.api.resource(kind):
                with suppress(ApiError, InfraError):
                    self.api.request("DELETE", resource.path(NAMESPACE), query=others, body={"gracePeriodSeconds": 0})

    def clean_up(self) -> None:
        """Delete what was sent, with all that controllers made of it."""
        for kind, name in sorted(self._sent):
            with suppress(ApiError, InfraError):
                self.api.delete(kind, name, NAMESPACE, grace=0 if kind == "Pod" else None)
