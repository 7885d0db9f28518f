"""The lab as a validator sees it: the fixture ``lab``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from kindlabs.diagnosis.cause import Cause, Field, Scene
from kindlabs.expectations.certificates import IssuedSecret
from kindlabs.expectations.deployments import Deployment
from kindlabs.expectations.handed_in import HandedIn
from kindlabs.expectations.ingress import Website
from kindlabs.expectations.kubeconfig import Kubeconfig
from kindlabs.expectations.pods import Pod, Pods
from kindlabs.expectations.probe import Probe
from kindlabs.expectations.services import Service
from kindlabs.expectations.steady import Noted, first_unsteady, note
from kindlabs.expectations.transcript import Transcript
from kindlabs.kube.api import Api, Object
from kindlabs.kube.world import World
from kindlabs.nonces import derive
from kindlabs.promises.barrier import Barrier
from kindlabs.waiting import LOOK_AGAIN, Deadline, Look, Unmet, wait_until

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
class Lab:
    """One submission on one cluster, as its validator judges it.

    Args:
        api: the API server, as the instructor.
        namespaces: the lab's; the first one is where names are looked up.
        probe: sends requests inside the cluster.
        barrier: whether answers are already answers of what was applied.
        ports: the host's ports of the Ingress controller, by scheme: ``{"https": 8443}``.
        nonce: the random value that this submission was given.
        handed_in: what was handed in beside objects: its ``answers`` and ``files``.
        apply_stage: applies the objects of a stage by its name, as the learner; gives why some were refused.
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
    nonce: str = ""
    handed_in: Parts | None = None
    apply_stage: Callable[[str], Mapping[tuple[str, str, str], tuple[str, Field]]] = lambda _name: {}
    transcript: Transcript = field(default_factory=Transcript)
    asserted: int = 0
    noted: dict[str, Noted] = field(default_factory=dict)
    doubt: Callable[[], None] = lambda: None

    @property
    def namespace(self) -> str:
        """The lab's first namespace."""
        return self.namespaces[0]

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

    def deployment(self, name: str) -> Deployment:
        """Deployment *name*."""
        return Deployment(self, name)

    def pod(self, name: str) -> Pod:
        """Pod *name*."""
        return Pod(self, name)

    def pods(self, **labels: str) -> Pods:
        """The Pods that carry all of *labels*: ``lab.pods(app="hello", tier="front")``."""
        return Pods(self, labels)

    def service(self, name: str) -> Service:
        """Service *name*."""
        return Service(self, name)

    def secret(self, name: str) -> IssuedSecret:
        """Secret *name*, which is to hold a certificate."""
        return IssuedSecret(self, name)

    def https(self, host: str) -> Website:
        """``https://host`` as a browser on the host reaches it: through the Ingress controller's mapped port."""
        return Website(self, host)

    def expect_traffic(self, expected: str, look: Callable[[], Look], why: Callable[[], Cause | None]) -> Look:
        """Wait for an outcome that only requests show; none counts before the cluster has taken in what was applied."""

        def current() -> Look:
            return look() if self.barrier.passed else Look(False, "the cluster is still taking in the submission")

        return self.expect(expected, current, why, every=LOOK_AGAIN)

    def expect(
        self,
        expected: str,
        look: Callable[[], Look],
        why: Callable[[], Cause | None] = lambda: None,
        *,
        every: float | None = None,
    ) -> Look:
        """Wait for an outcome that no method above says; see :func:`kindlabs.waiting.wait_until`."""
        self.asserted += 1

        def doubted() -> Cause | None:
            cause = why()
            about_to_blame = (cause and cause.final) or self.deadline.remaining() < LEAD_SECONDS
            if about_to_blame and not (cause and cause.written):
                self.doubt()  # begins an experiment, and does not wait for it
            return cause

        return wait_until(expected, look, doubted, world=self.world, deadline=self.deadline, every=every)
