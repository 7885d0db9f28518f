"""What makes Traefik serve an Ingress in another way than its rules say: annotations, and the names of ports."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.kube.api import Object

PREFIX = "traefik.ingress.kubernetes.io/"
SOUND = {
    "router.entrypoints": r"(.*,)? *websecure *(,.*)?",
    "router.pathmatcher": r"PathPrefix",
    "router.tls": r"true",
    "router.priority": r"\d{1,18}",  # of more digits, one may be above what it takes
    "service.serversscheme": r"http",
    "service.passhostheader": r"true",
}
"""Values that leave HTTPS requests and their way to the Pods as they are."""


def why_served_otherwise(ingress: Object, service: Object, port: Object) -> Cause | None:
    """What a learner wrote that alters how requests reach *port* (an entry of its ports) of *service*."""
    return _annotated(ingress) or _annotated(service) or _speaks_https(service, port)


def _annotated(thing: Object) -> Cause | None:
    """An annotation with which an object is served otherwise; one that Traefik does not know, and it is not at all."""
    kind, name = thing["kind"], thing["metadata"]["name"]
    for key, value in (thing["metadata"].get("annotations") or {}).items():
        sound = SOUND.get(key.removeprefix(PREFIX).lower())
        if key.startswith(PREFIX) and not (sound and re.fullmatch(sound, value)):
            text = f"Annotation {key}: {value} makes Traefik serve {kind} {name} in another way, or not at all."
            return about(thing, "AlteredByAnnotation", text, ("metadata", "annotations", key))
    return None


def _speaks_https(service: Object, port: Object) -> Cause | None:
    """Traefik guesses by name and number what the Pods speak (its pkg/provider/kubernetes/ingress, getProtocol)."""
    name, number = port.get("name", ""), port["port"]
    if number != 443 and not name.startswith("https"):
        return None
    called = f"its number is {number}" if number == 443 else f"its name is {name}"
    own = service["metadata"]["name"]
    text = f"Traefik speaks HTTPS to port {number} of Service {own}, because {called}; the Pods speak HTTP."
    at = next(at for at, entry in enumerate(service["spec"]["ports"]) if entry == port)
    return about(service, "SpeaksHttps", text, ("spec", "ports", at, "port" if number == 443 else "name"))
