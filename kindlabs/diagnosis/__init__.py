"""From a symptom to the first broken link: Ingress → Service → EndpointSlice → Pod → container → event.

Each room of this package knows one kind of link. A walk looks at objects only, never waits, and never changes anything.
"""

from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.certificates import why_not_issued
from kindlabs.diagnosis.crashes import why_restarted
from kindlabs.diagnosis.ingress import why_host_answers, why_host_does_not_answer, why_not_everything
from kindlabs.diagnosis.labels import why_wrong_pods
from kindlabs.diagnosis.pods import why_pod_does_not_answer, why_pod_not_ready
from kindlabs.diagnosis.probes import why_readiness_lost
from kindlabs.diagnosis.services import (
    why_always_the_same,
    why_no_endpoints,
    why_service_does_not_answer,
    why_strangers,
)
from kindlabs.diagnosis.serving import why_another_served, why_not_served
from kindlabs.diagnosis.workloads import why_replicas_not_ready, why_wrong_number

__all__ = [
    "Cause",
    "Scene",
    "why_always_the_same",
    "why_another_served",
    "why_host_answers",
    "why_host_does_not_answer",
    "why_no_endpoints",
    "why_not_everything",
    "why_not_issued",
    "why_not_served",
    "why_pod_does_not_answer",
    "why_pod_not_ready",
    "why_readiness_lost",
    "why_replicas_not_ready",
    "why_restarted",
    "why_service_does_not_answer",
    "why_strangers",
    "why_wrong_number",
    "why_wrong_pods",
]
