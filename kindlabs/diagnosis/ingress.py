"""Why a host does not answer through the Ingress controller, or why another one does: class, rule, path, Service."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.routes import Route, routes_of, rule_names
from kindlabs.diagnosis.services import why_service_does_not_answer
from kindlabs.diagnosis.traefik import why_served_otherwise
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

CONTROLLERS = {"traefik.io/ingress-controller": "Traefik"}
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def why_host_does_not_answer(scene: Scene, host: str, namespace: str, path: str = "/") -> Cause | None:
    """The first link between a request for *host* and a Pod; None when the objects say that it should answer."""
    ingresses = scene.world.list("Ingress", namespace)
    if not ingresses:
        return scene.why_refused(namespace, "Ingress") or _no_ingress(namespace, host)
    named = [i for i in ingresses if routes_of(i, host)] or ingresses
    served = [i for i in named if not _class_missing(scene, i)]
    if not served:
        return _class_missing(scene, named[0])
    ways = [route for ingress in served for route in routes_of(ingress, host)]
    if not ways:
        return _no_rule(scene, served, host)
    fitting = sorted((route for route in ways if route.fits(path)), key=lambda route: route.rank, reverse=True)
    if not fitting:
        return _no_path(ways, host, path)
    found = _backend(scene, fitting[0]) or _routed_twice(fitting, host) or _altered(scene, fitting[0])
    return found.behind(f"Ingress {fitting[0].name} does not lead to a Pod") if found else None


def why_led_elsewhere(scene: Scene, host: str, namespace: str, service: str) -> Cause | None:
    """The rule for *host* that leads a path to something else than Service *service*."""
    for way in ways_to(scene, host, namespace):
        if way.host == host and way.service != service:
            text = f"Ingress {way.name} sends {host}{way} to {way.target}; everything is for Service {service}."
            return about(way.ingress, "RoutedElsewhere", text, way.backend_field)
    return None


def why_host_answers(scene: Scene, host: str, namespace: str) -> Cause | None:
    """The rule that lets through a host that no rule should name."""
    for way in ways_to(scene, host, namespace):
        what, field = f"a rule for {way.host or 'every host'}", (*way.field[:3], "host")
        if way.is_default:
            what, field = "a defaultBackend, which serves every host", way.field
        text = f"Ingress {way.name} has {what}, so {host} is answered too."
        return about(way.ingress, "RuleTooWide", text, field)
    return None


def ways_to(scene: Scene, host: str, namespace: str) -> list[Route]:
    """The ways of requests for *host*, of all Ingresses that a controller serves."""
    return [way for ingress in served_ingresses(scene, namespace) for way in routes_of(ingress, host)]


def served_ingresses(scene: Scene, namespace: str) -> list[Object]:
    """The Ingresses of a class that is there."""
    return [ingress for ingress in scene.world.list("Ingress", namespace) if not _class_missing(scene, ingress)]


def service_behind(scene: Scene, host: str, namespace: str, path: str) -> str:
    """The name of the Service to which a request for *host* is routed; empty when there is none."""
    fitting = [way for way in ways_to(scene, host, namespace) if way.fits(path)]
    return max(fitting, key=lambda way: way.rank).service if fitting else ""


def _class_missing(scene: Scene, ingress: Object) -> Cause | None:
    """An Ingress that no controller serves: it names no class and none is the default, or one that is not there."""
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    annotated = dig(ingress, "metadata", "annotations", CLASS_ANNOTATION)
    wanted = dig(ingress, "spec", "ingressClassName") or annotated
    classes = {c["metadata"]["name"]: c for c in scene.world.list("IngressClass")}
    field: Field = ("metadata", "annotations", CLASS_ANNOTATION) if annotated else ("spec", "ingressClassName")
    if wanted in classes:
        return None
    if wanted:
        text = f"Ingress {name} names class {wanted}; no IngressClass {wanted} exists, so no controller serves it."
    elif any(dig(c, "metadata", "annotations", DEFAULT_CLASS) == "true" for c in classes.values()):
        return None
    else:
        text = f"Ingress {name} names no class and no class is the default, so no controller serves it."
    return Cause("IngressClassNotFound", "Ingress", name, namespace, text, field, next_step="get ingressclass")


def _no_ingress(namespace: str, host: str) -> Cause:
    text = f"There is no Ingress in {namespace}, so nothing routes {host}."
    return Cause("NotFound", "Ingress", "", namespace, text, next_step=f"-n {namespace} get ingress")


def _no_rule(scene: Scene, ingresses: list[Object], host: str) -> Cause:
    ingress = next((i for i in ingresses if host in rule_names(i)), ingresses[0])
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    controllers = [dig(c, "spec", "controller", default="") for c in scene.world.list("IngressClass")]
    who = next((CONTROLLERS[c] for c in controllers if c in CONTROLLERS), "The Ingress controller")
    hosts = rule_names(ingress)
    names = ", ".join(n or "every host" for n in hosts) or "no host"
    text = f"{who} has no rule for {host}; Ingress {name} names {names}."
    if host in hosts:
        text = f"Ingress {name} names {host}, but no path and no Service for it."
    field = ("spec", "rules", hosts.index(host) if host in hosts else 0, "host")
    step = f"-n {namespace} get ingress {name}"
    return Cause("NoRuleForHost", "Ingress", name, namespace, text, field, next_step=step)


def _no_path(ways: list[Route], host: str, path: str) -> Cause:
    """Of the ways by the host's own name, where there are some."""
    ways = [way for way in ways if way.rank[:2] == max(w.rank[:2] for w in ways)]
    first, paths = ways[0], ", ".join(map(str, ways))
    text = f"Ingress {first.name} has no path for {host}{path}; it names {paths}."
    return about(first.ingress, "NoRuleForPath", text, (*first.field, "pathType" if first.exact else "path"))


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


def _altered(scene: Scene, route: Route) -> Cause | None:
    service = scene.world.get("Service", route.service, route.ingress["metadata"]["namespace"])
    port = _port_of(route, service)
    return why_served_otherwise(route.ingress, service, port) if service and port else None


def _port_of(route: Route, service: Object | None) -> Object | None:
    """The entry of a Service's ports that a way names, by number or by name."""
    wanted = dig(route.backend, "service", "port", default={})
    ports = dig(service, "spec", "ports", default=[])
    return next(
        (p for p in ports if p["port"] == wanted.get("number") or (p.get("name") and p["name"] == wanted.get("name"))),
        None,
    )


def _backend(scene: Scene, route: Route) -> Cause | None:
    name, namespace = route.name, route.ingress["metadata"]["namespace"]
    backend, field = route.backend.get("service"), route.backend_field
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
    port = _port_of(route, service)
    if port is None:
        asked = backend.get("port") or {}
        ports = dig(service, "spec", "ports", default=[])
        opened = ", ".join(str(p.get("name") or p["port"]) if "name" in asked else str(p["port"]) for p in ports)
        text = (
            f"Ingress {name} sends to port {asked.get('number') or asked.get('name')} of Service {wanted}, "
            f"which opens {opened or 'none'}."
        )
        return about(route.ingress, "BackendPortNotFound", text, (*field, "port"), next_step=step)
    return why_service_does_not_answer(scene, wanted, namespace, port["port"])
