"""Whether the data plane has taken in what was applied.

The API server knows a change at once; kube-proxy and the Ingress controller follow a moment later, and answer as before
until then. A request in that moment would judge the submission before this one. So each run that changed something
sends a change of its own after it, on the same way, and trusts no answer until that one has arrived.
"""

from __future__ import annotations

import threading
import time

import httpx

from kindlabs.expectations.probe import NAMESPACE, Probe
from kindlabs.kube.api import Api, Object
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER

NAME = "barrier"
LOOK_AGAIN = 0.03
FIRST = {"traefik.ingress.kubernetes.io/router.priority": "1000000"}
"""Traefik takes the longest rule first, which one of the submission's for every host may be."""
GIVE_UP = 30.0
"""Seconds; a data plane that takes longer is found broken by the readiness probes, not by this one."""


class Barrier:
    """A change that follows the submission's through Service and Ingress.

    Args:
        ports: the host's ports of the Ingress controller; without one the Service alone is looked at.
    """

    def __init__(self, api: Api, probe: Probe, ports: dict[str, int]) -> None:
        self._api, self._probe, self._ports = api, probe, ports
        self._number = time.time_ns() // 1_000_000
        self._passed = threading.Event()

    def send(self) -> None:
        """Apply the change, and watch for it in the background."""
        self._api.apply(_service(self._port), manager=INSTRUCTOR_MANAGER)
        if "https" in self._ports and self._api.resource("IngressClass"):
            self._api.apply(ingress(NAME, self._host), manager=INSTRUCTOR_MANAGER)
        threading.Thread(target=self._follow, daemon=True, name="barrier").start()

    def skip(self) -> None:
        """Nothing was changed: there is nothing to wait for."""
        self._passed.set()

    @property
    def passed(self) -> bool:
        """Whether answers are answers of what was applied."""
        return self._passed.is_set()

    @property
    def _port(self) -> int:
        return 1024 + self._number % 60000

    @property
    def _host(self) -> str:
        return f"{NAME}-{self._number}.localhost"

    def _follow(self) -> None:
        until = time.monotonic() + GIVE_UP
        looks = [self._service_answers]
        if "https" in self._ports:
            looks.append(self._ingress_answers)
        while looks and time.monotonic() < until:
            looks = [look for look in looks if not look()]
            time.sleep(LOOK_AGAIN)
        self._passed.set()

    def _service_answers(self) -> bool:
        try:
            return bool(self._probe.get(f"{NAME}.{NAMESPACE}.svc.cluster.local", self._port, "/hostname").bodies)
        except Exception:  # whoever waits for the data plane finds out by itself that the cluster is gone
            return False

    def _ingress_answers(self) -> bool:
        url = f"https://127.0.0.1:{self._ports['https']}/hostname"
        try:
            with httpx.Client(verify=False, trust_env=False, timeout=2) as client:  # noqa: S501 the route matters here
                answer = client.get(url, headers={"Host": self._host}, extensions={"sni_hostname": self._host})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.text.startswith("probe-")  # not a rule for every host


def _service(port: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"selector": {"app": "probe"}, "ports": [{"port": port, "targetPort": 8080}]},
    }


def ingress(name: str, host: str) -> Object:
    """An Ingress of our own that leads *host* to the probe, before any rule of a submission."""
    backend = {"service": {"name": "probe", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": FIRST},
        "spec": {"ingressClassName": "traefik", "rules": [rule], "tls": [{"hosts": [host]}]},
    }
