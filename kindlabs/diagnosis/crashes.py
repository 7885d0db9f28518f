"""Why a container does not start, or does not stay."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.diagnosis.containers import field_of, is_init, never_ends, process_field, spec_of
from kindlabs.diagnosis.probes import why_killed
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig, statuses

CRASH_SECONDS = 4.0
"""One crash may be a start-up race; no new start for so long, or a second crash, is not."""
QUICK_SECONDS = 3
"""A container that ends within so many seconds ends soon after it starts."""
KILLED = 137
UNSTARTED = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}


def why_stuck(scene: Scene, pod: Object) -> Cause | None:
    """The first container that cannot start, ends, or never lets the others start."""
    for status in statuses(pod):
        waiting = dig(status, "state", "waiting", default={})
        if waiting.get("reason") in UNSTARTED:
            return _cannot_start(pod, status, waiting.get("message", waiting["reason"]))
        ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated")
        if ended and not status.get("ready"):
            found = why_killed(scene, pod, status) or _ended(scene, pod, status, ended)
            if found:
                return found
        if is_init(pod, status) and dig(status, "state", "running"):
            return _holds_up(pod, status)
    return None


def why_restarted(scene: Scene, pod: Object) -> Cause | None:
    """Why a container of *pod* ended, though it may run again by now."""
    for status in statuses(pod):
        ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated")
        if ended and not is_init(pod, status):
            return why_killed(scene, pod, status) or _ended(scene, pod, status, ended)
    return None


def _cannot_start(pod: Object, status: Object, message: str) -> Cause:
    text = f"Container {status['name']} of Pod {pod['metadata']['name']} cannot start: {message.rstrip('.')}."
    return about(pod, "CannotStart", text, field_of(pod, status))


def _ended(scene: Scene, pod: Object, status: Object, ended: Object) -> Cause | None:
    """A container that ended: by a crash, or because its work was done."""
    policy = dig(pod, "spec", "restartPolicy", default="Always")
    code = ended.get("exitCode", 0)
    once = policy == "Never" or (policy == "OnFailure" and code == 0)
    step = f"-n {pod['metadata']['namespace']} logs {pod['metadata']['name']} -c {status['name']}"
    if is_init(pod, status):
        if code == 0:
            return None
        once = policy == "Never"
    elif once and code == 0 and policy == "OnFailure":
        return None
    if once:
        text = f"The container ended with code {code} and restartPolicy {policy} forbids a restart."
        return about(pod, "ContainerEnded", text, ("spec", "restartPolicy"), next_step=step)
    stopped = "running" not in (status.get("state") or {})
    final = stopped and (status.get("restartCount", 0) >= 1 or age(ended.get("finishedAt")) > CRASH_SECONDS)
    field = (*field_of(pod, status), process_field(spec_of(pod, status)))
    text = _how_it_ended(scene, pod, status, ended)
    if _out_of_memory(pod, status, ended):
        field = (*field_of(pod, status), "resources", "limits", "memory")
    return about(pod, "CrashLoop", text, field, final=final, next_step=f"{step} --previous")


def _how_it_ended(scene: Scene, pod: Object, status: Object, ended: Object) -> str:
    name, code = status["name"], ended.get("exitCode", 0)
    lived = round(age(ended.get("startedAt")) - age(ended.get("finishedAt")))
    when = "soon after it starts" if lived < QUICK_SECONDS else f"after {lived} s"
    word = "Init container" if is_init(pod, status) else "Container"
    limit = dig(spec_of(pod, status), "resources", "limits", "memory")
    oom = f": it needs more memory than its limit of {limit}" if _out_of_memory(pod, status, ended) else ""
    message = (ended.get("message") or "").strip()
    said = f" ({message[:200]})" if message else ""
    lines = [line for line in scene.logs(pod, name).splitlines() if line.strip()]
    last = f"; its last words: {lines[-1].strip()[:200]}" if lines and not oom else ""
    text = f"{word} {name} of Pod {pod['metadata']['name']} ends with code {code} {when}{oom}{said}{last}"
    return text.rstrip(".") + "."


def _out_of_memory(pod: Object, status: Object, ended: Object) -> bool:
    """Whether the kernel killed it for its memory; on cgroup v1 the runtime may see only the signal (128 + 9)."""
    limit = dig(spec_of(pod, status), "resources", "limits", "memory")
    return ended.get("reason") == "OOMKilled" or (bool(limit) and ended.get("exitCode") == KILLED)


def _holds_up(pod: Object, status: Object) -> Cause:
    """An init container that runs: the others wait until it ends."""
    container = spec_of(pod, status)
    running = age(dig(status, "state", "running", "startedAt"))
    name = pod["metadata"]["name"]
    text = f"Init container {status['name']} of Pod {name} has not ended after {running:.0f} s; the app waits for it."
    final = never_ends(container) and running > CRASH_SECONDS / 2
    if final:
        text = f"Init container {status['name']} of Pod {name} never ends, so the app never starts."
    return about(pod, "InitRuns", text, (*field_of(pod, status), process_field(container)), final=final)
