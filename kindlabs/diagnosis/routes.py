"""What an Ingress says about a host: its ways from paths to backends."""

from __future__ import annotations

from dataclasses import dataclass

from kindlabs.diagnosis.cause import Field
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig


@dataclass(frozen=True)
class Route:
    """One way from a host and a path to a backend: *ingress*, the path's *field* in it, and what stands there."""

    ingress: Object
    field: Field
    host: str
    path: str
    exact: bool
    backend: Object

    @property
    def name(self) -> str:
        """The Ingress's name."""
        return str(self.ingress["metadata"]["name"])

    @property
    def service(self) -> str:
        """The name of the Service that it leads to; empty for a resource."""
        return str(dig(self.backend, "service", "name", default=""))

    @property
    def target(self) -> str:
        """What it leads to, in words."""
        return f"Service {self.service}" if self.service else "a resource"

    @property
    def is_default(self) -> bool:
        """Whether it is the defaultBackend of its Ingress."""
        return self.field[-1] == "defaultBackend"

    @property
    def backend_field(self) -> Field:
        """Where its backend stands."""
        return self.field if self.is_default else (*self.field, "backend")

    def fits(self, path: str) -> bool:
        """Whether a request for *path* goes this way."""
        if self.exact:
            return self.path == path
        return self.path == "/" or path == self.path or path.startswith(self.path.rstrip("/") + "/")

    @property
    def rank(self) -> tuple[bool, bool, bool, int]:
        """Greater for what is preferred: the exact host, then the exact path, then the longest."""
        return (not self.host.startswith("*") and bool(self.host), bool(self.host), self.exact, len(self.path))

    def __str__(self) -> str:
        return f"{self.path} (Exact)" if self.exact else self.path


def routes_of(ingress: Object, host: str) -> list[Route]:
    """The ways of an Ingress for requests to *host*: by its name, by a wildcard of one label, or for every host.

    A defaultBackend counts without rules only: beside rules Traefik passes it over (its provider kubernetes/ingress).
    """
    default, rules = dig(ingress, "spec", "defaultBackend"), dig(ingress, "spec", "rules", default=[])
    if default and not rules:
        return [Route(ingress, ("spec", "defaultBackend"), "", "/", False, default)]
    wildcard, found = "*." + host.partition(".")[2], []
    for at, rule in enumerate(rules):
        own = rule.get("host", "")
        if own not in {host, wildcard, ""}:
            continue
        for number, entry in enumerate(dig(rule, "http", "paths", default=[])):
            here = ("spec", "rules", at, "http", "paths", number)
            exact = entry.get("pathType") == "Exact"
            found.append(Route(ingress, here, own, entry.get("path") or "/", exact, entry.get("backend") or {}))
    return found


def rule_names(ingress: Object) -> list[str]:
    """The hosts of an Ingress's rules."""
    return [rule.get("host", "") for rule in dig(ingress, "spec", "rules", default=[])]
