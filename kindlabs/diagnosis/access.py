"""Why somebody may do, or may not do, something: which binding and which rule say so, or fail to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause, Scene, about
from kindlabs.kube.access import Question
from kindlabs.kube.api import Object

GROUP = "rbac.authorization.k8s.io"
ACCOUNT = "system:serviceaccount:"


class Asker(NamedTuple):
    """Who asks, as the API server knows her, and the group in which the resource really is."""

    user: str
    groups: Sequence[str]
    api_group: str

    @property
    def called(self) -> str:
        """``mira``; of a ServiceAccount its own name."""
        return self.user.rpartition(":")[2]


class _Wanted(NamedTuple):
    verb: str
    resource: str
    subresource: str
    group: str
    name: str

    @property
    def whole(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def why_not_allowed(scene: Scene, asker: Asker, question: Question) -> Cause | None:
    """The first thing that keeps *asker* from what she should be allowed; None when no object tells."""
    wanted = _wanted(asker, question)
    mine = [binding for binding in _bindings_of(scene, asker, question.namespace) if scene.was_applied(binding)]
    if not mine:
        return _not_bound(scene, asker, question)
    for binding in mine:
        role = _role_of(scene, binding)
        if role is None:
            return _role_missing(scene, binding)
    causes = [_closest(role, wanted) for binding in mine if (role := _role_of(scene, binding))]
    return next(filter(None, causes), None) or _silent(scene, mine[0], wanted)


def why_allowed(scene: Scene, asker: Asker, question: Question) -> Cause | None:
    """The rule that lets *asker* do what she should not; None when it is none of RBAC's."""
    wanted = _wanted(asker, question)
    for binding in _bindings_of(scene, asker, question.namespace):
        role = _role_of(scene, binding) or {}
        for at, rule in enumerate(role.get("rules") or []):
            if _grants(rule, wanted):
                return _too_much(binding, role, at, asker, question)
    return None


def _wanted(asker: Asker, question: Question) -> _Wanted:
    plural, _, subresource = question.resource.partition("/")
    return _Wanted(question.verb, plural.partition(".")[0], subresource, asker.api_group, question.name)


def _bindings(scene: Scene, namespace: str) -> list[Object]:
    """What binds there: of the namespace, and of the whole cluster."""
    own = scene.world.list(f"RoleBinding.{GROUP}", namespace) if namespace else []
    return [*own, *scene.world.list(f"ClusterRoleBinding.{GROUP}")]


def _bindings_of(scene: Scene, asker: Asker, namespace: str) -> Iterator[Object]:
    for binding in _bindings(scene, namespace):
        if any(_is(subject, asker, _home(binding, subject)) for subject in binding.get("subjects") or []):
            yield binding


def _home(binding: Object, subject: Object) -> str:
    """The namespace of a ServiceAccount that a binding names: without a word its own (pkg/registry/rbac/validation)."""
    return str(subject.get("namespace") or binding["metadata"].get("namespace", ""))


def _is(subject: Object, asker: Asker, namespace: str) -> bool:
    match subject:
        case {"kind": "User", "name": name}:
            return bool(name == asker.user)
        case {"kind": "Group", "name": name}:
            return name in asker.groups
        case {"kind": "ServiceAccount", "name": name}:
            return bool(asker.user == f"{ACCOUNT}{namespace}:{name}")
    return False


def _not_bound(scene: Scene, asker: Asker, question: Question) -> Cause | None:
    """Nobody binds her: a binding that means her, and names somebody else, is the likely slip."""
    here = scene.world.list(f"RoleBinding.{GROUP}", question.namespace)
    own = [binding for binding in here if scene.was_applied(binding)]
    for binding in own:
        for at, subject in enumerate(binding.get("subjects") or []):
            if text := _near(binding, subject, asker):
                return about(binding, "WrongSubject", text, ("subjects", at))
    of = f" or a group of hers ({', '.join(_own_groups(asker))})" if _own_groups(asker) else ""
    text = f"No RoleBinding in {question.namespace} names {asker.called}{of}."
    if own:
        return about(own[0], "NotBound", text, ("subjects",))
    step = f"-n {question.namespace} get rolebindings"
    return Cause("NotBound", "RoleBinding", asker.called, question.namespace, text, next_step=step)


def _near(binding: Object, subject: Object, asker: Asker) -> str | None:
    name, kind = subject.get("name"), subject.get("kind")
    what = f"RoleBinding {binding['metadata']['name']}"
    if asker.user.startswith(ACCOUNT):
        home = asker.user.split(":")[2]
        if kind == "ServiceAccount" and name == asker.called:
            return f"{what} names ServiceAccount {_home(binding, subject)}/{name}; {name} is in {home}."
        if kind in ("User", "Group") and name == asker.called:
            return f"{what} names a {kind} {name}; {name} is a ServiceAccount of {home}."
    elif kind == "Group" and _own_groups(asker):
        said = ", ".join(_own_groups(asker))
        return f"{what} binds group {name}; the certificate of {asker.user} says {said}."
    elif kind == "User":
        of = f", and not group {', '.join(_own_groups(asker))}" if _own_groups(asker) else ""
        return f"{what} binds user {name} alone{of}: that gives {asker.user} nothing."
    return None


def _own_groups(asker: Asker) -> list[str]:
    return [group for group in asker.groups if not group.startswith("system:")]


def _role_of(scene: Scene, binding: Object) -> Object | None:
    reference = binding["roleRef"]
    namespace = binding["metadata"].get("namespace") if reference["kind"] == "Role" else None
    return scene.world.get(f"{reference['kind']}.{GROUP}", reference["name"], namespace)


def _role_missing(scene: Scene, binding: Object) -> Cause:
    reference, namespace = binding["roleRef"], binding["metadata"].get("namespace", "")
    kind, name = reference["kind"], reference["name"]
    if (kind, namespace, name) in scene.refused:
        return scene.missing(kind, name, namespace)
    there = ", ".join(
        r["metadata"]["name"] for r in scene.world.list(f"Role.{GROUP}", namespace) if scene.was_applied(r)
    )
    text = f"{binding['kind']} {binding['metadata']['name']} gives {kind} {name}, which does not exist"
    return about(binding, "RoleNotFound", f"{text}{f'; there is {there}' if there else ''}.", ("roleRef", "name"))


def _grants(rule: Object, wanted: _Wanted) -> bool:
    return (
        _has(rule.get("apiGroups"), wanted.group)
        and (_has(rule.get("resources"), wanted.whole) or f"*/{wanted.subresource}" in (rule.get("resources") or []))
        and _has(rule.get("verbs"), wanted.verb)
        and (not rule.get("resourceNames") or wanted.name in rule["resourceNames"])
    )


def _has(values: Sequence[str] | None, wanted: str) -> bool:
    return bool({wanted, "*"} & set(values or []))


def _closest(role: Object, wanted: _Wanted) -> Cause | None:
    """The rule that was meant, and what of it does not fit."""
    for at, rule in enumerate(role.get("rules") or []):
        for text, field in _slips(role, rule, wanted):
            return about(role, "WrongRule", text, ("rules", at, field))
    return None


def _slips(role: Object, rule: Object, wanted: _Wanted) -> Iterator[tuple[str, str]]:
    groups, resources = rule.get("apiGroups") or [], rule.get("resources") or []
    what = f"{role['kind']} {role['metadata']['name']}"
    if wanted.whole in resources or "*" in resources:
        if not _has(groups, wanted.group):
            said = ", ".join(name or "the core group" for name in groups)
            yield (
                f"{what} says {wanted.whole} of {said}; {wanted.resource} are in {wanted.group or 'the core group'}.",
                "apiGroups",
            )
        elif not _has(rule.get("verbs"), wanted.verb):
            yield f"{what} allows {', '.join(rule.get('verbs') or [])} on {wanted.whole}, not {wanted.verb}.", "verbs"
        elif names := rule.get("resourceNames"):
            yield f"{what} allows {wanted.whole} of the names {', '.join(names)} alone.", "resourceNames"
    elif meant := next((r for r in resources if r.lower() in _singulars(wanted.resource)), None):
        yield f"The resource is called {wanted.resource}; rule {meant} grants nothing.", "resources"


def _group(name: str) -> str:
    return name or "the core group"


def _singulars(plural: str) -> set[str]:
    return {plural.removesuffix("s"), plural.removesuffix("es"), f"{plural.removesuffix('ies')}y"} - {plural}


def _silent(scene: Scene, binding: Object, wanted: _Wanted) -> Cause | None:
    role = _role_of(scene, binding)
    if role is None:
        return None
    if wanted.subresource:
        kind = {"log": "Logs are", "scale": "Scale is", "exec": "Exec is"}.get(wanted.subresource, "It is")
        text = f"{kind} the subresource {wanted.whole}."
    else:
        text = f"No rule of {role['kind']} {role['metadata']['name']} is about {wanted.resource}."
    return about(role, "MissingRule", text, ("rules",))


def _too_much(binding: Object, role: Object, at: int, asker: Asker, question: Question) -> Cause:
    """Where the role is the learner's the rule is to blame; where it or the group is Kubernetes' own, the binding."""
    for place, subject in enumerate(binding["subjects"]):
        wide = subject["kind"] == "Group" and str(subject["name"]).startswith("system:")
        if wide and _is(subject, asker, ""):
            name = f"{binding['kind']} {binding['metadata']['name']}"
            text = f"{name} binds group {subject['name']}, and so lets {asker.called} {question}."
            return about(binding, "TooManySubjects", text, ("subjects", place))
    what = f"{role['kind']} {role['metadata']['name']}"
    text = f"{what} lets {asker.called} {question}"
    by = f"{binding['kind']} {binding['metadata']['name']}"
    if role["kind"] == "ClusterRole":
        return about(binding, "TooManyRights", f"{text}, by {by}.", ("roleRef", "name"))
    return about(role, "TooManyRights", f"{text}.", ("rules", at))
