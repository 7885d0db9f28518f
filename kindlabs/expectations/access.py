"""Expectations on what somebody may do, as the API server itself decides it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kindlabs.diagnosis.access import Asker, why_allowed, why_not_allowed
from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.access import Question, group_of, is_allowed, rules_of
from kindlabs.kube.api import Object
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


def service_account(lab: Lab, name: str, namespace: str) -> Subject:
    """ServiceAccount *name* as the API server knows it: a user, and three groups."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return Subject(lab, f"system:serviceaccount:{namespace}:{name}", groups)


class Subject:
    """Somebody who asks the API server for something; nobody need ever have heard of her."""

    def __init__(self, lab: Lab, name: str, groups: Sequence[str]) -> None:
        self.lab, self.name, self.groups = lab, name, tuple(groups)

    def __str__(self) -> str:
        own = [group for group in self.groups if not group.startswith("system:")]  # those tell nothing that is hers
        return f"{self.name} of {', '.join(own)}" if own else self.name

    def may(
        self, verbs: str, resource: str, *, namespace: str | None = None, name: str = "", within: float | None = None
    ) -> None:
        """She is allowed each of *verbs*: ``"get list watch"``.

        Args:
            resource: ``pods``, ``pods/log``, ``widgets.example.org``.
            name: of one object; of any where it is empty.
            namespace: the lab's first by default; empty for all of them, and for what belongs to none.
        """
        self._expect(True, verbs, resource, namespace, name, within)

    def may_not(
        self, verbs: str, resource: str, *, namespace: str | None = None, name: str = "", within: float | None = None
    ) -> None:
        """She is allowed none of *verbs*; where no *name* is given, not on objects either that a rule names."""
        self._expect(False, verbs, resource, namespace, name, within)

    def may_only(self, verbs: str, *resources: str, namespace: str | None = None, within: float | None = None) -> None:
        """In one namespace she is allowed nothing but *verbs* on *resources*; what everybody may do is left out."""
        space = self.lab.namespaces[0] if namespace is None else namespace
        granted = {(group_of(self.lab.api, Question("", what, space, "")), _plain(what)) for what in resources}

        def more() -> tuple[str, Question] | None:
            rules = rules_of(self.lab.api, self.name, self.groups, space)
            beyond = (one for rule in rules for one in _allowed_by(rule, space))
            return next((one for one in beyond if not _is_in(one, verbs.split(), granted)), None)

        def look() -> Look:
            found = more()
            return Look(found is None, f"{self} may {found[1]}" if found else "so it is")

        def why() -> Cause | None:
            found = more()
            return why_allowed(self.lab.scene, Asker(self.name, self.groups, found[0]), found[1]) if found else None

        what = f"only {', '.join(verbs.split())} {', '.join(resources)}" if resources else "do nothing"
        self.lab.expect(f"{self} may {what} in {space}", look, why, every=1.0, within=within)

    def may_nothing(self, *, namespace: str | None = None, within: float | None = None) -> None:
        """In one namespace she is allowed nothing but what everybody may do."""
        self.may_only("", namespace=namespace, within=within)

    def _expect(
        self, wanted: bool, verbs: str, resource: str, namespace: str | None, name: str, within: float | None
    ) -> None:
        space = self.lab.namespaces[0] if namespace is None else namespace
        asked = [Question(verb, resource, space, name) for verb in verbs.split()]

        def all_questions() -> list[Question]:
            return asked if wanted or name or not space else [*asked, *self._by_name(asked)]

        def look() -> Look:
            questions = all_questions()
            answers = {q: is_allowed(self.lab.api, self.name, self.groups, q) for q in questions}
            other = next((question for question, allowed in answers.items() if allowed != wanted), None)
            if other is None:
                return Look(True, "so it is")
            return Look(False, f"{self} {'may not' if wanted else 'may'} {other}")

        def why() -> Cause | None:
            for question in all_questions():
                if is_allowed(self.lab.api, self.name, self.groups, question) != wanted:
                    asker = Asker(self.name, self.groups, group_of(self.lab.api, question))
                    return (why_not_allowed if wanted else why_allowed)(self.lab.scene, asker, question)
            return None

        what = Question(", ".join(verbs.split()), resource, space, name)
        self.lab.expect(f"{self} {'may' if wanted else 'may not'} {what}", look, why, every=1.0, within=within)

    def _by_name(self, questions: Sequence[Question]) -> Iterator[Question]:
        """The same of each object that a rule names: it may be allowed where others are not."""
        rules = rules_of(self.lab.api, self.name, self.groups, questions[0].namespace)
        names = sorted({name for rule in rules for name in rule.get("resourceNames") or []})
        return (question._replace(name=name) for question in questions for name in names)


def _allowed_by(rule: Object, namespace: str) -> Iterator[tuple[str, Question]]:
    """What a rule allows, one by one, each with the API group of the resource."""
    name = next(iter(rule.get("resourceNames") or []), "")
    for group in rule.get("apiGroups") or []:
        for resource in rule.get("resources") or []:
            for verb in rule.get("verbs") or []:
                yield group, Question(verb, resource, namespace, name)


def _plain(resource: str) -> str:
    """``deployments/scale`` for ``deployments.apps/scale``."""
    name, slash, subresource = resource.partition("/")
    return f"{name.partition('.')[0]}{slash}{subresource}"


def _is_in(allowed: tuple[str, Question], verbs: Sequence[str], granted: set[tuple[str, str]]) -> bool:
    """Whether something that is allowed is one of *verbs* on a resource of *granted*: ``("apps", "deployments")``."""
    group, question = allowed
    return question.verb in verbs and (group, question.resource) in granted
