"""Nodes: their taints as kubectl writes them, who tolerates these, and changes that race with nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.objects import dig

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
OWN = "node.kubernetes.io/"
"""How the keys begin of those that the node controllers set and take away (kubernetes.io/docs/reference/
labels-annotations-taints): ``node.kubernetes.io/not-ready``."""
CORDON = "node.kubernetes.io/unschedulable"
"""Of a node that takes no new Pods for a while."""
BY_HAND = (CORDON, "node.kubernetes.io/out-of-service")
"""Keys among these that follow from what somebody did: a cordon, a node declared dead."""
TAINT = re.compile(r"(?P<key>[^=:]+)(?:=(?P<value>[^:]*))?:(?P<effect>NoSchedule|PreferNoSchedule|NoExecute)")
ATTEMPTS = 10
"""So often a node is changed by somebody else in between at most: its kubelet and two controllers write into it."""


def is_own(taint: Object) -> bool:
    """Whether Kubernetes set it, and takes it away when what it says is over."""
    return taint["key"].startswith(OWN) and taint["key"] not in BY_HAND


def is_by_people(taint: Object) -> bool:
    """Whether somebody reserved or closed a node with it: neither Kubernetes nor whoever made the cluster."""
    return not taint["key"].startswith(OWN) and taint["key"] != CONTROL_PLANE


def taint_of(text: str) -> Object:
    """``team=batch:NoSchedule`` as a taint. Raises: ValueError."""
    found = TAINT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no taint: expected key=value:NoSchedule, or another effect")
    return {key: value for key, value in found.groupdict().items() if value}


def taint_text(taint: Object) -> str:
    """A taint, or a toleration, as kubectl writes it: ``team=batch:NoSchedule``."""
    key, value, effect = taint.get("key", ""), taint.get("value"), taint.get("effect")
    if not key:
        return f"every taint{f' of effect {effect}' if effect else ''}"
    return f"{key}{f'={value}' if value else ''}{f':{effect}' if effect else ''}"


def taints_of(node: Object | None) -> list[Object]:
    """The taints of a node."""
    return list(dig(node, "spec", "taints", default=[]))


def tolerates(toleration: Object, taint: Object) -> bool:
    """Whether a toleration is for a taint (k8s.io/api/core/v1, ToleratesTaint)."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    exists = toleration.get("operator") == "Exists"
    return exists or (toleration.get("value") or "") == (taint.get("value") or "")


def tolerated(pod: Object, taint: Object) -> list[tuple[int, Object]]:
    """The tolerations of a Pod that are for *taint*, with their places."""
    own = enumerate(dig(pod, "spec", "tolerations", default=[]))
    return [(at, toleration) for at, toleration in own if tolerates(toleration, taint)]


def change(api: Api, name: str, to: Callable[[Object], Object]) -> Object:
    """Merge into node *name* what *to* makes of it as it is now; the node as it is then.

    Raises: ApiError when somebody else is quicker ATTEMPTS times, or for another reason.
    """
    for attempt in range(ATTEMPTS):
        node = api.get("Node", name) or {}
        patch = to(node)
        version = dig(node, "metadata", "resourceVersion")
        meta = patch.get("metadata", {}) | {"resourceVersion": version}
        try:
            return api.patch("Node", name, None, patch | {"metadata": meta})
        except ApiError as error:
            if error.status != 409 or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def with_taints(taints: Iterable[Object]) -> Object:
    """The patch that gives a node these taints and no others."""
    return {"spec": {"taints": list(taints) or None}}


def selects(selector: Object | None, labels: dict[str, str]) -> bool:
    """Whether a label selector (matchLabels and matchExpressions) selects *labels*; None selects nothing."""
    if selector is None:
        return False
    plain = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return plain and all(_holds(rule, labels) for rule in selector.get("matchExpressions") or [])


def _holds(rule: Object, labels: dict[str, str]) -> bool:
    value, values = labels.get(rule["key"]), rule.get("values") or []
    match rule["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return True


def fits_terms(node: Object, terms: Iterable[Object]) -> bool:
    """Whether a node fits one of a node affinity's terms, as far as these are about its labels and its name."""
    labels, name = node["metadata"].get("labels") or {}, {"metadata.name": node["metadata"]["name"]}
    return any(
        selects({"matchExpressions": term.get("matchExpressions")}, labels)
        and selects({"matchExpressions": term.get("matchFields")}, name)
        for term in terms
    )
