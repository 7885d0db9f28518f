"""A control experiment: the cluster is asked to do for us what a submission asks of it.

Objects say what ought to be. Whether scheduler, kubelet, controllers, kube-proxy, DNS, Ingress controller and
cert-manager work now shows only when something new goes through all of them. So before a learner is blamed, a Pod
behind a Service, an Ingress and a certificate request of our own do.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kindlabs import faults
from kindlabs.clusters.cluster import Cluster
from kindlabs.errors import InfraError, of_machine
from kindlabs.kube import probing
from kindlabs.kube.api import ApiError, ApiTimeout, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.kube.objects import condition, dig, is_true
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER
from kindlabs.kube.probing import ANSWER_SECONDS, NAMESPACE

FRESH_SECONDS = 5.0
"""For so long an experiment speaks for the cluster; after that another one is made."""
PATIENCE = 30.0
"""Seconds that something new may take: a second or three in a cluster that is well, more on a busy machine."""
NAME, EXPERIMENT = "control", "experiment"
"""Labels of ours: ``app: control`` for all experiments, ``experiment`` for one."""
CREATES = {
    "": (("", "pods"), ("apps", "deployments"), ("", "services")),
    "ingress": (("networking.k8s.io", "ingresses"),),
    "cert-manager": (("cert-manager.io", "certificates"),),
}
"""What learners may make, as (group, resource), by the add-on that brings it."""


class Control:
    """Experiments of one run.

    Args:
        namespaces: the lab's, where the learner must have her rights.
    """

    def __init__(self, cluster: Cluster, namespaces: Sequence[str]) -> None:
        self._cluster, self._namespaces = cluster, namespaces
        self._newest: _Experiment | None = None

    def doubt(self) -> None:
        """See that an experiment is going on or has just ended. Raises: InfraError when it failed."""
        known = self._current()
        if known.is_over and (found := known.result()):
            raise InfraError(found)

    def fault(self) -> str | None:
        """What did not come about, in one sentence; None when everything did."""
        return self._current().result()

    def close(self) -> None:
        """End what is going on, and leave nothing behind."""
        if self._newest is not None:
            self._newest.stop()

    def _current(self) -> _Experiment:
        if self._newest is None or self._newest.is_old:
            self._newest = _Experiment(self._cluster, self._namespaces)
            self._newest.start()
        return self._newest


class _Experiment(threading.Thread):
    def __init__(self, cluster: Cluster, namespaces: Sequence[str]) -> None:
        super().__init__(name="control", daemon=True)
        self._cluster, self._api, self._ports, self._addons = cluster, cluster.api, cluster.ports, cluster.addons
        self._namespaces = namespaces
        number = time.time_ns() // 1_000_000
        self._name = f"{NAME}-{number}"
        self._port = 20000 + number % 10000  # below NodePorts, above what nodes listen on
        self._sent: set[str] = set()
        self._known = threading.Event()
        self._over = threading.Event()
        self._fault: str | None = None
        self._ended: float | None = None

    @property
    def is_over(self) -> bool:
        return self._known.is_set()

    @property
    def is_old(self) -> bool:
        return self._ended is not None and time.monotonic() - self._ended > FRESH_SECONDS

    def result(self) -> str | None:
        self._known.wait()
        return self._fault

    def stop(self) -> None:
        self._over.set()
        self.join(ANSWER_SECONDS)

    def run(self) -> None:
        try:
            self._fault = self._cluster.fault() or self._try()
        except Exception as error:  # a bug of ours is no evidence; whoever waits for the result waits for this thread
            self._fault = faults.keep(error)
        self._ended = time.monotonic()
        self._known.set()
        self._clean_up()

    def _try(self) -> str | None:
        until = time.monotonic() + PATIENCE
        left: list[Callable[[], str | None]] = [self._rights, self._pod_answers]
        left += [self._ingress_routes] if "ingress" in self._addons else []
        left += [self._certificate_is_issued] if "cert-manager" in self._addons else []
        while left and not self._over.is_set():
            missing = [(part, text) for part in left if (text := _attempt(part))]
            left = [part for part, _ in missing]
            if missing and time.monotonic() > until:
                return missing[0][1]
            self._over.wait(probing.LOOK_AGAIN if left else 0)
        return None

    def _rights(self) -> str | None:
        """The learner may make what labs ask for."""
        things = [thing for addon, found in CREATES.items() if addon in ("", *self._addons) for thing in found]
        for namespace in self._namespaces:
            learner = self._api.acting_as(LEARNER)
            for group, resource in things:
                if not learner.may_create(group, resource, namespace):
                    return f"user {LEARNER.user} has lost the right to create {resource} in {namespace}"
        return None

    def _pod_answers(self) -> str | None:
        """A new Pod gets a node and starts, and a new Service leads to it by name."""
        if "Pod" not in self._sent:
            self._sweep()
            probe = self._api.get("Deployment", "probe", NAMESPACE)
            self._send(_pod(self._name, self._port, dig(probe, "spec", "template", "spec")))
            self._send(probing.service(self._name, {EXPERIMENT: self._name}, self._port, self._port))
        try:
            said = probing.dial(self._api, probing.host_of(self._name), self._port, timeout=ANSWER_SECONDS)
        except ApiError as error:  # the name does not resolve
            said = {"errors": [error.message]}
        except ApiTimeout:
            said = {"errors": [f"no answer within {ANSWER_SECONDS:g} s"]}
        return None if said.get("responses") else self._how_far(str(said.get("errors")))

    def _how_far(self, error: str) -> str | None:
        pod = self._api.get("Pod", self._name, NAMESPACE) or {}
        mine = f"Pod {self._name} of our own in {NAMESPACE}"
        if not dig(pod, "spec", "nodeName"):
            said = condition(pod, "PodScheduled").get("message", "the scheduler says nothing about it")
            # So many Pods are the submission's; that the scheduler has counted them is enough.
            return None if "Too many pods" in said else f"{mine} gets no node: {said}"
        if not is_true(pod, "Ready"):
            return f"{mine} does not start on node {pod['spec']['nodeName']}"
        return f"Service {self._name} of our own in {NAMESPACE} does not lead to its Pod, which is Ready: {error}"

    def _ingress_routes(self) -> str | None:
        """A new Ingress leads to the probe."""
        host = f"{self._name}.localhost"
        if "Ingress" not in self._sent:
            self._send(probing.ingress(self._name, host))
        missing = probing.why_not_reached(host, self._ports["https"])
        return missing and f"Ingress {self._name} of our own in {NAMESPACE} is not served: {missing}"

    def _certificate_is_issued(self) -> str | None:
        """ClusterIssuer lab-ca signs a new request."""
        if "CertificateRequest" not in self._sent:
            self._send(_request(self._name))
        request = self._api.get("CertificateRequest.cert-manager.io", self._name, NAMESPACE) or {}
        if is_true(request, "Ready"):
            return None
        said = condition(request, "Ready").get("message", "cert-manager says nothing about it")
        return f"ClusterIssuer lab-ca does not sign CertificateRequest {self._name} of our own in {NAMESPACE}: {said}"

    def _send(self, manifest: Object) -> None:
        self._api.apply(manifest, manager=INSTRUCTOR_MANAGER)
        self._sent.add(manifest["kind"])

    def _sweep(self) -> None:
        """A run that was killed may have left its Pod, which would listen for ever."""
        query = {"labelSelector": f"app={NAME}"}
        self._api.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods", query=query, body={"gracePeriodSeconds": 0})

    def _clean_up(self) -> None:
        for kind in sorted(self._sent):
            full = "CertificateRequest.cert-manager.io" if kind == "CertificateRequest" else kind
            with suppress(ApiError, InfraError):
                self._api.delete(full, self._name, NAMESPACE, grace=0 if kind == "Pod" else None)


def _attempt(part: Callable[[], str | None]) -> str | None:
    """What is still missing; what cluster or machine answered in place of it is the evidence. Raises: bugs of ours."""
    try:
        return part()
    except Exception as error:
        known = error if isinstance(error, InfraError | ApiError) else of_machine(error)
        if known is None:
            raise
        return f"{(part.__doc__ or '').rstrip('.')}: {known.message}"


def _pod(name: str, port: int, like: Object) -> Object:
    """A Pod of the probe's image, which asks for nothing: it fits beside whatever a submission runs.

    On the node's network its address is known at once, and not when the kubelet next looks at its containers.
    """
    (container,) = like["containers"]
    own = {key: container[key] for key in ("name", "image", "imagePullPolicy", "securityContext")}
    spec = {
        "containers": [own | {"args": ["netexec", f"--http-port={port}"]}],
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
    }
    return probing.own("v1", "Pod", name, spec, labels={"app": NAME, EXPERIMENT: name})


def _request(name: str) -> Object:
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(f"{name}.localhost")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    pem = csr.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    issuer = {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "lab-ca"}
    spec = {"request": base64.b64encode(pem).decode(), "issuerRef": issuer}
    return probing.own("cert-manager.io/v1", "CertificateRequest", name, spec, labels={"app": NAME})
