"""Why a host does not answer through the Ingress controller: class, rule, path, backend Service."""

from __future__ import annotations

from dataclasses import dataclass

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.services import why_service_does_not_answer
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

CONTROLLERS = {"traefik.io/ingress-controller": "Traefik"}
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


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

    def fits(self, path: str) -> bool:
        """Whether a request for *path* goes this way."""
        if self.exact:
            return self.path == path
        return self.path == "/" or path == self.path or path.startswith(self.path.rstrip("/") + "/")

    @property
    def rank(self) -> tuple[bool, bool, bool, int]:
        """Greater for what is preferred: the exact host, then the exact path, then the longest."""
        return (not self.host.startswith("*") and bool(self.host), bool(self.host), self.exact, len(self.path))


def why_host_does_not_answer(scene: Scene, host: str, namespace: str, path: str = "/") -> Cause | None:
    """The first link between a request for *host* and a Pod; None when the objects say that it should answer."""
    ingresses = scene.world.list("Ingress", namespace)
    if not ingresses:
        refused = next((name for kind, space, name in scene.refused if kind == "Ingress" and space == namespace), "")
        if refused:
            return scene.missing("Ingress", refused, namespace)
        text = f"There is no Ingress in {namespace}, so nothing routes {host}."
        return Cause("NotFound", "Ingress", "", namespace, text, next_step=f"-n {namespace} get ingress")
    named = [i for i in ingresses if routes_of(i, host)] or ingresses
    served = [i for i in named if not _class_missing(scene, i)]
    if not served:
        return _class_missing(scene, named[0])
    ways = [route for ingress in served for route in routes_of(ingress, host)]
    if not ways:
        return _no_rule(scene, served, host)
    fitting = sorted((route for route in ways if route.fits(path)), key=lambda route: route.rank, reverse=True)
    if not fitting:
        return _no_path(served[0], ways, host, path)
    found = _backend(scene, fitting[0]) or _routed_twice(fitting, host) or _altered(fitting[0])
    return found.behind(f"Ingress {fitting[0].name} does not lead to a Pod") if found else None


def service_behind(scene: Scene, host: str, namespace: str, path: str) -> str:
    """The name of the Service to which a request for *host* is routed; empty when there is none."""
    ways = [route for ingress in scene.world.list("Ingress", namespace) for route in routes_of(ingress, host)]
    best = max((route for route in ways if route.fits(path)), key=lambda route: route.rank, default=None)
    return str(dig(best.backend, "service", "name", default="")) if best else ""


def routes_of(ingress: Object, host: str) -> list[Route]:
    """The ways of an Ingress for requests to *host*: by its name, by a wildcard of one label, or for every host."""
    wildcard, found = "*." + host.partition(".")[2], []
    for at, rule in enumerate(dig(ingress, "spec", "rules", default=[])):
        own = rule.get("host", "")
        if own not in {host, wildcard, ""}:
            continue
        for number, entry in enumerate(dig(rule, "http", "paths", default=[])):
            here = ("spec", "rules", at, "http", "paths", number)
            exact = entry.get("pathType") == "Exact"
            found.append(Route(ingress, here, own, entry.get("path") or "/", exact, entry.get("backend") or {}))
    default = dig(ingress, "spec", "defaultBackend")
    return [*found, Route(ingress, ("spec", "defaultBackend"), "", "/", False, default)] if default else found


def rule_names(ingress: Object) -> list[str]:
    """The hosts of an Ingress's rules."""
    return [rule.get("host", "") for rule in dig(ingress, "spec", "rules", default=[])]


def _class_missing(scene: Scene, ingress: Object) -> Cause | None:
    """An Ingress that no controller serves: it names no class and none is the default, or one that is not there."""
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    annotations = ingress["metadata"].get("annotations") or {}
    wanted = dig(ingress, "spec", "ingressClassName") or annotations.get("kubernetes.io/ingress.class")
    classes = {c["metadata"]["name"]: c for c in scene.world.list("IngressClass")}
    field: Field = ("spec", "ingressClassName")
    if wanted in classes:
        return None
    if wanted:
        text = f"Ingress {name} names class {wanted}; no IngressClass {wanted} exists, so no controller serves it."
    elif any(dig(c, "metadata", "annotations", DEFAULT_CLASS) == "true" for c in classes.values()):
        return None
    else:
        text = f"Ingress {name} names no class and no class is the default, so no controller serves it."
    return Cause("IngressClassNotFound", "Ingress", name, namespace, text, field, next_step="get ingressclass")


def _no_rule(scene: Scene, ingresses: list[Object], host: str) -> Cause:
    ingress = ingresses[0]
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    controllers = [dig(c, "spec", "controller", default="") for c in scene.world.list("IngressClass")]
    who = next((CONTROLLERS[c] for c in controllers if c in CONTROLLERS), "The Ingress controller")
    names = ", ".join(n or "every host" for n in rule_names(ingress)) or "no host"
    text = f"{who} has no rule for {host}; Ingress {name} names {names}."
    if host in rule_names(ingress):
        text = f"Ingress {name} names {host}, but no path and no Service for it."
    step = f"-n {namespace} get ingress {name}"
    return Cause("NoRuleForHost", "Ingress", name, namespace, text, ("spec", "rules", 0, "host"), next_step=step)


def _no_path(ingress: Object, ways: list[Route], host: str, path: str) -> Cause:
    name = ingress["metadata"]["name"]
    paths = ", ".join(f"{way.path} (Exact)" if way.exact else way.path for way in ways)
    text = f"Ingress {name} has no path for {host}{path}; it names {paths}."
    return about(ingress, "NoRuleForPath", text, (*ways[0].field, "pathType" if ways[0].exact else "path"))


def _routed_twice(fitting: list[Route], host: str) -> Cause | None:
    """Another way of the same rank to another backend: which of the two a request takes is left to chance."""
    best = fitting[0]
    for other in fitting[1:]:
        if other.rank == best.rank and other.backend != best.backend:
            first, second = sorted((best.name, other.name))
            both = (
                f"Ingress {first} has two backends"
                if first == second
                else f"Ingresses {first} and {second} lead to two"
            )
            text = f"{both} for {host}{best.path}; which one answers is left to chance."
            return about(other.ingress, "RoutedTwice", text, other.field)
    return None


def _altered(route: Route) -> Cause | None:
    """An annotation by which a controller serves an Ingress in another way than its rules say."""
    annotations = route.ingress["metadata"].get("annotations") or {}
    key = next((key for key in annotations if key.startswith("traefik.ingress.kubernetes.io/")), "")
    if not key:
        return None
    text = f"Annotation {key}: {annotations[key]} makes Traefik serve Ingress {route.name} in another way."
    return about(route.ingress, "AlteredByAnnotation", text, ("metadata", "annotations", key))


def _backend(scene: Scene, route: Route) -> Cause | None:
    name, namespace = route.name, route.ingress["metadata"]["namespace"]
    backend = route.backend.get("service")
    field = (*route.field, "backend") if route.field[-1] != "defaultBackend" else route.field
    if not backend:
        text = f"Ingress {name} sends to a resource, which Traefik cannot do; it needs a Service."
        return about(route.ingress, "BackendIsNoService", text, field)
    wanted = backend.get("name", "")
    service = scene.world.get("Service", wanted, namespace)
    field = (*field, "service")
    step = f"-n {namespace} get service"
    if service is None:
        if ("Service", namespace, wanted) in scene.refused:
            return scene.missing("Service", wanted, namespace)
        text = f"Ingress {name} sends to Service {wanted}, which does not exist in {namespace}."
        return about(route.ingress, "BackendNotFound", text, (*field, "name"), next_step=step)
    ports = dig(service, "spec", "ports", default=[])
    port = backend.get("port") or {}
    match = [p for p in ports if p["port"] == port.get("number") or (p.get("name") and p["name"] == port.get("name"))]
    if not match:
        asked = port.get("number") or port.get("name")
        opened = ", ".join(str(p.get("name") or p["port"]) if "name" in port else str(p["port"]) for p in ports)
        text = f"Ingress {name} sends to port {asked} of Service {wanted}, which opens {opened}."
        return about(route.ingress, "BackendPortNotFound", text, (*field, "port"), next_step=step)
    return why_service_does_not_answer(scene, wanted, namespace, match[0]["port"])
