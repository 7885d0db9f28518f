"""What the API server lets somebody do: its authorizers are asked, nothing is tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kindlabs.kube.api import Api, Object
from kindlabs.kube.transport import Identity

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
ONESELF = {"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"}
"""What everybody may ask about herself (ClusterRole system:basic-user)."""
ALL = "*"


class Question(NamedTuple):
    """A verb on a resource: ``("get", "pods/log", "lab-27", "")``; no namespace for all of them, no name for any."""

    verb: str
    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        what = "everything" if self.resource == ALL else self.resource
        deed = "do anything with" if self.verb == ALL else self.verb
        named = f" {self.name}" if self.name else ""
        return f"{deed} {what}{named} {f'in {self.namespace}' if self.namespace else 'everywhere'}"


def is_allowed(api: Api, user: str, groups: Sequence[str], question: Question) -> bool:
    """Whether *user* may. Raises: ApiError, with status 404 for a resource that the server does not know."""
    plural, _, subresource = question.resource.partition("/")
    attributes: Object = {
        "verb": question.verb,
        "group": group_of(api, question),
        "resource": plural.partition(".")[0],
        "subresource": subresource,
        "namespace": question.namespace,
        "name": question.name,
    }
    spec = {"user": user, "groups": list(groups), "resourceAttributes": attributes}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return bool(api.request("POST", REVIEWS, body=body)["status"]["allowed"])


def rules_of(api: Api, user: str, groups: Sequence[str], namespace: str) -> list[Object]:
    """What *user* may do in a namespace, as rules of RBAC; what everybody may ask about herself left out."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    answer = api.acting_as(Identity(user, tuple(groups))).request("POST", RULES, body=body)
    rules: list[Object] = answer["status"]["resourceRules"]
    return [rule for rule in rules if not {*rule["resources"]} <= ONESELF]


def group_of(api: Api, question: Question) -> str:
    """The API group of the resource that is asked about; empty for the core group."""
    name, _, group = question.resource.partition("/")[0].partition(".")
    return group or api.group_of(name)
