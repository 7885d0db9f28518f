"""Why labels select other Pods than they should."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, is_leaving, labels_text


def why_wrong_pods(scene: Scene, labels: dict[str, str], namespace: str, wanted: list[str]) -> Cause | None:
    """Why *labels* do not select exactly the Pods *wanted*; None when they do."""
    found = (_not_selected(scene, labels, namespace, name) for name in wanted)
    return next(filter(None, found), None) or _others(scene, labels, namespace, wanted)


def _not_selected(scene: Scene, labels: dict[str, str], namespace: str, name: str) -> Cause | None:
    """A Pod that is not there, or lacks one of *labels*."""
    pod = scene.world.get("Pod", name, namespace)
    if pod is None:
        return scene.missing("Pod", name, namespace)
    own = dig(pod, "metadata", "labels", default={})
    for key, value in labels.items():
        if own.get(key) != value:
            carries = f"{key}={own[key]}" if key in own else f"no label {key}"
            others = scene.world.list("Pod", namespace, {key: value})
            nobody = f"Pod {name} has not {key}={value}; it" if others else f"No Pod has {key}={value}; Pod {name}"
            text = f"{nobody} carries {carries}."
            return _cause("WrongLabel", pod, text, key)
    return None


def _others(scene: Scene, labels: dict[str, str], namespace: str, wanted: list[str]) -> Cause | None:
    """Pods that *labels* select too."""
    others = [p for p in scene.world.list("Pod", namespace, labels) if p["metadata"]["name"] not in wanted]
    if not others:
        return None
    names = ", ".join(p["metadata"]["name"] for p in others)
    text = f"{labels_text(labels)} also selects {names}."
    staying = not all(is_leaving(scene.world, p) for p in others)
    return _cause("TooManyPods", others[0], text, *labels, final=staying)


def _cause(reason: str, pod: Object, text: str, *key: str, final: bool = True) -> Cause:
    step = f"-n {pod['metadata']['namespace']} get pods --show-labels"
    return about(pod, reason, text, ("metadata", "labels", *key), final=final, next_step=step)
