"""Whether the data plane has taken in what was applied.

The API server knows a change at once; kube-proxy and the Ingress controller follow a moment later, and answer as before
until then. A request in that moment would judge the submission before this one. So each run that changed something
sends a change of its own after it, on the same way, and trusts no answer until that one has arrived. A cluster where it
never arrives is broken: nobody is judged by answers to what was there before.
"""

from __future__ import annotations

import threading
import time

from kindlabs import faults
from kindlabs.errors import InfraError
from kindlabs.expectations.probe import Probe
from kindlabs.kube import probing
from kindlabs.kube.api import Api, ApiError
from kindlabs.kube.ownership import INSTRUCTOR_MANAGER

NAME = "barrier"
GIVE_UP = 30.0
"""Seconds; milliseconds are usual, and the control experiment has as many."""


class Barrier:
    """A change that follows the submission's through Service and Ingress.

    Args:
        ports: the host's ports of the Ingress controller; without one the Service alone is looked at.
    """

    def __init__(self, api: Api, probe: Probe, ports: dict[str, int]) -> None:
        self._api, self._probe, self._ports = api, probe, ports
        self._number = time.time_ns() // 1_000_000
        self._passed = threading.Event()
        self._lost = ""

    def send(self) -> None:
        """Apply the change, and watch for it in the background."""
        self._api.apply(probing.service(NAME, probing.PROBE, self._port, probing.PORT), manager=INSTRUCTOR_MANAGER)
        if "https" in self._ports:
            self._api.apply(probing.ingress(NAME, self._host), manager=INSTRUCTOR_MANAGER)
        threading.Thread(target=self._watch, daemon=True, name="barrier").start()

    def skip(self) -> None:
        """Nothing was changed: there is nothing to wait for."""
        self._passed.set()

    @property
    def passed(self) -> bool:
        """Whether answers are answers of what was applied.

        Raises: InfraError when the change did not come through within GIVE_UP seconds.
        """
        if self._lost:
            raise InfraError(self._lost)
        return self._passed.is_set()

    @property
    def _port(self) -> int:
        return 1024 + self._number % 60000

    @property
    def _host(self) -> str:
        return f"{NAME}-{self._number}.localhost"

    def _watch(self) -> None:
        try:
            self._follow()
        except Exception as error:  # a bug of ours; nobody is to wait for this thread
            self._lost = faults.keep(error)

    def _follow(self) -> None:
        until = time.monotonic() + GIVE_UP
        looks = {"Service": self._service_answers}
        if "https" in self._ports:
            looks["Ingress"] = self._ingress_answers
        while looks := {kind: look for kind, look in looks.items() if not look()}:
            if time.monotonic() > until:
                kinds = " and ".join(f"{kind} {NAME}" for kind in looks)
                self._lost = f"a change of {kinds} in {probing.NAMESPACE} has not come through within {GIVE_UP:g} s"
                return
            time.sleep(probing.LOOK_AGAIN)
        self._passed.set()

    def _service_answers(self) -> bool:
        try:
            return bool(self._probe.get(probing.host_of(NAME), self._port, "/hostname").bodies)
        except (ApiError, InfraError):  # whoever waits for the data plane finds out by itself that the cluster is gone
            return False

    def _ingress_answers(self) -> bool:
        return probing.why_not_reached(self._host, self._ports["https"]) is None
