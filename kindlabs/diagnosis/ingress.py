"""Why a host does not answer through the Ingress controller: class, rule, backend Service."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.diagnosis.services import why_service_does_not_answer
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

CONTROLLERS = {"traefik.io/ingress-controller": "Traefik"}
DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def why_host_does_not_answer(scene: Scene, host: str, namespace: str, path: str = "/") -> Cause | None:
    """The first link between a request for *host* and a Pod; None when the objects say that it should answer."""
    ingresses = scene.world.list("Ingress", namespace)
    if not ingresses:
        refused = next((name for kind, space, name in scene.refused if kind == "Ingress" and space == namespace), "")
        if refused:
            return scene.missing("Ingress", refused, namespace)
        text = f"There is no Ingress in {namespace}, so nothing routes {host}."
        return Cause("NotFound", "Ingress", "", namespace, text, next_step=f"-n {namespace} get ingress")
    ingress = next((i for i in ingresses if _rules_for(i, host)), None)
    if ingress is None:
        return _class_missing(scene, ingresses[0]) or _no_rule(scene, ingresses, host)
    found = _class_missing(scene, ingress) or _backend(scene, ingress, host, path)
    return found.behind(f"Ingress {ingress['metadata']['name']} does not lead to a Pod") if found else None


def rule_names(ingress: Object) -> list[str]:
    """The hosts of an Ingress's rules."""
    return [rule.get("host", "") for rule in dig(ingress, "spec", "rules", default=[])]


def _rules_for(ingress: Object, host: str) -> list[tuple[int, Object]]:
    """The rules that match *host*, each with its place: exact, wildcard of one label, or for every host."""
    wildcard = "*." + host.partition(".")[2]
    rules = enumerate(dig(ingress, "spec", "rules", default=[]))
    return [(at, rule) for at, rule in rules if rule.get("host", "") in {host, wildcard, ""}]


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
    step = f"-n {namespace} get ingress {name}"
    return Cause("NoRuleForHost", "Ingress", name, namespace, text, ("spec", "rules", 0, "host"), next_step=step)


def _backend(scene: Scene, ingress: Object, host: str, path: str) -> Cause | None:
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    at, rule = _rules_for(ingress, host)[0]
    entries = list(enumerate(dig(rule, "http", "paths", default=[])))
    fitting = [(number, entry) for number, entry in entries if _path_fits(entry, path)]
    step = f"-n {namespace} describe ingress {name}"
    if not fitting:
        paths = ", ".join(entry.get("path", "/") for _, entry in entries) or "no path"
        text = f"Ingress {name} has no path for {host}{path}; it names {paths}."
        field: Field = ("spec", "rules", at, "http", "paths")
        return Cause("NoRuleForPath", "Ingress", name, namespace, text, field, next_step=step)
    number, entry = max(fitting, key=lambda item: len(item[1].get("path", "/")))
    field = ("spec", "rules", at, "http", "paths", number, "backend", "service")
    return _service(scene, ingress, dig(entry, "backend", "service", default={}), field)


def _service(scene: Scene, ingress: Object, backend: Object, field: Field) -> Cause | None:
    name, namespace = ingress["metadata"]["name"], ingress["metadata"]["namespace"]
    wanted = backend.get("name", "")
    service = scene.world.get("Service", wanted, namespace)
    step = f"-n {namespace} get service"
    if service is None:
        if ("Service", namespace, wanted) in scene.refused:
            return scene.missing("Service", wanted, namespace)
        text = f"Ingress {name} sends to Service {wanted}, which does not exist in {namespace}."
        return Cause("BackendNotFound", "Ingress", name, namespace, text, (*field, "name"), next_step=step)
    ports = dig(service, "spec", "ports", default=[])
    port = backend.get("port") or {}
    match = [p for p in ports if p["port"] == port.get("number") or (p.get("name") and p["name"] == port.get("name"))]
    if not match:
        opened = ", ".join(str(p["port"]) for p in ports)
        asked = port.get("number") or port.get("name")
        text = f"Ingress {name} sends to port {asked} of Service {wanted}, which opens {opened}."
        return Cause("BackendPortNotFound", "Ingress", name, namespace, text, (*field, "port"), next_step=step)
    return why_service_does_not_answer(scene, wanted, namespace, match[0]["port"])


def _path_fits(entry: Object, path: str) -> bool:
    own = entry.get("path", "/")
    if entry.get("pathType") == "Exact":
        return bool(own == path)
    return own == "/" or path == own or path.startswith(own.rstrip("/") + "/")
