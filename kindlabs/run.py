"""One run: a submission, judged on its lab, by a cluster that it has for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from kindlabs.clusters.cluster import Cluster
from kindlabs.control import Control
from kindlabs.course import Lab as LabOnDisk
from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.diagnosis.crashes import why_restarted
from kindlabs.diagnosis.probes import why_readiness_lost
from kindlabs.diagnosis.refusals import Refused, explain
from kindlabs.errors import InfraError, LabError
from kindlabs.evidence import collect
from kindlabs.expectations import Lab
from kindlabs.expectations.barrier import Barrier
from kindlabs.expectations.probe import Probe
from kindlabs.expectations.transcript import Transcript
from kindlabs.kube import apply as applying
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.namespaces import empty, namespace
from kindlabs.kube.newlog import NewLog
from kindlabs.kube.objects import owner
from kindlabs.kube.offline import keep_pulls_at_home
from kindlabs.kube.world import World
from kindlabs.plugin import JudgePlugin, judge, not_judged, unjudged
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict
from kindlabs.submission import Finding, Source, Submission
from kindlabs.waiting import Deadline, Unmet

WATCHED = ("Pod", "Event", "Service", "EndpointSlice.discovery.k8s.io", "Deployment", "ReplicaSet", "Secret")
WATCHED_FOR = {
    "ingress": ("Ingress", "IngressClass"),
    "cert-manager": tuple(
        f"{kind}.cert-manager.io" for kind in ("Certificate", "CertificateRequest", "Issuer", "ClusterIssuer")
    ),
}
Key = tuple[str, str, str]
"""Kind, namespace and name."""
STEADY = "steady"
"""The id of the check that every lab ends with, shown when it fails: what was Ready has stayed so."""
SUBMISSION = "submission"
"""The id of the check that every lab has: the files are sound, and Kubernetes takes them."""


@dataclass
class Run:
    """One run in progress.

    Args:
        images: references that the lab provides on its nodes.
        report: called with each check's result as it comes.
        kubectl: how the learner calls kubectl on this cluster, for the next steps that are shown.
    """

    lab: LabOnDisk
    submission: Submission
    cluster: Cluster
    images: frozenset[str] = frozenset()
    fresh: bool = False
    report: Callable[[CheckResult], None] = lambda _result: None
    kubectl: str = "kubectl"
    _seconds: dict[str, float] = field(default_factory=dict)
    _cert_manager_log: Callable[[], str] = str

    def __post_init__(self) -> None:
        self._control = Control(self.cluster, self.lab.namespaces)

    def judge(self) -> Record:
        """Apply the submission, run the checks, and return the record; faults of our own are in it as verdicts."""
        record = new_record(self.lab, self.submission)
        record.seconds = self._seconds
        record.cluster = {
            "name": self.cluster.name,
            "profile": self.cluster.profile,
            "kubernetes": self.cluster.version,
            "addons": sorted(self.cluster.addons),
        }
        try:
            self._judge(record)
        except (InfraError, ApiError) as error:
            self._give_up(record, broken_cluster(self.cluster.fault() or error.message))
        except LabError as error:
            fault = self.cluster.fault()  # which may have refused what the lab sets up
            own = CheckResult("lab", "The lab is sound.", Verdict.LAB_ERROR, 0, 0, observed=error.message)
            self._give_up(record, broken_cluster(fault) if fault else own)
        finally:
            self._control.close()
        if record.verdict is Verdict.INFRA_ERROR and not self.cluster.fault():  # no look would tell the next command
            self.cluster.distrust(next(c.observed for c in record.checks if c.verdict is Verdict.INFRA_ERROR))
        return record

    def _give_up(self, record: Record, result: CheckResult) -> None:
        for each in give_up(self.lab, record, result):
            self._note(record, each)

    def _fault(self, blames: bool) -> str | None:
        """Evidence that the cluster is broken; before a learner is blamed, of an experiment too."""
        return self.cluster.fault() or (self._control.fault() if blames else None)

    def _judge(self, record: Record) -> None:
        api = Api(self.cluster.kubeconfig_path)
        with self._phase("setup"):
            self._set_up(api)
        if "cert-manager" in self.lab.addons:
            self._cert_manager_log = NewLog(api, "cert-manager", "app=cert-manager")
        with self._phase("apply"):
            outcome = applying.apply(api, [m.document for m in self.submission.manifests], self.lab.namespaces)
        refused = {_key(r.manifest): _plain(api, r) for r in outcome.refused}
        findings = [*self.submission.findings, *(self._finding(*key, why) for key, why in refused.items())]
        record.submission["findings"] = [
            {"message": f.message, "file": f.source.file, "line": f.source.line} for f in findings
        ]
        if refused and (fault := self._fault(True)):  # by a server that is not itself
            raise InfraError(fault)
        self._note(record, _submission_check(findings))
        # Watching begins after the last change was sent: what is listed now is never older than the submission.
        with self._phase("checks"), World(api) as world:
            world.expect(*WATCHED, *(kind for addon in self.lab.addons for kind in WATCHED_FOR.get(addon, ())))
            lab = self._lab(api, world, refused, changed=outcome.changed)
            note = partial(self._note, record)
            judge(self.lab.validator, JudgePlugin(lab, self._explain_with(world), self._fault, note))
            if record.verdict in (Verdict.PASSED, Verdict.FAILED):
                world.confirm()
                self._look_back(record, lab, self._explain_with(world))
            if record.verdict is Verdict.FAILED:
                record.evidence = collect(lab)

    def _look_back(self, record: Record, lab: Lab, explain: Callable[[CheckResult, Unmet], None]) -> None:
        """What was Ready when it was looked at may have crashed since, or lost its readiness."""
        pod = lab.first_unsteady()
        if pod is None:
            return
        if fault := self._fault(True):
            raise InfraError(fault)
        result = CheckResult(STEADY, "What was ready stays ready.", Verdict.FAILED, 0, 0)
        seen = f"Pod {pod['metadata']['name']} was ready, and has not stayed so"
        why = why_restarted(lab.scene, pod) or why_readiness_lost(lab.scene, pod)
        explain(result, Unmet("what was ready stays ready until the last check", seen, why))
        self._note(record, result)

    def _note(self, record: Record, result: CheckResult) -> None:
        record.checks.append(result)
        self.report(result)

    def _set_up(self, api: Api) -> None:
        """Namespaces, and what the instructor puts into them."""
        for name in self.lab.namespaces:
            namespace(api, name, self.lab.id)
        if self.fresh:
            empty(api, self.lab.namespaces)
        if self.cluster.facts.egress == "none":
            for name in self.lab.namespaces:
                keep_pulls_at_home(api, name, self.images)
        for manifest in self.lab.setup(self.submission.nonce):
            metadata = manifest.document["metadata"]
            metadata.setdefault("namespace", self.lab.namespaces[0])
            # A field of the lab's own, whatever else there is: by it the object is known as the lab's.
            metadata["labels"] = {"kind-labs/lab": self.lab.id} | metadata.get("labels", {})
            try:
                api.apply(manifest.document, manager=applying.INSTRUCTOR)
            except ApiError as error:
                raise LabError(
                    f"{manifest.file}:{manifest.line}: the API server refuses it: {error.message}"
                ) from error

    def _lab(self, api: Api, world: World, refused: dict[Key, Refused], *, changed: bool) -> Lab:
        scene = Scene(world, refused=refused, images=self.images, offline=self.cluster.facts.egress == "none")
        transcript = Transcript()
        probe = Probe(api, world, transcript)
        scene.listens = probe.listens
        scene.logs = api.last_words
        scene.cert_manager_log = self._cert_manager_log
        deadline = Deadline(self.lab.deadline)
        scene.remaining = deadline.remaining
        barrier = Barrier(api, Probe(api, world), self.cluster.ports if "ingress" in self.lab.addons else {})
        barrier.send() if changed else barrier.skip()
        return Lab(
            api,
            world,
            scene,
            probe,
            barrier,
            namespaces=self.lab.namespaces,
            deadline=deadline,
            ports=self.cluster.ports,
            nonce=self.submission.nonce,
            transcript=transcript,
            doubt=self._control.doubt,
        )

    def _finding(self, kind: str, namespace: str, name: str, refused: Refused) -> Finding:
        source = self.submission.source(kind, name, namespace, *refused.field)
        return Finding(f"{kind} {name} is refused: {refused.why}.", source or Source(self.submission.shown, 1))

    def _explain_with(self, world: World) -> Callable[[CheckResult, Unmet], None]:
        def explain(result: CheckResult, error: Unmet) -> None:
            result.expected, result.observed = error.expected, error.observed
            cause = error.cause
            if cause is None:
                result.next_step = f"{self.kubectl} -n {self.lab.namespaces[0]} get all,events"
                return
            result.verdict = Verdict.INFRA_ERROR if cause.ours else Verdict.FAILED
            source = self._source(world, cause)
            where = {"file": source.file, "line": source.line} if source else None
            thing = f"{cause.kind} {cause.namespace}/{cause.name}" if cause.namespace else f"{cause.kind} {cause.name}"
            result.cause = CauseRecord(cause.reason, thing, cause.message, where, list(cause.chain))
            result.next_step = f"{self.kubectl} {cause.next_step}" if cause.next_step else ""

        return explain

    def _source(self, world: World, cause: Cause) -> Source | None:
        """Where the learner wrote what is wrong; a Pod's fields stand in the template of what owns it."""
        kind, name, where = cause.kind, cause.name, cause.field
        while name:
            found = self.submission.source(kind, name, cause.namespace, *where)
            if found:
                return found
            thing: Object | None = world.get(kind, name, cause.namespace)
            if thing is None:
                return None
            where = _in_template(where) if kind == "Pod" else where
            kind, name = owner(thing)
        return None

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = time.monotonic() - started


def new_record(lab: LabOnDisk, submission: Submission) -> Record:
    """The record of a run that begins now."""
    return Record(
        lab={"id": lab.id, "title": lab.title, "digest": lab.digest},
        submission={"path": submission.label, "digest": submission.digest, "findings": []},
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def give_up(lab: LabOnDisk, record: Record, result: CheckResult) -> list[CheckResult]:
    """Why there is no verdict, and all checks of the lab that got none: their points are no less part of the sum."""
    missing = unjudged(lab.validator, record.checks)
    return [result, *(not_judged(spec, result.verdict, f"not judged, see {result.id}") for spec in missing)]


def broken_cluster(evidence: str, next_step: str = "") -> CheckResult:
    """The check that no lab has, and that a run ends with when cluster, engine or machine broke."""
    return CheckResult(
        "cluster", "The cluster answers.", Verdict.INFRA_ERROR, 0, 0, observed=evidence, next_step=next_step
    )


def _key(manifest: Object) -> Key:
    return manifest["kind"], manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _plain(api: Api, refusal: applying.Refusal) -> Refused:
    kind = refusal.manifest["kind"]
    served = sorted({r.api_version for r in api.resources() if r.kind == kind})
    return explain(refusal.manifest, refusal.message, served)


def _in_template(where: Field) -> Field:
    return ("spec", "template", *where)


def _submission_check(findings: list[Finding]) -> CheckResult:
    title = "The files are sound, and Kubernetes takes them."
    if not findings:
        return CheckResult(SUBMISSION, title, Verdict.PASSED, 0, 0)
    first = findings[0]
    every = "\n".join(str(finding) for finding in findings)
    cause = CauseRecord(
        "Refused", first.source.file, first.message, {"file": first.source.file, "line": first.source.line}
    )
    return CheckResult(
        SUBMISSION,
        title,
        Verdict.FAILED,
        0,
        0,
        expected="every object applied",
        observed=every,
        cause=cause,
    )
