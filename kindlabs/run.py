"""One run: a submission, judged on its lab, by a cluster that it has for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from kindlabs.addons.addon import load
from kindlabs.checks import STEADY
from kindlabs.clusters.cluster import Cluster
from kindlabs.course import CourseLab
from kindlabs.diagnosis.cause import Cause, Scene
from kindlabs.diagnosis.crashes import why_restarted
from kindlabs.diagnosis.floods import why_flooded
from kindlabs.diagnosis.probes import why_readiness_lost
from kindlabs.errors import InfraError, LabError
from kindlabs.evidence import collect
from kindlabs.expectations import Lab
from kindlabs.expectations.probe import Probe
from kindlabs.expectations.transcript import Transcript
from kindlabs.explaining import Explainer, Refusals, explain_refusals, findings_of, submission_check
from kindlabs.images.lock import Lock
from kindlabs.kube import sending
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.contents import contents
from kindlabs.kube.given import Given, bring, of_lab
from kindlabs.kube.namespaces import clear_others, empty, grant, let_in, namespace
from kindlabs.kube.newlog import NewLog
from kindlabs.kube.notes import Key, applied_kinds, disturbed
from kindlabs.kube.offline import keep_pulls_at_home
from kindlabs.kube.rights import in_namespace
from kindlabs.kube.streams import Unended
from kindlabs.kube.world import World
from kindlabs.lint import Finding
from kindlabs.manifests import Manifest
from kindlabs.plugin import ChecksPlugin, run_checks
from kindlabs.progress import Steps
from kindlabs.promises.barrier import Barrier
from kindlabs.promises.catalog import KINDS, kinds_in, promised, restore
from kindlabs.promises.control import Control
from kindlabs.promises.nodes import NODES_TAKE_PODS, arrange
from kindlabs.promises.trial import Trial
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.submission import Submission
from kindlabs.waiting import Deadline, Unmet

WATCHED = ("Pod", "Event", "Service", "EndpointSlice.discovery.k8s.io", "Deployment", "ReplicaSet", "Secret")
CREATES = (("", "pods"), ("apps", "deployments"), ("", "services"))
"""What learners may make in every lab, as (group, resource)."""

AGAIN = "run the same command again: it waits for the cluster, and makes it anew where need be"
APPLY_SECONDS = 5.0
"""What applying takes as a rule, with what was there before gone; many Pods may take a minute to go."""


@dataclass
class Run:
    """One run in progress.

    Args:
        setup: what the lab puts into its namespaces, as :meth:`CourseLab.setup` reads it.
        steps: where it shows that it still applies the submission; checks speak for themselves.
        listener: hears of each check's result as it comes.
        kubectl: how the learner calls kubectl on this cluster, for the next steps that are shown.
        only: the id of the one check that is asked for; what it needs is run as well.
        checks_by: what runs the validator's checks: a run of pytest by itself, or one that somebody else has begun.

    Raises: UnreadableLab for an image that is not in the course's lock.
    """

    lab: CourseLab
    submission: Submission
    cluster: Cluster
    setup: list[Manifest]
    fresh: bool = False
    steps: Steps = field(default_factory=Steps)
    listener: Callable[[CheckResult], None] = lambda _result: None
    kubectl: str = "kubectl"
    only: str | None = None
    checks_by: Callable[[Path, ChecksPlugin], None] = run_checks

    def __post_init__(self) -> None:
        self._addons = [load(self.lab.course_root, name) for name in self.lab.addons]
        for name in self.cluster.addons:  # what those of other labs wrote is no person's doing either
            load(self.lab.course_root, name)
        of_addons = [promise for addon in self._addons for promise in addon.promises]
        self._promises = promised(self._kinds(), of_addons, self.lab.breaks)
        self._control = Control(self._promises, lambda: self._trial("control"), self._fault)
        self._record = Record.begin(self.lab, self.submission, self.listener, self.only)
        lock = Lock.load(self.lab.course_root)
        self._images = frozenset(lock.image(name).reference for name in self.lab.images)

    def _kinds(self) -> set[str]:
        """The kinds of objects that the lab has; what is done by hand may make any of them."""
        stages = [manifest for stage in self.submission.stages.values() for manifest in stage]
        found = kinds_in(m.document for m in [*self.submission.manifests, *stages, *self.setup])
        return found | (KINDS if self.submission.acts else set())

    def judge(self) -> Record:
        """Apply the submission, run the checks, and return the record; faults of our own are in it as verdicts."""
        record = self._record
        record.cluster = {
            "name": self.cluster.name,
            "profile": self.cluster.profile,
            "kubernetes": self.cluster.version,
            "addons": sorted(self.cluster.addons),
        }
        if lacking := self._lacking():
            record.give_up(self.lab.validator, lacking)
            return record
        try:
            self._apply_and_check()
        except (InfraError, LabError, ApiError) as error:
            record.give_up(self.lab.validator, self._behind(error))
        finally:
            self._control.close()
        if record.verdict is Verdict.INFRA_ERROR and not self._fault():
            # Not visible from outside now, so it is written down for the next command.
            self.cluster.distrust(next(c.observed for c in record.checks if c.verdict is Verdict.INFRA_ERROR))
        return record

    def _lacking(self) -> InfraError | None:
        """What the lab requires and no cluster of this node image can do; nothing is judged without it."""
        lacking = [name for name in self.lab.requires if name not in self.cluster.facts.capabilities]
        if not lacking:
            return None
        what = f"lab {self.lab.number} requires {', '.join(lacking)}, which cluster {self.cluster.name} cannot do"
        step = "take a node image that can: clusters/images.lock.yaml states the capabilities of each, pulled and built"
        return InfraError(what, step)

    def _fault(self) -> str | None:
        return self.cluster.fault(self._promises)

    def _trial(self, role: str) -> Trial:
        rights = [right for addon in self._addons for right in addon.rights]
        return Trial(
            self.cluster.api,
            self.cluster.ports,
            role,
            namespaces=self.lab.namespaces,
            creates=[*CREATES, *rights],
            breaks=self.lab.breaks,
        )

    def _behind(self, error: InfraError | LabError | ApiError) -> InfraError | LabError:
        """Why there is no verdict."""
        if fault := self._fault():  # first: it may have refused what the lab sets up
            return InfraError(fault, AGAIN)
        return InfraError(error.message, AGAIN) if isinstance(error, ApiError) else error

    def _rule_out_faults(self, blames: bool) -> None:
        """Raise InfraError when the cluster is broken.

        If the learner would be blamed otherwise, the control experiment has to pass as well.
        """
        fault = self._fault() or (self._control.fault() if blames else None)
        if fault:
            raise InfraError(fault, AGAIN)

    def _accuse(self, api: Api, world: World) -> Cause | None:
        """What of the submission keeps the cluster from being proven; None when nothing does, or nobody can look."""
        try:
            return why_flooded(api, [pod for name in self.lab.namespaces for pod in world.list("Pod", name)])
        except (ApiError, InfraError, Unended):
            return None

    def _apply_and_check(self) -> None:
        api = self.cluster.api
        api.resources(refresh=True)  # kinds may have come since it was asked last
        with self.steps.step(f"Apply {self.submission.name}", total=1, quiet_below=APPLY_SECONDS):
            with self._phase("setup"):
                given, there = self._set_up(api)
            logs = {addon.name: NewLog(api, *addon.logs_of) for addon in self._addons if addon.log}
            with self._phase("apply"):
                done = [part.apply(api, self.lab, there) for part in self.submission.parts]
        refused = explain_refusals(api, [refusal for applied in done for refusal in applied.refused])
        self._add_submission_check(refused, [finding for applied in done for finding in applied.findings])
        self._record.evidence = {name: text for applied in done for name, text in applied.evidence.items()}
        # Watching begins after the last change was sent: what is listed now is never older than the submission.
        with self._phase("checks"), World(api) as world:
            world.expect(*WATCHED, *(kind for addon in self._addons for kind in addon.watches))
            lab = self._lab(api, world, refused, logs)
            lab.barrier.send() if any(applied.changed for applied in done) else lab.barrier.skip()
            explainer = Explainer(self.submission, world, self.kubectl, self.lab.namespaces, self._read_only(given))
            accuse = partial(self._accuse, api, world)
            plugin = ChecksPlugin(lab, explainer.explain, self._rule_out_faults, self._record, accuse)
            self.checks_by(self.lab.validator, plugin)
            if self._record.verdict not in (Verdict.LAB_ERROR, Verdict.INFRA_ERROR):
                world.confirm()
                self._add_steady_check(lab, explainer)
            if self._record.verdict is Verdict.FAILED:
                self._record.evidence |= collect(lab)

    def _add_submission_check(self, refused: Refusals, failed: list[Finding]) -> None:
        """Whether the files are sound, and Kubernetes took them, and what they do went well."""
        findings = [*findings_of(self.submission, refused), *failed]
        self._record.submission["findings"] = [
            {"message": f.message, "file": f.source.file, "line": f.source.line} for f in findings
        ]
        if refused or failed:
            self._rule_out_faults(True)  # a broken API server may refuse sound objects
        self._record.add(submission_check(findings))

    def _add_steady_check(self, lab: Lab, explainer: Explainer) -> None:
        """What was Ready when it was looked at may have crashed since, or lost its readiness."""
        pod = lab.first_unsteady()
        if pod is None:
            return
        self._rule_out_faults(True)
        result = CheckResult.without_points(STEADY, "What was ready stays ready.", Verdict.FAILED)
        seen = f"Pod {pod['metadata']['name']} was ready, and has not stayed so"
        why = why_restarted(lab.scene, pod) or why_readiness_lost(lab.scene, pod)
        explainer.explain(result, Unmet("what was ready stays ready until the last check", seen, why))
        self._record.add(result)

    def _set_up(self, api: Api) -> tuple[list[Given], dict[Key, Object]]:
        """Namespaces, rights, and what the lab brings along, as a first run finds them; of other labs, nothing.

        Returns: what the lab brings, and all that is in its namespaces.
        """
        lab, spaces = self.lab, self.lab.namespaces
        self._restore(api, {name for name, other in self.cluster.facts.broken.items() if other != lab.id})
        known = clear_others(api, lab.id)
        mine = [namespace(api, space, lab.id, lab.rights, known.get(space.name)) for space in lab.spaces]
        setup = [(manifest.document, f"{manifest.file}:{manifest.line}") for manifest in self.setup]
        given = of_lab(api, lab.id, setup, spaces[0], lab.rights.given)
        grant(api, lab.id, lab.rights, [each.thing for each in given if not each.key.namespace])
        if self.fresh:
            likely = applied_kinds(mine) | {each.key.kind for each in given}
            there = empty(api, spaces, lab.rights.cluster, likely)
        else:
            there = contents(api, spaces, lab.rights.cluster)
        if self.fresh or self.submission.acts:  # what was done by hand must not be there already
            self._restore(api, set(self.cluster.facts.broken))
        self._note_broken()
        if NODES_TAKE_PODS.name in lab.breaks:  # a run that was killed may have left them otherwise
            arrange(api, lab.nodes)
        if self.cluster.facts.egress == "none":
            for name in spaces:
                keep_pulls_at_home(api, name, self._images)
        broken = {key for space in mine for key in disturbed(space)}
        rights = [Given(right, "") for space in lab.spaces for right in in_namespace(lab.id, space, lab.rights)]
        changed = bring(api, [*rights, *given], there, broken, anew=bool(lab.handin.script))
        for name in {right.key.namespace for right in rights if right.key in changed}:
            let_in(api, name)
        return given, there

    def _read_only(self, given: list[Given]) -> frozenset[tuple[str, str, str]]:
        """What of the lab's no submission may change."""
        mine = [each for each in given if each.thing not in self.lab.rights.given]
        return frozenset((each.manifest["kind"], each.key.namespace, each.key.name) for each in mine)

    def _restore(self, api: Api, names: AbstractSet[str]) -> None:
        """Put back of these promises what a lab broke on purpose.

        Not between two runs of one lab that keep its objects: a Pod that waits for a node which the lab closed would
        get it in between.
        """
        for name in sorted(names):
            restore(api, name)
            del self.cluster.facts.broken[name]

    def _note_broken(self) -> None:
        """Before the lab breaks anything: whoever takes the cluster next knows what not to hold against it."""
        self.cluster.facts.broken |= dict.fromkeys(self.lab.breaks, self.lab.id)
        self.cluster.remember()

    def _lab(self, api: Api, world: World, refused: Refusals, logs: Mapping[str, NewLog]) -> Lab:
        deadline, transcript = Deadline(self.lab.deadline), Transcript()
        probe = Probe(api, transcript, deadline.remaining)
        scene = Scene(
            world,
            listens=probe.listens,
            applied=[m.document for m in (*self.setup, *self.submission.manifests)],
            refused=refused,
            images=self._images,
            offline=self.cluster.facts.egress == "none",
            logs=api.last_words,
            remaining=deadline.remaining,
            addon_logs=logs,
        )
        return Lab(
            api,
            world,
            scene,
            probe,
            Barrier(self._promises, partial(self._trial, "barrier")),
            namespaces=self.lab.namespaces,
            deadline=deadline,
            ports=self.cluster.ports,
            breaks=self.lab.breaks,
            nonce=self.submission.nonce,
            handed_in=self.submission,
            apply_stage=partial(self._apply_stage, api),
            transcript=transcript,
            doubt=self._control.doubt,
        )

    def _apply_stage(self, api: Api, name: str) -> Refusals:
        """Apply the objects of one stage as the learner; why those were refused that were."""
        if name not in self.lab.handin.stages:
            known = ", ".join(self.lab.handin.stages) or "none"
            raise LabError(f"{name} is no stage of lab {self.lab.id}; lab.yaml declares {known}")
        sent = [sending.send(api.acting_as(LEARNER), manifest.document) for manifest in self.submission.stages[name]]
        return explain_refusals(api, [refusal for refusal in sent if refusal])

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._record.seconds[name] = time.monotonic() - started
