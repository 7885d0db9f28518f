"""What a learner reads of a result: why an expectation was not met, or an object refused, in terms of her files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kindlabs.checks import SUBMISSION
from kindlabs.diagnosis.cause import NOT_HANDED_IN, Cause, Field
from kindlabs.diagnosis.refusals import Refused, explain
from kindlabs.kube.api import Api, Object
from kindlabs.kube.objects import owner
from kindlabs.kube.sending import Refusal
from kindlabs.kube.world import World
from kindlabs.lint import Finding, Source
from kindlabs.record import CauseRecord, CheckResult, Verdict
from kindlabs.submission import Submission
from kindlabs.waiting import Unmet

IN_OWNER: dict[tuple[str, str], Field] = {
    ("Pod", ""): ("spec", "template"),
    ("Job", "CronJob"): ("spec", "jobTemplate"),
}
"""Where the fields of an object stand in what owns it, by (kind, kind of the owner or any)."""
MISSING = ("NotFound", "NothingIssues")
"""Reasons of causes that an object is not there."""
Refusals = dict[tuple[str, str, str], Refused]
"""Why objects were refused, by (kind, namespace, name), as a Scene takes them."""


def explain_refusals(api: Api, refusals: Iterable[Refusal]) -> Refusals:
    """The server's words about each refused object, made plain."""
    plain: Refusals = {}
    for refusal in refusals:
        manifest, meta = refusal.manifest, refusal.manifest["metadata"]
        served = sorted({r.api_version for r in api.resources() if r.kind == manifest["kind"]})
        plain[manifest["kind"], meta.get("namespace", ""), meta["name"]] = explain(manifest, refusal.message, served)
    return plain


def findings_of(submission: Submission, refused: Refusals) -> list[Finding]:
    """What is wrong with a submission's files: what was found before they were applied, and what was refused."""
    found = list(submission.findings)
    for (kind, namespace, name), why in refused.items():
        source = submission.source(kind, name, namespace, *why.field) or Source(submission.shown_as, 1)
        where = f"{namespace}/{name}" if namespace else name
        found.append(Finding(f"{kind} {name} is refused: {why.why}.", source, f"{kind} {where}"))
    return found


def submission_check(findings: list[Finding]) -> CheckResult:
    """The check that every lab has, with the first of *findings* as its cause."""
    title = "The files are sound, and Kubernetes takes them."
    if not findings:
        return CheckResult.without_points(SUBMISSION, title, Verdict.PASSED)
    first = findings[0]
    where = {"file": first.source.file, "line": first.source.line}
    result = CheckResult.without_points(SUBMISSION, title, Verdict.FAILED)
    result.expected = "every object applied"
    result.observed = first.message if len(findings) == 1 else "\n".join(map(str, findings))
    result.cause = CauseRecord("Refused", first.object or first.source.file, first.message, where)
    result.next_step = f"mend {first.source.file}, line {first.source.line}, and run the same command again"
    return result


@dataclass(frozen=True)
class Explainer:
    """Explains what a check found to the learner whose submission it is.

    Args:
        kubectl: how she calls kubectl on this cluster.
        namespaces: the lab's; she looks into the first when no cause is known, and into no others.
        given: kind, namespace and name of the lab's objects that she may not change.
    """

    submission: Submission
    world: World
    kubectl: str
    namespaces: Sequence[str]
    given: frozenset[tuple[str, str, str]] = frozenset()

    def explain(self, result: CheckResult, unmet: Unmet) -> None:
        """Fill in what was expected and observed, the cause with its place in her files, and what to do next."""
        result.expected, result.observed = unmet.expected, unmet.observed
        cause = unmet.cause
        if cause is None:
            result.next_step = f"{self.kubectl} -n {self.namespaces[0]} events"
            return
        left_out = self._left_out(cause)
        if left_out:
            what = left_out.message.removeprefix(f"{left_out.object}: ")
            cause = replace(cause, message=f"{left_out.object} is not applied: {what}", next_step="")
        source, given = (left_out.source, False) if left_out else self._source(cause)
        result.verdict = Verdict.LAB_ERROR if given else Verdict.FAILED
        if cause.ours:  # the cause is the evidence
            result.verdict, result.observed = Verdict.INFRA_ERROR, cause.message
        where = {"file": source.file, "line": source.line} if source else None
        thing = f"{cause.kind} {'/'.join(filter(None, (cause.namespace, cause.name)))}"
        result.cause = CauseRecord(cause.reason, thing, cause.message, where, list(cause.chain))
        result.next_step = self._next_step(cause, source)

    def _next_step(self, cause: Cause, source: Source | None) -> str:
        """What shows it in the cluster; of what no cluster shows, where to write."""
        if cause.next_step:
            return f"{self._kubectl(cause.next_step)} {cause.next_step}"
        if source is None:
            return ""
        into = f"put {cause.name} into {source.file}"
        what = into if cause.reason == NOT_HANDED_IN else f"mend {source.file}, line {source.line}"
        return f"{what}, and run the same command again"

    def _kubectl(self, step: str) -> str:
        """Hers, or the administrator's where a step looks into a namespace that is not the lab's."""
        looks = re.search(r"(?:^| )-n (\S+)", step)
        return self.kubectl if looks is None or looks.group(1) in self.namespaces else f"{self.kubectl}-admin"

    def _left_out(self, cause: Cause) -> Finding | None:
        """What was found in her files about an object that is not there."""
        for finding in self.submission.findings if cause.reason in MISSING else ():
            kind, _, name = finding.object.partition(" ")
            said = cause.message.startswith(f"There is no {kind} {name} ")
            if name and (said or (cause.kind, cause.name) == (kind, "")):
                return finding
        return None

    def _source(self, cause: Cause) -> tuple[Source | None, bool]:
        """Where she wrote what is wrong, or whether the lab did; a Pod's fields stand in the template of its owner."""
        kind, name, where = cause.kind, cause.name, cause.field
        while name:
            found = self.submission.source(kind, name, cause.namespace, *where)
            if found or (kind, cause.namespace, name) in self.given:
                return found, not found
            thing: Object | None = self.world.last(kind, name, cause.namespace)  # a check may have taken it away again
            if thing is None:
                return None, False
            above, name = owner(thing)
            where = (*IN_OWNER.get((kind, above), IN_OWNER.get((kind, ""), ())), *where)
            kind = above
        return None, False
