"""Applying objects as a learner, incrementally: what an earlier run applied and this one does not name is pruned."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from kindlabs.errors import InfraError
from kindlabs.kube.api import Api, ApiError, Identity, Object
from kindlabs.kube.leftovers import certificates, forget_issued, sweep
from kindlabs.kube.ownership import clings

LEARNER = Identity("learner", ("kind-labs:learners", "system:authenticated"))
MANAGER = "kind-labs-learner"
INSTRUCTOR = "kind-labs"
APPLIED = "kind-labs/applied"
"""Annotation of a lab's namespace: the objects that runs applied there, as a JSON list of [kind.group, name]."""

DISTURBED = "kind-labs/disturbed"
"""Annotation of a lab's namespace: the objects that a check broke on purpose, as a JSON list of [kind.group, name].
They are replaced before the next run: Kubernetes remembers a Pod's crashes, and would hold ours against the learner."""

GONE_SECONDS = 60.0
KEPT = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""Kubernetes makes these in every namespace and makes them again when they go."""
STORED = {"Certificate.cert-manager.io"}
"""Kinds whose controller keeps what it made for an earlier form, and may go on with it: these are made anew."""
DERIVED = {"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics", "ControllerRevision"}
"""Kinds that controllers own; they go with what they were derived from."""


@dataclass(frozen=True)
class Refusal:
    """An object that the API server did not take, and why, in the server's words."""

    manifest: Object
    message: str


def namespace(api: Api, name: str, lab: str) -> Object:
    """Make a lab's namespace as the instructor; return it as it is now."""
    known = api.get("Namespace", name)
    if known and known.get("status", {}).get("phase") == "Terminating":
        _until(lambda: api.get("Namespace", name) is None, f"namespace {name} to go")
        known = None
    if known is None:
        labels = {"kind-labs/lab": lab}
        known = api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}, manager=INSTRUCTOR
        )
        # Kubernetes makes the account that Pods run as a moment later, and refuses Pods until then.
        _until(lambda: api.get("ServiceAccount", "default", name) is not None, f"namespace {name} to be ready")
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": LEARNER.user}
    api.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "kind-labs-learner", "namespace": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [subject],
        },
        manager=INSTRUCTOR,
    )
    return known


def empty(api: Api, namespaces: Iterable[str]) -> None:
    """Delete everything in *namespaces* that is not Kubernetes' own, and return when it is gone.

    Emptying takes about a second where deleting and making a namespace takes five to eleven.
    """
    left = list(namespaces)
    kinds = [
        f"{r.kind}.{r.group}" if r.group else r.kind
        for r in api.resources()
        if r.namespaced and {"list", "delete"} <= r.verbs and r.kind not in DERIVED
    ]
    _until(lambda: not any(_sweep(api, name, kinds) for name in left), f"{', '.join(left)} to be empty")
    for name in left:
        _remember(api, name, [])


def _sweep(api: Api, name: str, kinds: Sequence[str]) -> int:
    """Delete what is there; return how much there was."""
    found = 0
    for kind in kinds:
        for thing in api.list(kind, name):
            meta = thing["metadata"]
            if (thing["kind"], meta["name"]) in KEPT or meta["name"] == "kind-labs-learner":
                continue
            found += 1
            if "deletionTimestamp" in meta:
                _release(api, kind, thing)
            else:
                api.delete(kind, meta["name"], name, grace=1 if thing["kind"] == "Pod" else None)
    return found


@dataclass(frozen=True)
class Outcome:
    """What came of applying: what was refused, and whether anything in the cluster is now other than it was."""

    refused: list[Refusal]
    changed: bool


def apply(api: Api, manifests: Sequence[Object], namespaces: Sequence[str]) -> Outcome:
    """Prune what earlier runs applied and *manifests* do not name, then apply these in order as the learner.

    In this order, because a controller may look once only: cert-manager makes no Certificate for an Ingress while one
    of the same name is there that somebody else wrote.

    Args:
        api: the instructor's view; impersonation is done here.
        namespaces: the lab's; each manifest names one of them.

    Returns: what was refused; everything else is applied, and what controllers made for its earlier form is gone.
    """
    learner = api.acting_as(LEARNER)
    for name in namespaces:
        _replace_disturbed(api, name)
    certified = certificates(api, namespaces)
    before = {name: _remembered(api, name) for name in namespaces}
    now: dict[str, list[tuple[str, str]]] = {name: [] for name in namespaces}
    for manifest in manifests:
        now[manifest["metadata"]["namespace"]].append(_key(manifest))
    for name in namespaces:  # noted before the first request: an interrupted run leaves nothing unknown behind
        _remember(api, name, sorted({*before[name], *now[name]}))
    pruned = [_prune(api, name, set(before[name]) - set(now[name])) for name in namespaces]
    if any(pruned):
        sweep(api, namespaces, frozenset(), certified)
    results = [_apply_one(api, learner, manifest) for manifest in manifests]
    refused = [result for result in results if isinstance(result, Refusal)]
    for refusal in refused:  # what an earlier submission wrote under this name says nothing about this one
        name, key = refusal.manifest["metadata"]["namespace"], _key(refusal.manifest)
        now[name].remove(key)
        pruned.append(_prune(api, name, {key} & set(before[name])))
    done = zip(manifests, results, strict=True)
    changed = {_identity(manifest) for manifest, result in done if result is True}
    swept = sweep(api, namespaces, changed, certified)
    for manifest in manifests:  # what a controller had made first is the learner's alone now
        if _identity(manifest) in swept:
            _apply_one(api, learner, manifest)
    for name in namespaces:
        _remember(api, name, now[name])
    return Outcome(refused, any(pruned) or any(result is True for result in results))


def _prune(api: Api, name: str, things: set[tuple[str, str]]) -> bool:
    """Delete *things*, and return once they are gone; whether there were any."""
    there = [thing for thing in sorted(things) if api.resource(thing[0]) and api.delete(*thing, name, grace=1)]
    for kind, thing in there:
        _until(partial(_is_gone, api, kind, thing, name), f"{kind} {thing} to go")
    return bool(there)


def _apply_one(api: Api, learner: Api, manifest: Object) -> Refusal | bool:
    """Apply one object; whether that changed it, or why it was refused."""
    meta = manifest["metadata"]
    before = api.get(_kind(manifest), meta["name"], meta["namespace"]) if api.resource_of(manifest) else None
    try:
        after = learner.apply(manifest, manager=MANAGER)
        changed = not _same(before, after)
        if before is None or not (clings(manifest, before, after, MANAGER) or (changed and _kind(manifest) in STORED)):
            return changed
    except ApiError as error:
        if before is None or error.status != 422:  # 422: it may be sound, but not as a change of what is there
            return Refusal(manifest, error.message)
    _replace(api, manifest)
    try:
        learner.apply(manifest, manager=MANAGER)
    except ApiError as error:
        return Refusal(manifest, error.message)
    return True


def _same(before: Object | None, after: Object) -> bool:
    """Whether two readings of an object differ in nothing that anybody wrote."""
    return before is not None and _written(before) == _written(after)


def _written(thing: Object) -> Object:
    meta = {k: v for k, v in thing["metadata"].items() if k in {"name", "labels", "annotations"}}
    return {k: v for k, v in thing.items() if k not in {"metadata", "status"}} | {"metadata": meta}


def _replace(api: Api, manifest: Object) -> None:
    meta = manifest["metadata"]
    _delete_and_wait(api, _kind(manifest), meta["name"], meta["namespace"])
    if _kind(manifest) in STORED:
        forget_issued(api, meta["name"], meta["namespace"])


def _delete_and_wait(api: Api, kind: str, name: str, space: str) -> None:
    api.delete(kind, name, space, grace=1)
    _until(partial(_is_gone, api, kind, name, space), f"{kind} {name} to go")


def _is_gone(api: Api, kind: str, name: str, space: str) -> bool:
    thing = api.get(kind, name, space)
    if thing is None:
        return True
    _release(api, kind, thing)
    return False


def _release(api: Api, kind: str, thing: Object) -> None:
    """Take a learner's own finalizers off a deleted object: nobody here would, and it would stay for ever."""
    meta = thing["metadata"]
    own = meta.get("finalizers") or []
    kept = [name for name in own if "/" not in name or "kubernetes.io" in name]
    if "deletionTimestamp" in meta and kept != own:
        api.patch(kind, meta["name"], meta["namespace"], {"metadata": {"finalizers": kept}})


def _kind(manifest: Object) -> str:
    group = manifest["apiVersion"].rpartition("/")[0]
    return f"{manifest['kind']}.{group}" if group else str(manifest["kind"])


def note_disturbed(api: Api, name: str, kind: str, thing: str) -> None:
    """Remember that a check breaks an object of namespace *name* on purpose; call it before it does."""
    _remember(api, name, [*_remembered(api, name, DISTURBED), (kind, thing)], DISTURBED)


def _replace_disturbed(api: Api, name: str) -> None:
    things = _remembered(api, name, DISTURBED)
    for kind, thing in things:
        _delete_and_wait(api, kind, thing, name)
    if things:
        _remember(api, name, [], DISTURBED)


def _identity(manifest: Object) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _key(manifest: Object) -> tuple[str, str]:
    return _kind(manifest), manifest["metadata"]["name"]


def _remembered(api: Api, name: str, what: str = APPLIED) -> list[tuple[str, str]]:
    space = api.get("Namespace", name) or {}
    note = space.get("metadata", {}).get("annotations", {}).get(what, "[]")
    return [(kind, thing) for kind, thing in json.loads(note)]


def _remember(api: Api, name: str, things: Sequence[tuple[str, str]], what: str = APPLIED) -> None:
    api.patch("Namespace", name, None, {"metadata": {"annotations": {what: json.dumps(things)}}})


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise InfraError(
                f"waited {GONE_SECONDS:.0f} s for {what}, in vain", "make clean, then run the command again"
            )
        time.sleep(0.1)
