"""Who has to answer: Pods of a Deployment and nobody else, whichever of them or every one."""

from __future__ import annotations

from dataclasses import dataclass

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.containers import answer_field
from kindlabs.expectations.deployments import Deployment
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.words import plain_error
from kindlabs.kube.objects import pods_are_going
from kindlabs.waiting import Look


@dataclass(frozen=True)
class Backends:
    """The Pods of *deployment*, each of which answers requests with its name; with *every*, each at least once."""

    deployment: Deployment
    every: bool

    @classmethod
    def of(cls, whichever: Deployment | None, every: Deployment | None) -> Backends:
        """Those that a validator names in one of two ways. Raises: TypeError when it is none of them, or both."""
        named = [cls(deployment, deployment is every) for deployment in (whichever, every) if deployment]
        if len(named) != 1:
            raise TypeError("say either from_pods_of or from_every_pod_of")
        return named[0]

    def __str__(self) -> str:
        return f"{'every Pod' if self.every else 'Pods'} of Deployment {self.deployment.name}"

    def have_sent(self, replies: Replies, times: int) -> Look:
        """Whether these are *times* answers of theirs, and of nobody else."""
        bodies, errors, names = replies.bodies, replies.errors, self._names
        seen = {body.strip() for body in bodies}
        if errors:
            return Look(False, f"{len(bodies)} of {len(bodies) + len(errors)} answered; {plain_error(errors[0])}")
        strangers = sorted(seen - names)
        if strangers:
            return Look(False, f"an answer that is no Pod's name: {strangers[0][:80]!r}")
        if self.every and seen != names:
            return Look(False, f"{len(bodies)} answers, but none from {', '.join(sorted(names - seen))}")
        return Look(len(bodies) == times and bool(names), f"{len(bodies)} of {times} answered, from {len(seen)} Pods")

    def why_other_answer(self, url: str, bodies: list[str]) -> Cause | None:
        """An app that answers, but not with the name of its Pod."""
        lab, found, names = self.deployment.lab, self.deployment.find(), self._names
        other = next((body.strip() for body in bodies if body.strip() not in names), None)
        if other is None or found is None:
            return None
        renamed, field = answer_field(found["spec"]["template"])
        name = found["metadata"]["name"]
        text = f"{url} is answered with {other[:80]!r}, the name of no Pod of Deployment {name}{renamed}."
        settled = lab.barrier.passed and not pods_are_going(lab.world, lab.namespace)
        field = ("spec", "template", *field)
        return about(found, "WrongAnswer", text, field, final=settled)

    @property
    def _names(self) -> set[str]:
        return {pod["metadata"]["name"] for pod in self.deployment.pods}
