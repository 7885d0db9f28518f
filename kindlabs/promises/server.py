"""An API server that takes objects: admission answers, and the learner has her rights."""

from __future__ import annotations

from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, is_written_by
from kindlabs.promises.pods import trial_pod
from kindlabs.promises.promise import Promise
from kindlabs.promises.sight import Sight
from kindlabs.promises.trial import Trial

KINDS = ("Validating", "Mutating")
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
SERVER_ERROR = 500
"""How the API server answers when a webhook does not (k8s.io/apiserver, admission/plugin/webhook/errors)."""


def _admits(trial: Trial) -> str | None:
    """It is only asked what would come of it."""
    try:
        trial.api.apply(trial_pod(trial), manager=INSTRUCTOR_MANAGER, dry_run=True)
    except ApiError as error:
        if error.status >= SERVER_ERROR:
            return f"the API server does not take a Pod of our own: {error.message}"
    return None


def _dead_webhook(sight: Sight) -> str | None:
    """An admission webhook behind which nobody answers: what it is to look at is refused or delayed."""
    for kind in KINDS:
        for configuration in sight.list(f"{ADMISSION}/{kind.lower()}webhookconfigurations"):
            if hook := _dead(configuration, sight):
                service = hook["clientConfig"]["service"]["name"]
                return f"admission webhook {hook['name']} asks Service {service}, which has no endpoints"
    return None


def _dead(configuration: Object, sight: Sight) -> Object | None:
    """The first webhook of a configuration whose Service has no endpoints."""
    hooks: list[Object] = configuration.get("webhooks") or []
    for hook in hooks:
        service = hook["clientConfig"].get("service")
        if service and not sight.has_endpoints(service["namespace"], service["name"]):
            return hook
    return None


def _forget_dead_webhooks(api: Api) -> None:
    """Delete webhook configurations behind which nobody answers; those of add-ons stay."""
    sight = Sight(api, {}, 10)
    for kind in KINDS:
        for found in sight.list(f"{ADMISSION}/{kind.lower()}webhookconfigurations"):
            meta = found["metadata"]
            of_addon = is_written_by(found, INSTRUCTOR_MANAGER) and "kind-labs/lab" not in meta.get("labels", {})
            if not of_addon and _dead(found, sight):
                api.delete(f"{kind}WebhookConfiguration", meta["name"])


def _rights_hold(trial: Trial) -> str | None:
    learner = trial.api.acting_as(LEARNER)
    for namespace in trial.namespaces:
        for group, resource in trial.creates:
            if not learner.may_create(group, resource, namespace):
                return f"user {LEARNER.user} has lost the right to create {resource} in {namespace}"
    return None


def _empty_role(sight: Sight) -> str | None:
    role = sight.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/admin")
    return None if role.get("rules") else "ClusterRole admin allows nothing"


ADMISSION_ANSWERS = Promise(
    "admission-answers",
    "The API server takes sound objects.",
    _admits,
    glance=_dead_webhook,
    restore=_forget_dead_webhooks,
)
RIGHTS_HOLD = Promise("rights-hold", "The learner may make what labs ask for.", _rights_hold, glance=_empty_role)
