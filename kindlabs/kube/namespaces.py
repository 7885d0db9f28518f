"""A lab's namespaces: made, given to the learner, emptied."""

from __future__ import annotations

from collections.abc import Iterable

from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.contents import BINDING, contents
from kindlabs.kube.notes import applied, note_applied
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER
from kindlabs.kube.removal import press, until_done

LABELS = {"pod-security.kubernetes.io/enforce": "baseline"}
"""Pods must not control their node: from there every namespace can be reached."""


def namespace(api: Api, name: str, lab: str) -> Object:
    """Make a lab's namespace as the instructor, and let the learner in; return it as it is now."""
    known = api.get("Namespace", name)
    if known and known.get("status", {}).get("phase") == "Terminating":
        until_done(lambda late: _press_on(api, name, late), f"namespace {name} to go")
        known = None
    labels = LABELS | {"kind-labs/lab": lab}
    if known is None or not labels.items() <= known["metadata"].get("labels", {}).items():
        known = api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
            manager=INSTRUCTOR_MANAGER,
        )
        # Kubernetes makes the account that Pods run as a moment later, and refuses Pods until then.
        until_done(lambda _: api.get("ServiceAccount", "default", name) is None, f"namespace {name} to be ready")
    _let_in(api, name)
    return known


def _press_on(api: Api, name: str, late: bool) -> int:
    """Sweep out a namespace that was deleted, which a finalizer in it would keep for ever; how much is left."""
    if api.get("Namespace", name) is None:
        return 0
    return sweep_out(api, name, late=late) + 1


def _let_in(api: Api, name: str) -> None:
    """Give the learner her rights, whatever she has made of them, and return when they are in effect."""
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": BINDING, "namespace": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": LEARNER.user}],
    }
    try:
        api.apply(binding, manager=INSTRUCTOR_MANAGER)
    except ApiError as error:
        if error.status != 422:  # 422: it binds another role, and no binding can change its role
            raise
        api.delete("RoleBinding", BINDING, name)
        api.apply(binding, manager=INSTRUCTOR_MANAGER)
    learner = api.acting_as(LEARNER)
    until_done(lambda _: not learner.may_create("", "pods", name), f"the learner's rights in namespace {name}")


def empty(api: Api, namespaces: Iterable[str]) -> None:
    """Delete everything in *namespaces* that is not Kubernetes' own, and return when it is gone.

    Emptying takes about a second where deleting and making a namespace takes five to eleven.
    """
    left = list(namespaces)
    until_done(lambda late: sum(sweep_out(api, name, late=late) for name in left), f"{', '.join(left)} to be empty")
    for name in left:
        note_applied(api, name, {})


def clear_others(api: Api, lab: str) -> None:
    """Empty the namespaces of other labs in which something was applied: on a small node there is no room for two.

    What they run would take its ports, its processor and its Pods from *lab*, whose learner is not to blame for it.
    """
    others = api.list("Namespace", selector=f"kind-labs/lab,kind-labs/lab!={lab}")
    names = [other["metadata"]["name"] for other in others]
    empty(api, [name for name in names if applied(api, name)])


def sweep_out(api: Api, name: str, *, late: bool = False) -> int:
    """Delete what is there; return how much there was."""
    found = contents(api, [name])
    for key, thing in found.items():
        press(api, key.kind, thing, late=late)
    return len(found)
