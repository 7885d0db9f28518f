"""NetworkPolicies that hold: what one allows passes, what it does not allow does not."""

from __future__ import annotations

from kindlabs.kube.api import Object
from kindlabs.kube.objects import is_true
from kindlabs.kube.probing import own
from kindlabs.promises.pods import full, pod_spec, unplaced
from kindlabs.promises.promise import Promise
from kindlabs.promises.trial import OBJECT, Trial

OPEN, SHUT = 9376, 9377
"""Ports of one Pod; the policy allows requests to the first alone."""
SILENT_SECONDS = 1.0
"""What gets no answer for so long is kept out, as long as the other port answers then."""


def _hold(trial: Trial) -> str | None:
    """A denial counts only after the same request was allowed, before there was a policy."""
    name = trial.named("policy")
    pod = trial.now(trial.send(_pod(trial, name)))
    if not is_true(pod, "Ready"):
        return None if full(pod) else unplaced(pod) or f"Pod {name} of our own does not start"
    address = pod["status"]["podIP"]
    if not trial.has_sent("NetworkPolicy.networking.k8s.io", name):
        for port in (OPEN, SHUT):
            if isinstance(answer := trial.ask(address, port), str):
                return f"Pod {name} of our own is Ready, and cannot be reached on port {port}: {answer}"
        trial.send(_policy(name))
    if isinstance(trial.ask(address, SHUT, seconds=SILENT_SECONDS), list):
        return f"NetworkPolicy {name} of our own does not keep requests out of port {SHUT}"
    if isinstance(answer := trial.ask(address, OPEN), str):
        return f"NetworkPolicy {name} of our own lets nobody in to port {OPEN}, which it allows: {answer}"
    return None


def _pod(trial: Trial, name: str) -> Object:
    spec = pod_spec(trial, "pause")
    containers = [
        trial.container("serve-hostname", f"--port={port}") | {"name": f"port-{port}"} for port in (OPEN, SHUT)
    ]
    return own("v1", "Pod", name, spec | {"containers": containers}, labels={OBJECT: name})


def _policy(name: str) -> Object:
    allowed = {"ports": [{"port": OPEN}]}
    spec = {"podSelector": {"matchLabels": {OBJECT: name}}, "policyTypes": ["Ingress"], "ingress": [allowed]}
    return own("networking.k8s.io/v1", "NetworkPolicy", name, spec)


POLICIES_HOLD = Promise(
    "policies-hold", "A NetworkPolicy keeps out what it does not allow.", _hold, kinds=("NetworkPolicy",), lags=True
)
