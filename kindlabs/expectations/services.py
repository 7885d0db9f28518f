"""Expectations on Services, by traffic from inside the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kindlabs.diagnosis import why_no_endpoints, why_others_answer, why_service_does_not_answer, why_strangers
from kindlabs.diagnosis.cause import Cause, about
from kindlabs.diagnosis.containers import answer_field
from kindlabs.expectations.deployments import Deployment
from kindlabs.expectations.named import NamedObject
from kindlabs.expectations.words import plain_error
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig, is_ready
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


class Service(NamedObject):
    """One Service by name."""

    kind = "Service"

    @property
    def host(self) -> str:
        """Its DNS name inside the cluster."""
        return f"{self.name}.{self.lab.namespace}.svc.cluster.local"

    def has_endpoints_of(self, deployment: Deployment) -> None:
        """The ready addresses of its EndpointSlices are exactly the addresses of the Deployment's Pods."""

        def look() -> Look:
            if self.is_external():  # Kubernetes leaves the EndpointSlices of its former type as they were
                return Look(False, "it is of type ExternalName")
            if why_strangers(self.lab.scene, self.name, self.lab.namespace, deployment.pods):
                return Look(False, "it leads to Pods of others too")
            ready = self.addresses()
            pods = {dig(pod, "status", "podIP") for pod in deployment.pods if is_ready(pod)}
            return Look(bool(pods) and ready == pods, f"{len(ready & pods)} of {len(pods)} Pods are endpoints")

        def why() -> Cause | None:
            found = why_no_endpoints(self.lab.scene, self.name, self.lab.namespace)
            return found or why_strangers(self.lab.scene, self.name, self.lab.namespace, deployment.pods)

        self.lab.expect_traffic(f"the endpoints of Service {self.name} are the Pods of {deployment.name}", look, why)

    def answers(self, path: str, *, times: int, from_pods_of: Deployment, port: int = 80) -> None:
        """All of *times* requests from inside the cluster are answered by Pods of a Deployment, and by each of them."""
        url = f"http://{self.host}{'' if port == 80 else f':{port}'}{path}"

        said: list[str] = []

        def look() -> Look:
            said.clear()
            if self.stale():
                return Look(False, f"the endpoints of Service {self.name} do not follow its selector yet")
            if why_strangers(self.lab.scene, self.name, self.lab.namespace, from_pods_of.pods):
                return Look(False, "it leads to Pods of others too")
            replies = self.lab.probe.get(self.host, port, path, times)
            said.extend(replies.bodies)
            return judge_replies(replies.bodies, replies.errors, times, from_pods_of.pods)

        def why() -> Cause | None:
            found = why_service_does_not_answer(self.lab.scene, self.name, self.lab.namespace, port)
            found = found or why_others_answer(self.lab.scene, self.name, self.lab.namespace, from_pods_of.pods)
            return found or why_wrong_answer(self.lab, said, url, from_pods_of)

        expected = f"{times} of {times} answers from {url}, from every Pod of Deployment {from_pods_of.name}"
        self.lab.expect_traffic(expected, look, why)

    def addresses(self) -> set[str]:
        """The ready addresses of its EndpointSlices."""
        return {
            address
            for piece in self._slices()
            for endpoint in piece.get("endpoints") or []
            if dig(endpoint, "conditions", "ready", default=True)
            for address in endpoint["addresses"]
        }

    def is_external(self) -> bool:
        """Whether its name leads out of the cluster, to no Pod."""
        return bool(dig(self.find(), "spec", "type") == "ExternalName")

    def stale(self) -> bool:
        """Whether its EndpointSlices still name Pods that its selector does not select."""
        selector = dig(self.find(), "spec", "selector")
        if not selector:
            return False
        chosen = {dig(p, "status", "podIP") for p in self.lab.world.list("Pod", self.lab.namespace, selector)}
        return not self.addresses() <= chosen

    def _slices(self) -> list[Object]:
        mine = {"kubernetes.io/service-name": self.name}
        return self.lab.world.list("EndpointSlice.discovery.k8s.io", self.lab.namespace, mine)


def why_wrong_answer(lab: Lab, said: list[str], url: str, deployment: Deployment) -> Cause | None:
    """An app that answers, but not with the name of its Pod."""
    names = {pod["metadata"]["name"] for pod in deployment.pods}
    other = next((body.strip() for body in said if body.strip() not in names), None)
    found = deployment.find()
    if other is None or found is None:
        return None
    renamed, field = answer_field(found["spec"]["template"])
    text = f"{url} is answered with {other[:80]!r}, the name of no Pod of Deployment {deployment.name}{renamed}."
    leaving = any("deletionTimestamp" in pod["metadata"] for pod in lab.world.list("Pod", lab.namespace))
    field = ("spec", "template", *field)
    return about(found, "WrongAnswer", text, field, final=lab.barrier.passed and not leaving)


def judge_replies(bodies: tuple[str, ...], errors: tuple[str, ...], times: int, pods: list[Object]) -> Look:
    """Whether all of *times* requests were answered by *pods*, and by each of them."""
    names = {pod["metadata"]["name"] for pod in pods}
    seen = {body.strip() for body in bodies}
    if errors:
        return Look(False, f"{len(bodies)} of {len(bodies) + len(errors)} answered; {plain_error(errors[0])}")
    strangers = sorted(seen - names)
    if strangers:
        return Look(False, f"an answer that is no Pod's name: {strangers[0][:80]!r}")
    if seen != names:
        return Look(False, f"{len(bodies)} answers, but none from {', '.join(sorted(names - seen))}")
    return Look(len(bodies) == times and bool(names), f"{len(bodies)} of {times} answered, from {len(seen)} Pods")
