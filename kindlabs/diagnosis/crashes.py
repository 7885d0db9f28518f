"""Why a container does not start, or does not stay."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import (
    field_of,
    is_init,
    never_ends,
    process_field,
    restart_policy,
    spec_of,
    stays_down,
)
from kindlabs.diagnosis.events import innermost
from kindlabs.diagnosis.hooks import why_hook_fails, why_hook_runs
from kindlabs.diagnosis.probes import why_killed
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, dig, statuses
from kindlabs.patience import INIT_SECONDS

QUICK_SECONDS = 3
"""A container that ends within so many seconds ends soon after it starts."""
KILLED = 137
FORKLESS = re.compile(
    r"can(no|')t (fork|start new thread)|fork: |pthread_create failed|failed to create new OS thread", re.IGNORECASE
)
"""What shells, Python and Go say when the kernel gives a Pod no further process (``podPidsLimit``)."""
BUSY = re.compile(r"deadline exceeded|is reserved for|transport is closing|connection re(fused|set)|EOF")
"""A container runtime that is overloaded, or was started again; the kubelet tries once more."""
UNREPORTED = {"ContainerCreating", "PodInitializing"}
"""What the kubelet says of a container until its postStart hook has ended."""
UNSTARTED = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}


def why_stuck(scene: Scene, pod: Object) -> Cause | None:
    """The first container that cannot start, ends, or never lets the others start."""
    for status in statuses(pod):
        waiting = dig(status, "state", "waiting", default={})
        if waiting.get("reason") in UNSTARTED:
            return _cannot_start(pod, status, waiting.get("message", waiting["reason"]))
        if waiting.get("reason") in UNREPORTED and (found := why_hook_runs(scene, pod, status)):
            return found
        ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated")
        if ended and not status.get("ready") and ended.get("reason") in UNSTARTED:
            return _cannot_start(pod, status, ended.get("message", ended["reason"]))
        if ended and not status.get("ready"):
            found = why_killed(scene, pod, status) or why_hook_fails(scene, pod, status, ended)
            found = found or _ended(scene, pod, status, ended)
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
            found = why_killed(scene, pod, status) or why_hook_fails(scene, pod, status, ended)
            return found or _ended(scene, pod, status, ended)
    return None


def _cannot_start(pod: Object, status: Object, message: str) -> Cause:
    text = f"Container {status['name']} of Pod {pod['metadata']['name']} cannot start: {innermost(message)}."
    here = (*field_of(pod, status), *_blamed(spec_of(pod, status), message))
    return about(pod, "CannotStart", text, here, final=not BUSY.search(message))


def _blamed(container: Object, message: str) -> Field:
    """The field of a container that the kubelet's words are about (pkg/kubelet/kuberuntime)."""
    if "exec: " in message:
        return (process_field(container),)
    if "runAsNonRoot" in message or "non-numeric user" in message:
        return ("securityContext",)
    key = re.search(r"couldn't find key (\S+) in ", message)
    for at, variable in enumerate(container.get("env") or []):
        sources = (variable.get("valueFrom") or {}).values()
        if key and any(source.get("key") == key.group(1) for source in sources):
            return ("env", at)
    return ()


def _ended(scene: Scene, pod: Object, status: Object, ended: Object) -> Cause | None:
    """A container that ended: by a crash, or because its work was done."""
    code = ended.get("exitCode", 0)
    policy, policy_field = restart_policy(pod, status, code)
    once = policy == "Never" or (policy == "OnFailure" and code == 0)
    step = f"-n {pod['metadata']['namespace']} logs {pod['metadata']['name']} -c {status['name']}"
    if is_init(pod, status):
        if code == 0:
            return None
        once = policy == "Never"
    elif once and code == 0 and policy == "OnFailure" and dig(pod, "status", "phase") != "Succeeded":
        return None  # another one may be the app
    if once:
        text = f"The container ended with code {code} and restartPolicy {policy} forbids a restart."
        return about(pod, "ContainerEnded", text, policy_field, next_step=step)
    final = stays_down(status, ended)
    field = (*field_of(pod, status), process_field(spec_of(pod, status)))
    text = how_it_ended(scene, pod, status, ended)
    if _out_of_memory(pod, status, ended):
        field = (*field_of(pod, status), "resources", "limits", "memory")
    return about(pod, "CrashLoop", text, field, final=final, next_step=f"{step} --previous")


def how_it_ended(scene: Scene, pod: Object, status: Object, ended: Object) -> str:
    """How a container ended, in one sentence: its code, how long it lived, what it said."""
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
    last += "; a Pod may have only so many processes" if any(FORKLESS.search(line) for line in lines) else ""
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
    final = never_ends(container) and running > INIT_SECONDS
    if final:
        text = f"Init container {status['name']} of Pod {name} never ends, so the app never starts."
    return about(pod, "InitRuns", text, (*field_of(pod, status), process_field(container)), final=final)
