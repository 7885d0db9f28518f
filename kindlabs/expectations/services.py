"""Expectations on Services, by traffic from inside the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.services import (
    strangers_behind,
    why_always_the_same,
    why_no_endpoints,
    why_service_does_not_answer,
    why_strangers,
)
from kindlabs.expectations.answers import Text, answers
from kindlabs.expectations.named import NamedObject
from kindlabs.expectations.words import url_of
from kindlabs.expectations.workloads import Workload
from kindlabs.kube.endpoints import addresses_in, endpoints_of
from kindlabs.kube.objects import dig, is_ready
from kindlabs.waiting import Look


class Service(NamedObject):
    """One Service by name."""

    kind = "Service"

    @property
    def host(self) -> str:
        """Its DNS name inside the cluster."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def at(self, port: int) -> str:
        """The URL of its address, for which no name has to resolve: ``http://10.96.0.7:8080/``. Raises: LabError."""
        return url_of(self, dig(self.find(), "spec", "clusterIP"), port)

    def has_endpoints_of(self, workload: Workload, *, within: float | None = None) -> None:
        """The ready addresses of its EndpointSlices are exactly the addresses of the workload's Pods."""
        scene = self.lab.scene

        def look() -> Look:
            if self.is_external():  # Kubernetes leaves the EndpointSlices of its former type as they were
                return Look(False, "it is of type ExternalName")
            pods = {dig(pod, "status", "podIP") for pod in workload.pods}
            ready = {dig(pod, "status", "podIP") for pod in workload.pods if is_ready(pod)}
            if self.leads_to_strangers(workload) or not self.addresses(ready=False) <= pods:
                return Look(False, "it leads to Pods of others too")
            seen = f"{len(self.addresses() & ready)} of {len(ready)} Pods are endpoints"
            return Look(bool(ready) and self.addresses() == ready, seen)

        def why() -> Cause | None:
            found = why_no_endpoints(scene, self.name, self.namespace)
            return found or why_strangers(scene, self.name, self.namespace, workload.pods)

        expected = f"the endpoints of {self} are the Pods of {workload.name}"
        self.lab.expect_traffic(expected, look, why, within=within)

    def answers(
        self,
        path: str,
        *,
        times: int = 1,
        port: int = 80,
        saying: Text | None = None,
        shares: Mapping[str, tuple[float, float]] | None = None,
        from_pods_of: Workload | None = None,
        from_every_pod_of: Workload | None = None,
        within: float | None = None,
    ) -> None:
        """All of *times* requests from inside the cluster are answered.

        Args:
            saying: what each answer says: the whole text, or a pattern.
            shares: the texts that are answered, and the least and greatest share of each.
            from_pods_of: a workload whose Pods answer with their names, and nobody else.
            from_every_pod_of: the same; each of its Pods has to answer at least once.
        """
        wanted = answers(saying, shares, from_pods_of, from_every_pod_of)
        url = f"http://{self.host}{'' if port == 80 else f':{port}'}{path}"
        scene, space, bodies = self.lab.scene, self.namespace, list[str]()
        workload = from_pods_of or from_every_pod_of

        def look() -> Look:
            bodies.clear()
            if self.stale():
                return Look(False, f"the endpoints of {self} do not follow its selector yet")
            if workload and self.leads_to_strangers(workload):
                return Look(False, "it leads to Pods of others too")
            replies = self.lab.probe.get(self.host, port, path, times)
            bodies.extend(replies.bodies)
            return wanted.have_come(replies, times)

        def why() -> Cause | None:
            pods = workload.pods if workload else []
            return (
                why_service_does_not_answer(scene, self.name, space, port)
                or why_strangers(scene, self.name, space, pods)
                or (why_always_the_same(scene, self.name, space, pods) if from_every_pod_of else None)
                or wanted.why_others(url, bodies)
            )

        self.lab.expect_traffic(f"{times} of {times} answers from {url}, {wanted}", look, why, within=within)

    def addresses(self, *, ready: bool = True) -> set[str]:
        """The addresses of its EndpointSlices that stay; only those that are ready, unless *ready* is False."""
        return addresses_in(endpoints_of(self.lab.world, self.name, self.namespace), ready=ready)

    def leads_to_strangers(self, workload: Workload) -> bool:
        """Whether it selects a Pod that is none of the workload's, where that has any."""
        pods = workload.pods
        return bool(pods) and bool(strangers_behind(self.lab.scene, self.name, self.namespace, pods))

    def is_external(self) -> bool:
        """Whether its name leads out of the cluster, to no Pod."""
        return bool(dig(self.find(), "spec", "type") == "ExternalName")

    def stale(self) -> bool:
        """Whether its EndpointSlices still name Pods that its selector does not select."""
        selector = dig(self.find(), "spec", "selector")
        if not selector:
            return False
        chosen = {dig(p, "status", "podIP") for p in self.lab.world.list("Pod", self.namespace, selector)}
        return not self.addresses() <= chosen
