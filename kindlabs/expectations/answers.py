"""What has to be answered: a text, several texts in shares, or the names of a workload's Pods."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.containers import answer_field
from kindlabs.expectations.probe import Replies
from kindlabs.expectations.words import plain_error
from kindlabs.expectations.workloads import Workload
from kindlabs.kube.objects import dig, pods_are_going
from kindlabs.waiting import Look

Text = str | re.Pattern[str]
"""A whole answer, without the space around it; or a pattern that is found in it."""
SHOWN = 80
"""How much of an answer is shown."""


class Answers:
    """What answers have to be; its text says it in words."""

    def have_come(self, replies: Replies, times: int) -> Look:
        """Whether *replies* are *times* such answers."""
        raise NotImplementedError

    def why_others(self, _url: str, _bodies: list[str]) -> Cause | None:
        """Why a request was answered otherwise, as far as objects tell."""
        return None


def answers(
    saying: Text | None,
    shares: Mapping[str, tuple[float, float]] | None,
    whichever: Workload | None,
    every: Workload | None,
) -> Answers:
    """What a validator asks for, in at most one of four ways. Raises: TypeError for more."""
    if sum(way is not None for way in (saying, shares, whichever, every)) > 1:
        raise TypeError("say one of saying, shares, from_pods_of and from_every_pod_of")
    if shares is not None:
        return Shares(shares)
    workload = whichever or every
    return Backends(workload, every is not None) if workload else Saying(saying)


@dataclass(frozen=True)
class Saying(Answers):
    """Each answer is *text*; None for whatever it is."""

    text: Text | None

    def __str__(self) -> str:
        return f"saying {describe(self.text)}" if self.text is not None else "whatever they say"

    def have_come(self, replies: Replies, times: int) -> Look:
        """Whether these are *times* such answers."""
        if replies.errors:
            return _unanswered(replies)
        other = next((body for body in replies.bodies if not says(body, self.text)), None)
        if other is not None:
            return Look(False, f"answer {other.strip()[:SHOWN]!r}")
        return Look(len(replies.bodies) == times, f"{len(replies.bodies)} of {times} answered")


@dataclass(frozen=True)
class Shares(Answers):
    """Each answer is one of some texts, and of each there is a share between two bounds: ``{"blue": (0.8, 0.95)}``."""

    bounds: Mapping[str, tuple[float, float]]

    def __str__(self) -> str:
        return ", ".join(f"{low:.0%} to {high:.0%} {text!r}" for text, (low, high) in self.bounds.items())

    def have_come(self, replies: Replies, times: int) -> Look:
        """Whether these are *times* such answers."""
        if replies.errors:
            return _unanswered(replies)
        counts = Counter(body.strip() for body in replies.bodies)
        seen = ", ".join(f"{count} {text[:SHOWN]!r}" for text, count in counts.most_common())
        within = all(low <= counts[text] / times <= high for text, (low, high) in self.bounds.items())
        whole = len(replies.bodies) == times and set(counts) <= set(self.bounds)
        return Look(whole and within, f"of {times} answers {seen}")


@dataclass(frozen=True)
class Backends(Answers):
    """The Pods of *workload*, each of which answers requests with its name; with *every*, each at least once."""

    workload: Workload
    every: bool

    def __str__(self) -> str:
        return f"from {'every Pod' if self.every else 'Pods'} of {self.workload}"

    def have_come(self, replies: Replies, times: int) -> Look:
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

    def why_others(self, url: str, bodies: list[str]) -> Cause | None:
        """An app that answers, but not with the name of its Pod."""
        lab, found, names = self.workload.lab, self.workload.find(), self._names
        other = next((body.strip() for body in bodies if body.strip() not in names), None)
        if other is None or found is None:
            return None
        above: tuple[str, ...] = () if found["kind"] == "Pod" else ("spec", "template")
        renamed, field = answer_field(dig(found, *above))
        text = f"{url} is answered with {other[:80]!r}, the name of no Pod of {self.workload}{renamed}."
        settled = lab.barrier.passed and not pods_are_going(lab.world, self.workload.namespace)
        return about(found, "WrongAnswer", text, (*above, *field), final=settled)

    @property
    def _names(self) -> set[str]:
        return {pod["metadata"]["name"] for pod in self.workload.pods}


def says(text: str, wanted: Text | None) -> bool:
    """Whether *text* is what is wanted: the very same but for space around it, or one in which a pattern is found."""
    if isinstance(wanted, re.Pattern):
        return wanted.search(text) is not None
    return wanted is None or text.strip() == wanted.strip()


def describe(wanted: Text | None) -> str:
    """What is wanted, as messages show it."""
    return f"/{wanted.pattern}/" if isinstance(wanted, re.Pattern) else repr(wanted)


def _unanswered(replies: Replies) -> Look:
    whole = len(replies.bodies) + len(replies.errors)
    return Look(False, f"{len(replies.bodies)} of {whole} answered; {plain_error(replies.errors[0])}")
