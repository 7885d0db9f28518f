"""A cluster that reaches no registry: what learners may still ask for of the images that its nodes hold."""

from __future__ import annotations

import json
from collections.abc import Iterable

from kindlabs.errors import InfraError
from kindlabs.kube.api import Api, Object
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, is_as_signed, signed
from kindlabs.patience import LOOK_LATER, TAKEN_IN_SECONDS, poll


def keep_pulls_at_home(api: Api, namespace: str, images: Iterable[str]) -> None:
    """Let Pods of *namespace* with pull policy Always run the copy of *images* that the node holds.

    Where a registry is reached, Always finds just this copy up to date, by its digest; here nobody could tell. A policy
    in the API server (MutatingAdmissionPolicy, stable since Kubernetes 1.36) makes it IfNotPresent, image by image; for
    updates too, so that applying the same Pod again changes nothing.

    Raises: InfraError when the policy does not come into effect.
    """
    held, name = sorted(images), f"kind-labs-{namespace}"
    if not held:
        return
    policy, known = _policy(name, namespace, held), api.get("MutatingAdmissionPolicyBinding", name)
    meta = {"name": name, "annotations": {"kind-labs/images": " ".join(held)}}
    binding = {"apiVersion": VERSION, "kind": "MutatingAdmissionPolicyBinding", "metadata": meta}
    binding = signed(binding | {"spec": {"policyName": name}})
    if known and is_as_signed(known, binding):
        return
    api.apply(policy, manager=INSTRUCTOR_MANAGER)
    api.apply(binding, manager=INSTRUCTOR_MANAGER)
    if known or poll(lambda: _policy_of(api, namespace, held[0]) != "Always", TAKEN_IN_SECONDS, LOOK_LATER):
        return
    raise InfraError(f"MutatingAdmissionPolicy {name} does not come into effect", "make clean, then run it again")


VERSION = "admissionregistration.k8s.io/v1"


def _policy(name: str, namespace: str, images: list[str]) -> Object:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["pods"]}
    return {
        "apiVersion": VERSION,
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [rule],
            },
            "reinvocationPolicy": "Never",
            "failurePolicy": "Ignore",
            "mutations": [
                {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": _expression(images)}}
            ],
        },
    }


def _expression(images: list[str]) -> str:
    def eased(group: str) -> str:
        mine = f'c.image in {json.dumps(images)} && c.imagePullPolicy == "Always"'
        new = f'Object.spec.{group}{{name: c.name, imagePullPolicy: "IfNotPresent"}}'
        return f"{group}: object.spec.?{group}.orValue([]).filter(c, {mine}).map(c, {new})"

    return f"Object{{spec: Object.spec{{{eased('containers')}, {eased('initContainers')}}}}}"


def _policy_of(api: Api, namespace: str, image: str) -> str:
    """The pull policy that a Pod with Always would have, were it made now."""
    container = {"name": "app", "image": image, "imagePullPolicy": "Always"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kind-labs-trial"},
        "spec": {"containers": [container]},
    }
    path = f"/api/v1/namespaces/{namespace}/pods"
    made = api.request("POST", path, query={"dryRun": "All"}, body=pod)
    return str(made["spec"]["containers"][0]["imagePullPolicy"])
