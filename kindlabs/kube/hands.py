"""A learner's shell commands, run in a Pod of the cluster: her rights, limits, a deadline, nothing of the host's.

The Pod's image has a shell, curl and the usual tools; kubectl is the node's own, mounted read-only. The shell traces
each command with its line (``set -x`` and ``PS4``, as busybox' ash expands it), so that one that fails can be named.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import yaml

from kindlabs.errors import InfraError
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.identity import inside, learner_kubeconfig
from kindlabs.kube.objects import dig
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER
from kindlabs.patience import LOOK_LATER, OURS_SECONDS, poll

NAMESPACE = "kl-hands"
NAME = "hands"
SECONDS = 120
COPY = "cp -L /given/* . 2>/dev/null; mkdir .kube && cp -L /own/config .kube/config && chmod 600 .kube/config"
"""What stands in a script's folder before its first line."""
"""What a script may take; a person at a keyboard is slower, but waits in between."""
OUTPUT = 64 * 1024
"""Bytes of output that are read, and kept as evidence."""
LAST_LINES = 3
"""Lines of output that a learner is shown of a command that failed."""
NOBODY = 65534


@dataclass(frozen=True)
class Played:
    """What came of a script: ``failed`` says what went wrong, empty when all went well; ``line`` is where, from 1."""

    output: str
    failed: str = ""
    line: int = 0


def replay(api: Api, script: str, files: Mapping[str, bytes], namespace: str) -> Played:
    """Run *script* as the learner, beside *files*, with *namespace* as her context's.

    Args:
        api: the server as the administrator sees it.

    Raises: InfraError when the Pod does not start; ApiError.
    """
    mark = f"@{secrets.token_hex(4)}:"
    _clear(api)
    try:
        for thing in _things(api, script, files, namespace, mark):
            api.apply(thing, manager=INSTRUCTOR_MANAGER)
        return _outcome(_ended(api), _log(api), mark)
    finally:
        _clear(api)


def _things(api: Api, script: str, files: Mapping[str, bytes], namespace: str, mark: str) -> list[Object]:
    config = inside(learner_kubeconfig(api, api.kubeconfig.with_name("learner.kubeconfig"), namespace))
    given = {name: base64.b64encode(data).decode() for name, data in files.items()}
    head = {"apiVersion": "v1", "metadata": {"name": NAME, "namespace": NAMESPACE}}
    texts = {"config": yaml.safe_dump(config), "steps.sh": script}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        head | {"kind": "Secret", "stringData": texts},
        head | {"kind": "ConfigMap", "binaryData": given},
        head | {"kind": "Pod", "spec": _pod_spec(probing.container(api)["image"], mark)},
    ]


def _pod_spec(image: str, mark: str) -> Object:
    # Not by `exec`: the script would be the container's first process, which no signal ends.
    # Her kubeconfig is a copy: `kubectl config set-context` writes into it.
    begin = f"{COPY}; timeout -s KILL {SECONDS} sh -eux /own/steps.sh 2>&1; exit $?"
    mounts = {"/work": "work", "/tmp": "tmp", "/given": "given", "/own": "own", "/usr/local/bin/kubectl": "kubectl"}  # noqa: S108
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": SECONDS + int(OURS_SECONDS),
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": NOBODY, "runAsGroup": NOBODY, "fsGroup": NOBODY, "runAsNonRoot": True}
        | {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": NAME,
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", begin],
                "workingDir": "/work",
                "env": [
                    {"name": "KUBECONFIG", "value": "/work/.kube/config"},
                    {"name": "HOME", "value": "/work"},
                    {"name": "PS4", "value": f"{mark}${{LINENO}}: "},
                ],
                "resources": {"requests": {"cpu": "0"}, "limits": {"cpu": "1", "memory": "256Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
                | {"capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [
                    {"name": name, "mountPath": path, "readOnly": name not in ("work", "tmp")}
                    for path, name in mounts.items()
                ],
            }
        ],
        "volumes": [
            {"name": "work", "emptyDir": {"sizeLimit": "16Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
            {"name": "given", "configMap": {"name": NAME}},
            {"name": "own", "secret": {"secretName": NAME, "defaultMode": 0o440}},
            {"name": "kubectl", "hostPath": {"path": "/usr/bin/kubectl", "type": "File"}},
        ],
    }


def _ended(api: Api) -> Object:
    """The status of the container once it has ended. Raises: InfraError when it never starts."""

    def look() -> Object:
        status = (api.get("Pod", NAME, NAMESPACE) or {}).get("status") or {}
        late = {"terminated": {"exitCode": 124}} if status.get("phase") == "Failed" else {}
        return {**late, **dig(status, "containerStatuses", 0, "state", default={})}

    state = poll(look, OURS_SECONDS, LOOK_LATER, until=lambda state: "running" in state or "terminated" in state)
    if "running" in state:
        state = poll(look, SECONDS + OURS_SECONDS, LOOK_LATER, until=lambda state: "terminated" in state)
    if "terminated" not in state:
        what = "end" if "running" in state else "start"
        raise InfraError(f"Pod {NAME} of our own in {NAMESPACE} does not {what}", "run the command again")
    return dict(state["terminated"])


def _log(api: Api) -> str:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{NAME}/log"
    return api.text("GET", path, query={"limitBytes": str(OUTPUT)})


def _outcome(ended: Object, log: str, mark: str) -> Played:
    """What the trace and the exit code tell; the trace's own lines are taken for the commands that they show."""
    traced = [(int(n), text) for n, text in re.findall(rf"^{mark}(\d+): (.*)$", log, re.MULTILINE)]
    output = re.sub(rf"^{mark}(\d+): ", r"\1$ ", log, flags=re.MULTILINE)
    code = ended.get("exitCode")
    if code == 0:
        return Played(output)
    broken = re.search(r"^/own/steps\.sh: line (\d+): (.+)$", log, re.MULTILINE)  # of the shell itself
    line, command = traced[-1] if traced else (0, "")
    if broken:
        return Played(output, f"the shell says: {broken.group(2)}.", int(broken.group(1)))
    said = log.rpartition(f"{mark}{line}: {command}\n")[2].strip().splitlines() if traced else log.strip().splitlines()
    words = f": {' '.join(said[-LAST_LINES:])}" if said else ""
    if code in (124, 137, 143):
        often = traced.count((line, command))
        again = f", which had run {often} times" if often > 1 else ""
        text = f"the script had not ended after {SECONDS} s, and was stopped at `{command}`{again}{words}."
        return Played(output, text, line)
    return Played(output, f"`{command}` ended with code {code}{words}.", line)


def _clear(api: Api) -> None:
    """Nothing of this script, or of one that was interrupted, is left."""
    for kind in ("Pod", "Secret", "ConfigMap"):
        with suppress(ApiError):
            api.delete(kind, NAME, NAMESPACE, grace=0 if kind == "Pod" else None)
    poll(lambda: not api.get("Pod", NAME, NAMESPACE), OURS_SECONDS, LOOK_LATER)
