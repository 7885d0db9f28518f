"""kubectl as people call it: the learner's own, and the administrator's beside it. Neither touches her own settings.

What fetches and builds it is imported when it is needed: a warm run needs neither.
"""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube.identity import inside, learner_kubeconfig
from kindlabs.progress import Steps

ADMIN = "-admin"
"""What is added to the learner's kubectl for the administrator's."""
IN_NODE = "/etc/kubernetes/kind-labs-learner.conf"
NODE_SECONDS = 10.0


def kubectl_program(steps: Steps) -> Path:
    """A kubectl that is on this machine, fetched or built where none is. Raises: InfraError."""
    from kindlabs.clusters import tools

    return tools.kubectl(steps)


def learners_kubectl(course_root: Path, cluster: Cluster, namespace: str) -> str:
    """How the learner calls kubectl on *cluster*: a script; beside it, with ``-admin``, is the administrator's.

    Without one on this machine it is the node's own: nobody waits for a download, or a build, to read a next step.

    Args:
        namespace: where the learner's kubectl looks when it is told no other.

    Raises: InfraError when the cluster gives the learner no certificate.
    """
    script, config = course_root / ".labs" / "bin" / "kubectl", cluster.state / "learner.kubeconfig"
    before = _text(config)
    learner_kubeconfig(cluster.api, config, namespace)
    ways = {script: config, script.with_name(f"{script.name}{ADMIN}"): cluster.kubeconfig_path}
    fits = all(f"export KUBECONFIG={shlex.quote(str(own))}\n" in _text(path) for path, own in ways.items())
    if not fits or before != _text(config):
        _write(cluster, ways)
    return os.path.relpath(script)


def _write(cluster: Cluster, ways: dict[Path, Path]) -> None:
    from kindlabs.clusters import tools

    program = tools.kubectl_at_hand()
    for script, config in ways.items():
        command = shlex.quote(str(program)) if program else _in_node(cluster, config)
        script.parent.mkdir(parents=True, exist_ok=True)
        text = f'#!/bin/sh\nexport KUBECONFIG={shlex.quote(str(config))}\nexec {command} "$@"\n'
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)


def _in_node(cluster: Cluster, config: Path) -> str:
    """The command that calls the node's kubectl; the learner's kubeconfig is put there beside the administrator's."""
    node, path = f"{cluster.name}-control-plane", "/etc/kubernetes/admin.conf"
    if config != cluster.kubeconfig_path:
        from kindlabs.clusters.commands import run

        path, text = IN_NODE, json.dumps(inside(config, f"https://{node}:6443"))  # JSON is YAML
        run(["docker", "exec", "-i", node, "sh", "-c", f"umask 077; cat > {path}"], timeout=NODE_SECONDS, input=text)
    return f"docker exec -i {node} kubectl --kubeconfig={path}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
