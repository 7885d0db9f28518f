"""A lab's namespaces: made, given to the learner, emptied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from kindlabs.kube import rights
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.contents import contents
from kindlabs.kube.discovery import Resource
from kindlabs.kube.notes import APPLIED, Key, applied_kinds, key_of
from kindlabs.kube.objects import is_going, owner_kinds, owner_uids
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER, LAB
from kindlabs.kube.removal import COMES_BACK, Going, is_watched, press, remove, until_done, with_made
from kindlabs.kube.world import World
from kindlabs.perimeter import Rights, Space, Thing

USED = "kind-labs/used"
"""Label of a namespace that a run, or somebody's hand after it, may have left something in."""
GRANTED = ("ClusterRole.rbac.authorization.k8s.io", rights.NAME)


def namespace(api: Api, space: Space, lab: str, granted: Rights | None = None, known: Object | None = None) -> Object:
    """Make a lab's namespace as the instructor, and let the learner in; return it as it is now.

    Args:
        known: the namespace as it is; it is looked up otherwise.
    """
    name, known = space.name, known or api.get("Namespace", space.name)
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
    found = _goes(contents(api, [name]))
    for key, thing in found.items():
        press(api, key.kind, thing, late=late)
    return len(found) + 1


def _goes(there: Mapping[Key, Object]) -> dict[Key, Object]:
    return {key: thing for key, thing in there.items() if not rights.is_of_rights(thing)}


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


def empty(
    api: Api, namespaces: Sequence[str], granted: Collection[Thing] = (), likely: Iterable[str] = ()
) -> dict[Key, Object]:
    """Delete everything in *namespaces* but the learner's rights, then what is *granted*; what is left when it is gone.

    Emptying takes about a second where deleting and making a namespace takes five to eleven.

    Args:
        likely: kinds that may be there, as Key has them. They go first: then one look at all kinds is enough as a rule.
    """
    kinds, is_guess = {*likely}, True
    while True:
        if kinds:
            with World(api) as world:
                going = _All(api, world, namespaces, kinds, is_guess=is_guess)
                until_done(going.press_on, f"{', '.join(namespaces)} to be empty", world)
        there = contents(api, namespaces)
        kinds, is_guess = {key.kind for key in _goes(there)}, False
        if not kinds:
            break
    remove(api, api, [Key(thing.kind, thing.name, "") for thing in granted])
    return there


class _All(Going):
    """Everything of some kinds, and of what is made of them, in some namespaces.

    Args:
        is_guess: whether there may be objects of other kinds, too. What one of these owns stays for now: it would be
            made again as often as it goes.
    """

    def __init__(
        self, api: Api, world: World, namespaces: Sequence[str], kinds: Iterable[str], *, is_guess: bool
    ) -> None:
        super().__init__(api, world)
        self._namespaces, self._is_guess = namespaces, is_guess
        self._kinds = sorted(kind for kind in with_made(kinds) if is_watched(api, kind))
        world.expect(*self._kinds)

    def there(self, seen: World | Api) -> list[tuple[str, Object]]:
        """All but the learner's rights, and what would come back."""
        found = [
            (kind, thing)
            for kind in self._kinds
            for namespace in self._namespaces
            for thing in seen.list(kind, namespace)
            if not rights.is_of_rights(thing) and (kind, thing["metadata"]["name"]) not in COMES_BACK
        ]
        stays = self._of_others([thing for _, thing in found]) if self._is_guess else set()
        return [(kind, thing) for kind, thing in found if thing["metadata"]["uid"] not in stays]

    def _of_others(self, found: Sequence[Object]) -> set[str]:
        """The uids of what an object of a further kind owns, and of what these own."""
        stays = {thing["metadata"]["uid"] for thing in found if owner_kinds(thing) - {*self._kinds}}
        while more := {t["metadata"]["uid"] for t in found if owner_uids(t) & stays} - stays:
            stays |= more
        return stays

    @property
    def must_be_sure(self) -> bool:
        """No: a Pod that is missed is found by the look at all kinds that follows."""
        return False


def clear_others(api: Api, lab: str) -> dict[str, Object]:
    """Empty the namespaces of other labs that were used: on a small node there is no room for two.

    What they run would take its ports, its processor and its Pods from *lab*, whose learner is not to blame for it.

    Returns: all namespaces of labs, by name.
    """
    spaces = {space["metadata"]["name"]: space for space in api.list("Namespace", selector=LAB)}
    others = {name: space for name, space in spaces.items() if _is_used_by_another(space, lab)}
    if others:
        empty(api, list(others), likely=applied_kinds(others.values()))
    for name in others:
        api.patch("Namespace", name, None, {"metadata": {"labels": {USED: None}, "annotations": {APPLIED: None}}})
    return spaces


def _is_used_by_another(space: Object, lab: str) -> bool:
    labels = space["metadata"]["labels"]
    return USED in labels and labels[LAB] != lab and not is_going(space)
