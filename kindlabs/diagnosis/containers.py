"""Small questions about the containers of a Pod."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Field, Scene
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, containers, dig
from kindlabs.patience import CRASH_SECONDS

USUAL_PORTS = (80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 9090)
OWN_COMMANDS = {"agnhost": ["pause"]}
"""What the labs' images run when a manifest says nothing (test/images/agnhost/Dockerfile)."""
POD_POLICY: Field = ("spec", "restartPolicy")
# A thousand seconds and more are for ever here.
ENDLESS = re.compile(r"^(\S*/)?(agnhost )?(pause|sleep (inf|infinity|\d{4,}|\d+[hd]))\b|^tail -f /dev/null$")


def spec_of(pod: Object, status: Object) -> Object:
    """The container that a status is about, as the Pod asks for it."""
    return next((c for c in containers(pod["spec"]) if c["name"] == status["name"]), {})


def field_of(pod: Object, status: Object) -> Field:
    """Where that container stands in the Pod."""
    for group in ("initContainers", "containers"):
        for at, container in enumerate(pod["spec"].get(group) or []):
            if container["name"] == status["name"]:
                return ("spec", group, at)
    return ("spec",)


def is_init(pod: Object, status: Object) -> bool:
    """Whether it has to end before the others start; an init container that restarts always is a sidecar."""
    inits = dig(pod, "spec", "initContainers", default=[])
    return any(c["name"] == status["name"] and c.get("restartPolicy") != "Always" for c in inits)


def restart_policy(pod: Object, status: Object, code: int) -> tuple[str, Field]:
    """What happens to a container that ended with *code*, and the field that says so: its own word before the Pod's."""
    container, here = spec_of(pod, status), field_of(pod, status)
    for rule in container.get("restartPolicyRules") or []:
        codes = rule.get("exitCodes") or {}
        if (code in (codes.get("values") or [])) == (codes.get("operator") == "In"):
            return "Always", (*here, "restartPolicyRules")
    own = container.get("restartPolicy")
    return (own, (*here, "restartPolicy")) if own else (dig(pod, "spec", "restartPolicy", default="Always"), POD_POLICY)


def stays_down(status: Object, ended: Object) -> bool:
    """Whether a container ended more than once, or is not started again."""
    stopped = "running" not in (status.get("state") or {})
    return stopped and (status.get("restartCount", 0) >= 1 or age(ended.get("finishedAt")) > CRASH_SECONDS)


def command(container: Object) -> list[str]:
    """What it runs, as far as its manifest or its image is known to say."""
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    image = str(container.get("image", "")).rpartition("/")[2].partition(":")[0]
    return [str(word) for word in words or OWN_COMMANDS.get(image, [])]


def never_ends(container: Object) -> bool:
    """Whether it runs a program that is known to wait for ever, and to do nothing else."""
    return bool(ENDLESS.match(" ".join(command(container))))


def process_field(container: Object) -> str:
    """The field that says what runs; ``args`` where neither is written."""
    return "command" if container.get("command") else "args"


def index_of(pod: Object, name: str) -> int:
    """The place of container *name* among a Pod's containers; the first where it has none of that name."""
    return next((at for at, container in enumerate(pod["spec"]["containers"]) if container["name"] == name), 0)


def at_port(pod: Object, port: int) -> int:
    """The place of the container that should listen on *port*: the one that declares it, else the first."""
    for at, container in enumerate(pod["spec"]["containers"]):
        if any(p.get("containerPort") == port for p in container.get("ports") or []):
            return at
    return 0


RENAMED_BY = ("hostNetwork", "hostnameOverride", "hostname", "setHostnameAsFQDN")
"""Fields of a Pod that give its processes another host name than the Pod's, the strongest first."""


def answer_field(pod: Object, port: int = 0) -> tuple[str, Field]:
    """(words, field) of what decides the answer: a host name field, else command/args (then the words are empty).

    Takes a Pod or a template.
    """
    renamed = next((field for field in RENAMED_BY if pod["spec"].get(field)), "")
    if renamed:
        return f"; {renamed} gives its processes that host name", ("spec", renamed)
    at = at_port(pod, port)
    return "", ("spec", "containers", at, process_field(pod["spec"]["containers"][at]))


def port_number(container: Object, port: object) -> int | None:
    """A port as a number; a name is looked up among the container's ports."""
    if isinstance(port, int):
        return port
    return next((p["containerPort"] for p in container.get("ports") or [] if p.get("name") == port), None)


def listening_ports(scene: Scene, pod: Object) -> list[int]:
    """The TCP ports that answer, of those that the Pod's own text names and of the usual ones."""
    text = " ".join(str(part) for c in containers(pod["spec"]) for part in (*command(c), c.get("env")))
    named = {int(number) for number in re.findall(r"\d{2,5}", text)}
    declared = {p.get("containerPort", 0) for c in containers(pod["spec"]) for p in c.get("ports") or []}
    candidates = sorted(n for n in named | declared | set(USUAL_PORTS) if 0 < n < 65536)
    return [port for port in candidates if scene.listens(pod, port)]
