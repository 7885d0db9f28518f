"""Services that answer, by address and by name: endpoint controllers, kube-proxy, DNS."""

from __future__ import annotations

from kindlabs.kube import probing
from kindlabs.kube.api import ApiTimeout, Object
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

TRIES = 8
"""Requests to a Service of two Pods: that all go to one of them happens once in a hundred times, and is asked again."""


def _answers(trial: Trial) -> str | None:
    """From both of the probe's Pods, so that the road between nodes is proven too."""
    address = _service(trial)["spec"]["clusterIP"]
    where = f"Service {trial.name} of our own"
    if isinstance(answer := trial.ask(address, trial.port), str):
        return f"{where} does not lead to its Pods: {answer}"
    if isinstance(answer := trial.ask(address, trial.port, TRIES), str):
        return f"{where} does not lead to all of its Pods: {answer}"
    return None if len(set(answer)) > 1 else f"{where} leads to {answer[0]} alone, and has two Pods"


def _resolves(trial: Trial) -> str | None:
    host = probing.host_of(_service(trial)["metadata"]["name"])
    answer = trial.ask(host, trial.port)
    return f"{host} of our own does not answer: {answer}" if isinstance(answer, str) else None


def _service(trial: Trial) -> Object:
    return trial.send(probing.service(trial.name, probing.PROBE, trial.port, probing.PORT))


def _leads_nowhere(sight: Sight) -> str | None:
    """A component that does not run, or a Service of our own that does not answer."""
    return (
        sight.runs_no("kube-controller-manager", "kube-controller-manager")
        or sight.runs_no("kube-proxy", "kube-proxy")
        or _silent_probe(sight)
    )


def _silent_probe(sight: Sight) -> str | None:
    try:
        answer = probing.dial(sight.api, probing.host_of("probe"), 80, timeout=sight.left())
    except ApiTimeout as error:
        raise ApiTimeout(f"Service probe of our own is silent: {error.message}") from error
    except ValueError as error:
        return f"the probe in the cluster answers nonsense: {error}"
    if not answer.get("responses"):
        return f"the probe cannot reach its own Service: {'; '.join(answer.get('errors') or ['no answer'])}"
    return None


def _no_names(sight: Sight) -> str | None:
    return sight.runs_no("kube-dns", "CoreDNS")


SERVICES_ANSWER = Promise(
    "services-answer", "A new Service leads to its Pods.", _answers, glance=_leads_nowhere, lags=True
)
NAMES_RESOLVE = Promise(
    "names-resolve", "The name of a new Service leads to its Pods.", _resolves, glance=_no_names, lags=True
)
