"""Where a Service leads: the Pods that it selects, and the endpoints that its EndpointSlices name."""

from __future__ import annotations

from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, is_leaving
from kindlabs.kube.world import World


def selected_by(world: World, service: Object) -> list[Object]:
    """The Pods that a Service selects and that stay."""
    selector = dig(service, "spec", "selector", default={})
    pods = world.list("Pod", service["metadata"]["namespace"], selector) if selector else []
    return [pod for pod in pods if not is_leaving(world, pod)]


def endpoints_of(world: World, name: str, namespace: str) -> list[Object]:
    """The endpoints in the EndpointSlices of Service *name*."""
    mine = {"kubernetes.io/service-name": name}
    slices = world.list("EndpointSlice.discovery.k8s.io", namespace, mine)
    return [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]


def addresses_in(endpoints: list[Object], *, ready: bool = True) -> set[str]:
    """The addresses of those endpoints that stay; only of the ready ones unless *ready* is False."""
    return {
        address
        for endpoint in endpoints
        if not dig(endpoint, "conditions", "terminating", default=False)
        and (not ready or dig(endpoint, "conditions", "ready", default=True))
        for address in endpoint["addresses"]
    }
