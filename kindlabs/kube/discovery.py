"""Which kinds an API server serves, where, and whether they live in namespaces."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""One answer for all groups; stable since Kubernetes 1.30 (kubernetes.io/docs/concepts/overview/kubernetes-api)."""


@dataclass(frozen=True)
class Resource:
    """One kind as the server serves it: ``group`` is empty for the core kinds, ``versions`` has the preferred first."""

    kind: str
    plural: str
    group: str
    versions: tuple[str, ...]
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        """As manifests write it: ``v1``, ``apps/v1``."""
        return f"{self.group}/{self.versions[0]}" if self.group else self.versions[0]

    def at(self, version: str) -> Resource:
        """The same kind in another of its versions."""
        return replace(self, versions=(version, *(v for v in self.versions if v != version)))

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The path of the collection, or of one object; no *namespace* and no *name* leads out of its own segment."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", _segment(namespace)]
        parts.append(self.plural)
        if name:
            parts.append(_segment(name))
        return "/".join(parts)


def _segment(name: str) -> str:
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if quoted in (".", "..") else quoted


class Discovery:
    """The kinds of one server, read when somebody asks first; what is served does not depend on who asks."""

    def __init__(self, request: Callable[..., dict[str, Any]]) -> None:
        self._request = request
        self._known: list[Resource] | None = None
        self._reading = threading.Lock()

    def resources(self, *, refresh: bool = False) -> list[Resource]:
        """Core kinds first, then the groups in the server's own order of preference; read again on *refresh*."""
        with self._reading:
            if self._known is None or refresh:
                groups = [g for root in ("/api", "/apis") for g in self._read(root)]
                self._known = [resource for group in groups for resource in _of_group(group)]
            return self._known

    def _read(self, root: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._request("GET", root, accept=AGGREGATED).get("items", [])
        return found


def _of_group(group: dict[str, Any]) -> list[Resource]:
    name = group.get("metadata", {}).get("name", "")
    kinds: dict[str, Resource] = {}
    for version in group.get("versions", []):
        for entry in version.get("resources", []):
            kind = entry.get("responseKind", {}).get("kind", "")
            if kind in kinds:
                known = kinds[kind]
                kinds[kind] = replace(known, versions=(*known.versions, version["version"]))
            elif kind:
                kinds[kind] = Resource(
                    kind=kind,
                    plural=entry["resource"],
                    group=name,
                    versions=(version["version"],),
                    namespaced=entry.get("scope") == "Namespaced",
                    verbs=frozenset(entry.get("verbs", [])),
                )
    return list(kinds.values())
