"""Why a container's postStart hook keeps it from starting, or ends it."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.containers import field_of, never_ends, spec_of, stays_down
from kindlabs.diagnosis.events import events_of, last_time
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig
from kindlabs.patience import HOOK_SECONDS


def why_hook_runs(scene: Scene, pod: Object, status: Object) -> Cause | None:
    """A hook that has not ended; until then the kubelet says ContainerCreating of a container that it has started."""
    started = _said(scene, pod, status, "Started")
    running = age(last_time(started[-1])) if started else 0.0
    if not _hook(pod, status) or running <= HOOK_SECONDS:
        return None
    text = f"{_named(pod, status)} has not ended after {running:.0f} s; the container counts as started only then."
    return _cause(pod, status, "HookRuns", text, final=never_ends(_hook(pod, status).get("exec") or {}))


def why_hook_fails(scene: Scene, pod: Object, status: Object, ended: Object) -> Cause | None:
    """A hook that failed, and for whose sake the kubelet ended the container."""
    if not _hook(pod, status) or not _said(scene, pod, status, "FailedPostStartHook", ended.get("startedAt", "")):
        return None
    text = f"{_named(pod, status)} fails, so the kubelet ends the container."
    return _cause(pod, status, "HookFails", text, final=stays_down(status, ended))


def _hook(pod: Object, status: Object) -> Object:
    hook: Object = dig(spec_of(pod, status), "lifecycle", "postStart", default={})
    return hook


def _named(pod: Object, status: Object) -> str:
    return f"The postStart hook of container {status['name']} of Pod {pod['metadata']['name']}"


def _cause(pod: Object, status: Object, reason: str, text: str, *, final: bool) -> Cause:
    return about(pod, reason, text, (*field_of(pod, status), "lifecycle", "postStart"), final=final)


def _said(scene: Scene, pod: Object, status: Object, reason: str, since: str = "") -> list[Object]:
    """The events about one container, which they name as ``spec.containers{app}``."""
    events = events_of(scene, pod, reason, since=since)
    return [e for e in events if str(e["involvedObject"].get("fieldPath")).endswith(f"{{{status['name']}}}")]
