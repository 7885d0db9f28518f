"""Expectations on what somebody may do, as the API server itself decides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kindlabs.diagnosis.access import Asker, why_allowed, why_not_allowed
from kindlabs.diagnosis.cause import Cause
from kindlabs.kube.access import Question, group_of, is_allowed
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
        return f"{self.name} of {', '.join(self.groups)}" if self.groups else self.name

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
        """She is allowed none of *verbs*."""
        self._expect(False, verbs, resource, namespace, name, within)

    def _expect(
        self, wanted: bool, verbs: str, resource: str, namespace: str | None, name: str, within: float | None
    ) -> None:
        space = self.lab.namespaces[0] if namespace is None else namespace
        questions = [Question(verb, resource, space, name) for verb in verbs.split()]

        def look() -> Look:
            answers = {q: is_allowed(self.lab.api, self.name, self.groups, q) for q in questions}
            other = next((question for question, allowed in answers.items() if allowed != wanted), None)
            if other is None:
                return Look(True, "so it is")
            return Look(False, f"{self} {'may not' if wanted else 'may'} {other}")

        def why() -> Cause | None:
            for question in questions:
                if is_allowed(self.lab.api, self.name, self.groups, question) != wanted:
                    asker = Asker(self.name, self.groups, group_of(self.lab.api, question))
                    return (why_not_allowed if wanted else why_allowed)(self.lab.scene, asker, question)
            return None

        what = Question(", ".join(verbs.split()), resource, space, name)
        self.lab.expect(f"{self} {'may' if wanted else 'may not'} {what}", look, why, every=1.0, within=within)
