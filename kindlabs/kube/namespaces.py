"""A lab's namespaces: made, given to the learner, emptied."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from kindlabs.kube import rights
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.contents import DERIVED, contents
from kindlabs.kube.discovery import Resource
from kindlabs.kube.notes import Key, key_of, note_applied
from kindlabs.kube.objects import is_going
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LAB
from kindlabs.kube.removal import MADE_BY, press, remove, until_done
from kindlabs.perimeter import Rights, Space, Thing

USED = "kind-labs/used"
"""Label of a namespace that a run, or somebody's hand after it, may have left something in."""
GRANTED = ("ClusterRole.rbac.authorization.k8s.io", rights.NAME)


def namespace(api: Api, space: Space, lab: str, granted: Rights | None = None) -> Object:
    """Make a lab's namespace as the instructor, and let the learner in; return it as it is now."""
    name, known = space.name, api.get("Namespace", space.name)
    if known and known.get("status", {}).get("phase") == "Terminating":
        until_done(lambda late: _press_on(api, name, late), f"namespace {name} to go")
        known = None
    # Below `baseline` Pods control their node: from there every namespace can be reached.
    labels = {"pod-security.kubernetes.io/enforce": space.pod_security, LAB: lab, USED: "true"} | space.labels
    if known is None or not labels.items() <= known["metadata"].get("labels", {}).items():
        known = api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
            manager=INSTRUCTOR_MANAGER,
        )
        # Kubernetes makes the account that Pods run as a moment later, and refuses Pods until then.
        until_done(lambda _: api.get("ServiceAccount", "default", name) is None, f"namespace {name} to be ready")
        for manifest in rights.in_namespace(lab, space, granted or Rights()):
            put(api, manifest)
        let_in(api, name)
    return known


def _press_on(api: Api, name: str, late: bool) -> int:
    """Sweep out a namespace that was deleted, which a finalizer in it would keep for ever; how much is left."""
    if api.get("Namespace", name) is None:
        return 0
    return _sweep_out(api, [name], None, late) + 1


def let_in(api: Api, name: str) -> None:
    """Return when the learner's rights in a namespace are in effect."""
    learner = api.acting_as(LEARNER)
    until_done(lambda _: not learner.may_create("", "pods", name), f"the learner's rights in {name}")


def grant(api: Api, lab: str, granted: Rights, brought: Collection[Thing] = ()) -> None:
    """Let the learner make the cluster-wide objects that a lab grants; those of another lab go.

    Args:
        brought: cluster-wide objects of the lab's own.

    Raises: LabError for a kind that cannot be granted.
    """
    wanted, known = rights.in_cluster(api, lab, granted, brought), api.get(*GRANTED)
    mine = known is not None and (known["metadata"].get("labels") or {}).get(LAB) == lab
    stale = {*rights.marked(known)} - {*(granted.cluster if mine else ()), *(brought if mine else ())}
    remove(api, api, [Key(thing.kind, thing.name, "") for thing in stale])
    for manifest in wanted:
        put(api, manifest)
    if known and not wanted:
        remove(api, api, [Key(*GRANTED, ""), Key("ClusterRoleBinding.rbac.authorization.k8s.io", rights.NAME, "")])
    learner = api.acting_as(LEARNER)
    for thing in granted.cluster:
        if resource := api.resource(thing.kind):
            until_done(partial(_has_not, learner, resource), f"the right to make {thing}")


def _has_not(learner: Api, resource: Resource, _late: bool) -> int:
    return not learner.may_create(resource.group, resource.plural, "")


def put(api: Api, manifest: Object) -> Object:
    """Apply one of the lab's own objects; one that cannot be changed into what it should be is made anew."""
    try:
        return api.apply(manifest, manager=INSTRUCTOR_MANAGER)
    except ApiError as error:
        if error.status != 422:  # 422: a binding of another role, a Job of another template
            raise
        remove(api, api, [key_of(manifest)])
        return api.apply(manifest, manager=INSTRUCTOR_MANAGER)


def empty(api: Api, namespaces: Sequence[str], granted: Collection[Thing] = ()) -> dict[Key, Object]:
    """Delete everything in *namespaces* but the learner's rights, then what is *granted*; what is left when it is gone.

    Emptying takes about a second where deleting and making a namespace takes five to eleven.
    """
    while True:
        there = contents(api, namespaces)
        going = {key: thing for key, thing in there.items() if not rights.is_of_rights(thing)}
        if not going:
            break
        kinds = {made for key in going for made in (key.kind, *MADE_BY.get(key.kind, ()))} - {*DERIVED}
        until_done(partial(_sweep_out, api, namespaces, kinds), f"{', '.join(namespaces)} to be empty")
    remove(api, api, [Key(thing.kind, thing.name, "") for thing in granted])
    note_applied(api, namespaces, {})
    return there


def _sweep_out(api: Api, namespaces: Sequence[str], kinds: Collection[str] | None, late: bool) -> int:
    """Delete what is there of *kinds*, or of all; return how much there was."""
    found = {k: t for k, t in contents(api, namespaces, kinds=kinds).items() if not rights.is_of_rights(t)}
    for key, thing in found.items():
        press(api, key.kind, thing, late=late)
    return len(found)


def clear_others(api: Api, lab: str) -> None:
    """Empty the namespaces of other labs that were used: on a small node there is no room for two.

    What they run would take its ports, its processor and its Pods from *lab*, whose learner is not to blame for it.
    """
    found = api.list("Namespace", selector=f"{USED},{LAB},{LAB}!={lab}")
    others = [space["metadata"]["name"] for space in found if not is_going(space)]
    if others:
        empty(api, others)
    for name in others:
        api.patch("Namespace", name, None, {"metadata": {"labels": {USED: None}}})
