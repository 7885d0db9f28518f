"""What an add-on promises that only brings a Service: it answers."""

from __future__ import annotations

from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial


def service_answers(addon: str, service: str) -> Promise:
    """The promise that ``name.namespace:port`` answers requests inside the cluster, whatever it says."""
    host, _, port = service.partition(":")
    name, _, namespace = host.partition(".")

    def answers(trial: Trial) -> str | None:
        said = trial.ask(f"{host}.svc.cluster.local", int(port))
        return f"Service {name} in {namespace} does not answer: {said}" if isinstance(said, str) else None

    def leads_nowhere(sight: Sight) -> str | None:
        return None if sight.has_endpoints(namespace, name) else f"Service {name} in {namespace} has no endpoints"

    return Promise(f"{addon}-answers", f"Service {name} of add-on {addon} answers.", answers, glance=leads_nowhere)
