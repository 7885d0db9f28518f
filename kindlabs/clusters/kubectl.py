"""A learner's kubectl: the program, and a call of it that knows her cluster and leaves her own context alone.

What fetches and builds it is imported when it is needed: a warm run needs neither.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from kindlabs.clusters.cluster import Cluster
from kindlabs.progress import Steps


def kubectl_program(steps: Steps) -> Path:
    """A kubectl that is on this machine, fetched or built where none is. Raises: InfraError."""
    from kindlabs.clusters import tools

    return tools.kubectl(steps)


def learners_kubectl(course_root: Path, cluster: Cluster) -> str:
    """How the learner calls kubectl on *cluster*: a script, written where it is not there yet.

    Without one on this machine it is the node's own: nobody waits for a download, or a build, to read a next step.
    """
    script = course_root / ".labs" / "bin" / "kubectl"
    line = f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig_path))}"
    if not script.exists() or line not in script.read_text(encoding="utf-8"):
        from kindlabs.clusters import tools

        program = tools.kubectl_at_hand()
        in_node = f"docker exec -i {cluster.name}-control-plane kubectl --kubeconfig=/etc/kubernetes/admin.conf"
        command = shlex.quote(str(program)) if program else in_node
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f'#!/bin/sh\n{line}\nexec {command} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return os.path.relpath(script)
