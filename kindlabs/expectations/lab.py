"""The lab as a validator sees it: the fixture ``lab``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.errors import LabError
from kindlabs.expectations.access import Subject, service_account
from kindlabs.expectations.certificate_requests import CertificateRequest
from kindlabs.expectations.connections import expect_connections, expect_resolved
from kindlabs.expectations.handed_in import HandedIn
from kindlabs.expectations.kubeconfig import Kubeconfig
from kindlabs.expectations.named import AnyObject
from kindlabs.expectations.nodes import Nodes
from kindlabs.expectations.nouns import Namespace, Nouns
from kindlabs.expectations.probe import Probe
from kindlabs.expectations.steady import Noted, first_unsteady, note
from kindlabs.expectations.storage import Volume
from kindlabs.expectations.transcript import Transcript
from kindlabs.expectations.workloads import Workload
from kindlabs.kube.api import Api, Object
from kindlabs.kube.objects import labels_text
from kindlabs.kube.world import World
from kindlabs.nonces import derive
from kindlabs.patience import ASKING_SECONDS, LOOK_AGAIN
from kindlabs.promises.barrier import Barrier
from kindlabs.waiting import Deadline, Look, Unmet, wait_until

LEAD_SECONDS = 5.0
"""So long before a wait runs out the cluster is doubted: by its end the control experiment has its result."""

ANSWER, FILE = "answer", "file"
"""The kinds by which causes name what was handed in beside objects."""


class Parts(Protocol):
    """What was handed in beside objects."""

    @property
    def answers(self) -> Mapping[str, Any]:
        """By field."""

    @property
    def files(self) -> Mapping[str, str]:
        """Texts by name."""


@dataclass
class Lab(Nouns):
    """One submission on one cluster, as its validator judges it.

    Args:
        api: the API server, as the instructor.
        namespaces: the lab's; ``lab.deployment("web")`` is one of the first, ``lab.namespace("…")`` names another.
        probe: sends requests inside the cluster.
        barrier: whether answers are already answers of what was applied.
        ports: the host's ports of the Ingress controller, by scheme: ``{"https": 8443}``.
        breaks: the promises of the cluster that the lab breaks on purpose.
        nonce: the random value that this submission was given.
        handed_in: what was handed in beside objects: its ``answers`` and ``files``.
        apply_stage: applies the objects of a stage by its name, as the learner; gives why some were refused.
        asserted: how many outcomes were looked at so far.
        reached: the URLs that a Pod of the lab has been answered by.
        noted: the Pods that were found Ready, by uid: at the end they should be what they were.
        transcript: the requests that were sent, and their answers.
        doubt: called when somebody is about to be blamed: at each look that finds what no waiting can mend, and in the
            last LEAD_SECONDS of a wait; it raises InfraError when the cluster is known to be broken.
    """

    api: Api
    world: World
    scene: Scene
    probe: Probe
    barrier: Barrier
    namespaces: tuple[str, ...]
    deadline: Deadline
    ports: dict[str, int] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    nonce: str = ""
    handed_in: Parts | None = None
    apply_stage: Callable[[str], Mapping[tuple[str, str, str], tuple[str, Field]]] = lambda _name: {}
    transcript: Transcript = field(default_factory=Transcript)
    asserted: int = 0
    reached: set[str] = field(default_factory=set)
    noted: dict[str, Noted] = field(default_factory=dict)
    doubt: Callable[[], None] = lambda: None

    def _here(self) -> tuple[Lab, str]:
        return self, self.namespaces[0]

    def namespace(self, name: str) -> Namespace:
        """Namespace *name* of the lab, which names objects as the lab does those of its first one.

        Raises: LabError when the lab has none of that name.
        """
        if name not in self.namespaces:
            raise LabError(f"the lab has no namespace {name}; it has {', '.join(self.namespaces)}")
        return Namespace(self, name)

    def cluster(self, kind: str, name: str) -> AnyObject:
        """An object that belongs to no namespace: ``lab.cluster("PersistentVolume", "fast-0")``."""
        return AnyObject(self, kind, name, "")

    def volume(self, name: str) -> Volume:
        """PersistentVolume *name*."""
        return Volume(self, name, "")

    def nodes(self, **labels: str) -> Nodes:
        """The nodes that carry all of *labels* now: ``lab.nodes(disk="ssd")``.

        Raises: LabError when none does.
        """
        names = [node["metadata"]["name"] for node in self.world.list("Node", labels=labels)]
        if not names:
            raise LabError(f"no node has {labels_text(labels)}")
        return Nodes(self, names, f"the node with {labels_text(labels)}" if labels else "every node", labels)

    def user(self, name: str, *groups: str) -> Subject:
        """User *name*, as a member of *groups*: ``lab.user("mira", "dev").may("get", "pods")``."""
        return Subject(self, name, (*groups, "system:authenticated"))

    def service_account(self, name: str, namespace: str = "") -> Subject:
        """ServiceAccount *name* of the lab's first namespace, or of another."""
        return service_account(self, name, namespace or self.namespaces[0])

    def certificate_request(self, name: str) -> CertificateRequest:
        """CertificateSigningRequest *name*."""
        return CertificateRequest(self, name)

    def connections(self, matrix: Mapping[Workload, Mapping[str, bool]], *, within: float | None = None) -> None:
        """Who reaches what from inside: ``{lab.pod("web"): {"http://api:8080/": True, "http://db:5432/": False}}``.

        True is an answer, 5 of 5, to each Pod of a workload; False is a time-out, 3 of 3, and counts only where another
        got an answer from the same URL, in this matrix or in a check before it.
        """
        expect_connections(self, matrix, within)

    def resolves(self, name: str, *sources: Workload, within: float | None = None) -> None:
        """Each Pod of *sources* finds an address for *name*: ``lab.resolves("api", lab.pod("web"))``."""
        expect_resolved(self, name, sources, within)

    def nonce_for(self, use: str) -> str:
        """The value that stood for ``${NONCE:use}`` in the lab's files."""
        return derive(self.nonce, use)

    def note_ready(self, *pods: Object) -> None:
        """Remember that these Pods were found Ready, and as what for the first time."""
        for pod in pods:
            self.noted.setdefault(pod["metadata"]["uid"], note(pod))

    def first_unsteady(self) -> Object | None:
        """The first Pod that was found Ready and did not stay so, though no check disturbed it."""
        return first_unsteady(self.scene, self.noted)

    def answer(self, name: str) -> HandedIn:
        """Field *name* of answers.yaml."""
        answers = self.handed_in.answers if self.handed_in else {}
        return HandedIn(self, ANSWER, name, f"{name} in answers.yaml", answers.get(name))

    def file(self, name: str) -> HandedIn:
        """The text of file *name*, which the lab asks for."""
        files = self.handed_in.files if self.handed_in else {}
        return HandedIn(self, FILE, name, name, files.get(name))

    def kubeconfig(self, name: str) -> Kubeconfig:
        """File *name*, which is to be a kubeconfig."""
        return Kubeconfig(self, name, self.handed_in.files.get(name) if self.handed_in else None)

    def apply(self, stage: str) -> None:
        """Apply the objects of file *stage*, as the learner would; answers count again once the cluster has them."""
        refused = self.apply_stage(stage)
        if refused:
            kind, namespace, name = next(iter(refused))
            self.scene.refused = {**self.scene.refused, **refused}
            cause = self.scene.missing(kind, name, namespace)
            raise Unmet(f"every object of {stage} applied", cause.message, cause)
        self.barrier.send()

    def expect_traffic(
        self,
        expected: str,
        look: Callable[[], Look],
        why: Callable[[], Cause | None],
        *,
        within: float | None = None,
    ) -> Look:
        """Wait for an outcome that only requests show; none counts before the cluster has taken in what was applied."""

        def current() -> Look:
            return look() if self.barrier.passed else Look(False, "the cluster is still taking in the submission")

        self.deadline.grant(ASKING_SECONDS)
        return self.expect(expected, current, why, every=LOOK_AGAIN, within=within)

    def expect(
        self,
        expected: str,
        look: Callable[[], Look],
        why: Callable[[], Cause | None] = lambda: None,
        *,
        every: float | None = None,
        within: float | None = None,
    ) -> Look:
        """Wait for an outcome, which makes the check one that asserted something.

        Args:
            expected: the outcome in words.
            look: whether it is there now, and what was seen; quick, and by objects or requests alone.
            why: the first broken link, which only explains: no verdict hangs on it, but for when the wait ends.
            every: seconds between looks at what no watch tells.
            within: seconds that this outcome may take, in place of what is left of the run's deadline and at no
                expense of it.

        Raises: Unmet; see :func:`kindlabs.waiting.wait_until`.
        """
        self.asserted += 1
        return self.do(expected, look, why, every=every, within=within)

    def do(
        self,
        expected: str,
        look: Callable[[], Look],
        why: Callable[[], Cause | None] = lambda: None,
        *,
        every: float | None = None,
        within: float | None = None,
    ) -> Look:
        """Wait, as :meth:`expect` does, for what a validator's own deed leads to: nobody is judged by that."""

        def doubted() -> Cause | None:
            cause = why()
            about_to_blame = (cause and cause.final) or self.deadline.remaining() < lead
            if about_to_blame and not (cause and cause.written):
                self.doubt()  # begins an experiment, and does not wait for it
            return cause

        with self.deadline.within(within):
            lead = min(LEAD_SECONDS, self.deadline.remaining() / 2)  # a short wait is no reason to doubt at its begin
            return wait_until(expected, look, doubted, world=self.world, deadline=self.deadline, every=every)
