"""Why a Pod does not reach what it should, or reaches what it should not."""

from __future__ import annotations

from urllib.parse import urlsplit

from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.services import why_service_does_not_answer
from kindlabs.kube.api import Object


def why_not_reached(scene: Scene, pod: Object, url: str) -> Cause | None:
    """The first link that keeps *pod* from an answer of *url*, where its host is a Service of the cluster."""
    target = urlsplit(url)
    name, _, rest = (target.hostname or "").partition(".")
    namespace = rest.partition(".")[0] or pod["metadata"]["namespace"]
    found = why_pod_not_ready(scene, pod)
    if found or scene.world.get("Service", name, namespace) is None:
        return found
    return why_service_does_not_answer(scene, name, namespace, target.port or 80)
