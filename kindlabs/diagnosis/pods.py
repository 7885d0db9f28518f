"""Why a Pod is not Ready, or does not answer: scheduling, images, references, crashes, probes."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, containers, dig, is_ready, statuses

SETTLED_SECONDS = 2.0
"""What the scheduler or a volume says first may pass: an old Pod may still hold the room that the new one needs."""
CRASH_SECONDS = 4.0
"""One crash may be a start-up race; no recovery for so long, or a second crash, is not."""
START_SECONDS = 10.0
"""A process on a busy machine may take so long from its start to its first open port; nobody is blamed before."""
USUAL_PORTS = (80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 9090)
NO_SUCH_IMAGE = re.compile(r"not found|manifest unknown|does not exist|denied|invalid reference|couldn't parse", re.I)


def why_pod_not_ready(scene: Scene, pod: Object) -> Cause | None:
    """The first link that keeps *pod* from being Ready; None when it is Ready, or only on its way."""
    if is_ready(pod):
        return None
    for walk in (_unscheduled, _reference_missing, _container_stuck, _probe_fails):
        found = walk(scene, pod)
        if found:
            return found.behind(f"Pod {pod['metadata']['name']} is {dig(pod, 'status', 'phase', default='unknown')}")
    return None


def why_pod_does_not_answer(scene: Scene, pod: Object, port: int, field: Field = ()) -> Cause | None:
    """The first link that keeps *pod* from answering on *port*; None when something listens there."""
    found = why_pod_not_ready(scene, pod)
    if found or scene.listens(pod, port) is not False:
        return found
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    others = listening_ports(scene, pod)
    container = dig(pod, "spec", "containers", 0, default={})
    if others:
        text = f"Nothing listens on port {port} in Pod {name}; the process listens on {', '.join(map(str, others))}."
    else:
        text = f"The container runs {program(container)}, which opens no port."
    step = f"-n {namespace} logs {name}"
    final = _has_started(pod, others)
    field = field or _process_field(container)
    return Cause("NothingListens", "Pod", name, namespace, text, field, final=final, next_step=step)


def _has_started(pod: Object, ports: list[int]) -> bool:
    """Whether the process of a Pod will open no further port: it has opened *ports*, or has had time enough."""
    starts = [age(dig(status, "state", "running", "startedAt")) for status in statuses(pod)]
    return min(starts, default=0.0) > (SETTLED_SECONDS if ports else START_SECONDS)


def listening_ports(scene: Scene, pod: Object) -> list[int]:
    """The TCP ports that answer, of those that the Pod's own text names and of the usual ones."""
    text = " ".join(
        str(part) for c in containers(pod["spec"]) for part in (c.get("args"), c.get("command"), c.get("env"))
    )
    named = {int(number) for number in re.findall(r"\d{2,5}", text)}
    declared = {p.get("containerPort", 0) for c in containers(pod["spec"]) for p in c.get("ports") or []}
    candidates = sorted(n for n in named | declared | set(USUAL_PORTS) if 0 < n < 65536)
    return [port for port in candidates if scene.listens(pod, port)]


def program(container: Object) -> str:
    """What a container runs, in a word or three: its command, else its first argument, else its image's own."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    return str(words[0]) if words else "its image's own command"


def _process_field(container: Object) -> Field:
    return ("spec", "containers", 0, "command" if container.get("command") else "args")


def _unscheduled(_scene: Scene, pod: Object) -> Cause | None:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("reason") != "Unschedulable":
        return None
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    text = f"No node takes Pod {name}: {_scheduler_says(scheduled.get('message', ''))}."
    spec = pod["spec"]
    field: Field = ("spec", "containers", 0, "resources", "requests")
    if "Insufficient" not in text:
        field = ("spec", "nodeSelector") if spec.get("nodeSelector") else ("spec", "affinity")
    final = age(scheduled.get("lastTransitionTime")) > SETTLED_SECONDS
    step = f"-n {namespace} describe pod {name}"
    return Cause("Unschedulable", "Pod", name, namespace, text, field, final=final, next_step=step)


def _scheduler_says(message: str) -> str:
    """The part of the scheduler's message that is about the nodes: ``0/1 nodes are available: 1 Insufficient cpu``."""
    return re.split(r"\.\s+(?:no new claims|preemption)", message)[0].strip().rstrip(".")


def _reference_missing(scene: Scene, pod: Object) -> Cause | None:
    """A Secret, ConfigMap, claim or ServiceAccount that the Pod names and that is not there."""
    namespace = pod["metadata"]["namespace"]
    for kind, name, field in _references(pod["spec"]):
        if scene.world.get(kind, name, namespace) is None:
            text = f"Pod {pod['metadata']['name']} needs {kind} {name}, which does not exist in {namespace}."
            issued = kind == "Secret" and _is_issued(scene, name, namespace)
            return Cause(
                f"{kind}NotFound",
                "Pod",
                pod["metadata"]["name"],
                namespace,
                text,
                field,
                final=not issued and age(pod["metadata"].get("creationTimestamp")) > SETTLED_SECONDS,
                next_step=f"-n {namespace} get {kind.lower()}",
            )
    return None


def _is_issued(scene: Scene, secret: str, namespace: str) -> bool:
    certificates = scene.world.list("Certificate.cert-manager.io", namespace)
    return any(dig(c, "spec", "secretName") == secret for c in certificates)


def _references(spec: Object) -> list[tuple[str, str, Field]]:
    """What a Pod cannot start without, as (kind, name, field)."""
    found: list[tuple[str, str, Field]] = []
    for group in ("initContainers", "containers"):
        for at, container in enumerate(spec.get(group) or []):
            here: Field = ("spec", group, at)
            for number, source in enumerate(container.get("envFrom") or []):
                found += _named(source, ("configMapRef", "secretRef"), (*here, "envFrom", number))
            for number, variable in enumerate(container.get("env") or []):
                source = variable.get("valueFrom") or {}
                found += _named(source, ("configMapKeyRef", "secretKeyRef"), (*here, "env", number))
    mounts = {m["name"] for c in containers(spec) for m in c.get("volumeMounts") or []}
    for number, volume in enumerate(spec.get("volumes") or []):
        if volume["name"] not in mounts:  # the kubelet leaves such a volume alone
            continue
        here = ("spec", "volumes", number)
        found += _named(volume, ("configMap", "secret"), here)
        claim = dig(volume, "persistentVolumeClaim", "claimName")
        if claim:
            found.append(("PersistentVolumeClaim", claim, here))
        for source in dig(volume, "projected", "sources", default=[]):
            found += _named(source, ("configMap", "secret"), here)
    return found


def _named(source: Object, keys: tuple[str, str], field: Field) -> list[tuple[str, str, Field]]:
    kinds = {keys[0]: "ConfigMap", keys[1]: "Secret"}
    found = []
    for key, kind in kinds.items():
        reference = source.get(key) or {}
        name = reference.get("name") or reference.get("secretName")
        if name and not reference.get("optional"):
            found.append((kind, name, field))
    return found


def _container_stuck(scene: Scene, pod: Object) -> Cause | None:
    for status in statuses(pod):
        waiting = dig(status, "state", "waiting", default={})
        if waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}:
            return _image(scene, pod, status, waiting)
        if waiting.get("reason") in {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}:
            return _cannot_start(pod, status, waiting.get("message", waiting["reason"]))
        ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated")
        if ended and not status.get("ready"):
            found = _ended(scene, pod, status, ended)
            if found:
                return found
    return None


def _image(scene: Scene, pod: Object, status: Object, waiting: Object) -> Cause:
    image = str(_spec_of(pod, status).get("image") or status.get("image", ""))
    said = waiting.get("message", "")
    short = image.rpartition("/")[2]
    ours = image in scene.images
    known = {reference.rpartition(":")[0]: reference for reference in scene.images}
    offered = known.get(image.partition("@")[0].rpartition(":")[0])
    final = scene.offline or offered is not None or bool(NO_SUCH_IMAGE.search(said))
    why = "no such image in the registry" if NO_SUCH_IMAGE.search(said) else "its registry does not answer"
    if waiting["reason"] == "InvalidImageName":
        why, final = "that is no valid image name", True
    elif offered:
        why = f"no such tag; the lab has {offered.rpartition('/')[2]}" if not ours else "it should be on the node"
        why = "no such tag" if not ours else why
    elif scene.offline and scene.images:
        names = ", ".join(sorted(reference.rpartition("/")[2] for reference in scene.images))
        why = f"this cluster reaches no registry; the lab has {names}"
    return Cause(
        "ImageNotFound" if final else "ImagePullFailed",
        "Pod",
        pod["metadata"]["name"],
        pod["metadata"]["namespace"],
        f"The node cannot pull {short}: {why}.",
        (*_field_of(pod, status), "image"),
        final=final,
        next_step=f"-n {pod['metadata']['namespace']} describe pod {pod['metadata']['name']}",
        ours=ours,
    )


def _cannot_start(pod: Object, status: Object, message: str) -> Cause:
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    text = f"Container {status['name']} of Pod {name} cannot start: {message}."
    step = f"-n {namespace} describe pod {name}"
    return Cause("CannotStart", "Pod", name, namespace, text, _field_of(pod, status), next_step=step)


def _ended(scene: Scene, pod: Object, status: Object, ended: Object) -> Cause | None:
    """A container that ended: by a crash, or because its work was done."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    policy = dig(pod, "spec", "restartPolicy", default="Always")
    code = ended.get("exitCode", 0)
    is_init = status["name"] in {c["name"] for c in dig(pod, "spec", "initContainers", default=[])}
    if code == 0 and (is_init or policy != "Always"):
        return None
    again = status.get("restartCount", 0) >= 1 and "running" not in (status.get("state") or {})
    never = policy == "Never" or (policy == "OnFailure" and code == 0)
    if never:
        text = f"The container ended with code {code} and restartPolicy {policy} forbids a restart."
        field: Field = ("spec", "restartPolicy")
    else:
        container = _spec_of(pod, status)
        lines = [line for line in scene.logs(pod, status["name"]).splitlines() if line.strip()]
        last = f"; its last words: {lines[-1].strip()[:200]}" if lines else ""
        oom = " (out of memory)" if ended.get("reason") == "OOMKilled" else ""
        said = f" ({ended['message'].strip()[:200]})" if ended.get("message") else ""
        text = f"Container {status['name']} of Pod {name} ends with code {code}{oom} soon after it starts{said}{last}"
        text = text.rstrip(".") + "."
        field = (*_field_of(pod, status), "command" if container.get("command") else "args")
    return Cause(
        "ContainerEnded" if never else "CrashLoop",
        "Pod",
        name,
        namespace,
        text,
        field,
        final=never or again or age(ended.get("finishedAt")) > CRASH_SECONDS,
        next_step=f"-n {namespace} logs {name} -c {status['name']} --previous",
    )


def _probe_fails(scene: Scene, pod: Object) -> Cause | None:
    """A container that runs and whose readiness or startup probe fails."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    for status in statuses(pod):
        container = _spec_of(pod, status)
        running = dig(status, "state", "running", default={})
        if status.get("ready") or not running:
            continue
        for kind in ("startupProbe", "readinessProbe"):
            probe = container.get(kind)
            port = _port_number(container, dig(probe, "httpGet", "port") or dig(probe, "tcpSocket", "port"))
            said = _unhealthy(scene, pod)
            if not probe or not said:
                continue
            word = kind.removesuffix("Probe")
            deaf = port > 0 and scene.listens(pod, port) is False
            if deaf:
                text = f"The {word} probe asks port {port}, where nothing listens, so no Pod becomes Ready."
            else:
                text = f"The {word} probe of Pod {name} fails: {said}"
            field = (*_field_of(pod, status), kind)
            if deaf:
                final = _has_started(pod, listening_ports(scene, pod))
            else:
                final = "statuscode" in said and age(running.get("startedAt")) > START_SECONDS
            step = f"-n {namespace} describe pod {name}"
            return Cause("ProbeFails", "Pod", name, namespace, text, field, final=final, next_step=step)
    return None


def _unhealthy(scene: Scene, pod: Object) -> str:
    """What the kubelet's newest event said about a failed probe."""
    mine = [
        e
        for e in scene.world.list("Event", pod["metadata"]["namespace"])
        if e.get("reason") == "Unhealthy" and dig(e, "involvedObject", "uid") == pod["metadata"]["uid"]
    ]
    newest = max(mine, key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", default={})
    return str(newest.get("message", ""))


def _port_number(container: Object, port: object) -> int:
    """A probe's port as a number; names are looked up in the container's ports. 0 when there is none."""
    if isinstance(port, int):
        return port
    return next((p["containerPort"] for p in container.get("ports") or [] if p.get("name") == port and port), 0)


def _spec_of(pod: Object, status: Object) -> Object:
    return next((c for c in containers(pod["spec"]) if c["name"] == status["name"]), {})


def _field_of(pod: Object, status: Object) -> Field:
    for group in ("initContainers", "containers"):
        for at, container in enumerate(pod["spec"].get(group) or []):
            if container["name"] == status["name"]:
                return ("spec", group, at)
    return ("spec",)
