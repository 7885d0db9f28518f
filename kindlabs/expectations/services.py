"""Expectations on Services, by traffic from inside the cluster."""

from __future__ import annotations

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.endpoints import endpoints_of
from kindlabs.diagnosis.services import (
    why_always_the_same,
    why_no_endpoints,
    why_service_does_not_answer,
    why_strangers,
)
from kindlabs.expectations.backends import Backends
from kindlabs.expectations.deployments import Deployment
from kindlabs.expectations.named import NamedObject
from kindlabs.kube.objects import dig, is_ready
from kindlabs.waiting import Look


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

    def answers(
        self,
        path: str,
        *,
        times: int,
        from_pods_of: Deployment | None = None,
        from_every_pod_of: Deployment | None = None,
        port: int = 80,
    ) -> None:
        """All of *times* requests from inside the cluster are answered, by Pods of a Deployment and by nobody else.

        Args: from_every_pod_of: in place of from_pods_of; each of its Pods has to answer at least once.
        """
        backends = Backends.of(from_pods_of, from_every_pod_of)
        url = f"http://{self.host}{'' if port == 80 else f':{port}'}{path}"
        scene, space, bodies = self.lab.scene, self.lab.namespace, list[str]()

        def look() -> Look:
            bodies.clear()
            if self.stale():
                return Look(False, f"the endpoints of Service {self.name} do not follow its selector yet")
            if why_strangers(scene, self.name, space, backends.deployment.pods):
                return Look(False, "it leads to Pods of others too")
            replies = self.lab.probe.get(self.host, port, path, times)
            bodies.extend(replies.bodies)
            return backends.have_sent(replies, times)

        def why() -> Cause | None:
            pods = backends.deployment.pods
            return (
                why_service_does_not_answer(scene, self.name, space, port)
                or why_strangers(scene, self.name, space, pods)
                or (why_always_the_same(scene, self.name, space, pods) if backends.every else None)
                or backends.why_other_answer(url, bodies)
            )

        self.lab.expect_traffic(f"{times} of {times} answers from {url}, from {backends}", look, why)

    def addresses(self) -> set[str]:
        """The ready addresses of its EndpointSlices."""
        return {
            address
            for endpoint in endpoints_of(self.lab.scene, self.name, self.lab.namespace)
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
