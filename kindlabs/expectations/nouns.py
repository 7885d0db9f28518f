"""What a validator can name in a namespace: ``lab.pod("web")``, ``lab.namespace("lab-15-ops").pod("monitor")``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kindlabs.expectations.certificates import IssuedSecret
from kindlabs.expectations.ingress import Website
from kindlabs.expectations.jobs import CronJob, Job
from kindlabs.expectations.named import AnyObject
from kindlabs.expectations.pods import Pod, Pods
from kindlabs.expectations.services import Service
from kindlabs.expectations.storage import Claim
from kindlabs.expectations.workloads import DaemonSet, Deployment, StatefulSet

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab


class Nouns:
    """The objects of one namespace, each by its name; they need not be there."""

    def _here(self) -> tuple[Lab, str]:
        """The lab, and the name of the namespace."""
        raise NotImplementedError

    def deployment(self, name: str) -> Deployment:
        """Deployment *name*."""
        lab, space = self._here()
        return Deployment(lab, name, space)

    def stateful_set(self, name: str) -> StatefulSet:
        """StatefulSet *name*."""
        lab, space = self._here()
        return StatefulSet(lab, name, space)

    def daemon_set(self, name: str) -> DaemonSet:
        """DaemonSet *name*."""
        lab, space = self._here()
        return DaemonSet(lab, name, space)

    def job(self, name: str) -> Job:
        """Job *name*."""
        lab, space = self._here()
        return Job(lab, name, space)

    def cron_job(self, name: str) -> CronJob:
        """CronJob *name*."""
        lab, space = self._here()
        return CronJob(lab, name, space)

    def pod(self, name: str) -> Pod:
        """Pod *name*."""
        lab, space = self._here()
        return Pod(lab, name, space)

    def pods(self, **labels: str) -> Pods:
        """The Pods that carry all of *labels*: ``lab.pods(app="hello", tier="front")``."""
        lab, space = self._here()
        return Pods(lab, labels, space)

    def service(self, name: str) -> Service:
        """Service *name*."""
        lab, space = self._here()
        return Service(lab, name, space)

    def secret(self, name: str) -> IssuedSecret:
        """Secret *name*, which is to hold a certificate."""
        lab, space = self._here()
        return IssuedSecret(lab, name, space)

    def claim(self, name: str) -> Claim:
        """PersistentVolumeClaim *name*."""
        lab, space = self._here()
        return Claim(lab, name, space)

    def https(self, host: str) -> Website:
        """``https://host`` as a browser on the host reaches it: through the Ingress controller's mapped port."""
        lab, space = self._here()
        return Website(lab, host, space)

    def object(self, kind: str, name: str) -> AnyObject:
        """An object of whatever kind: ``lab.object("ConfigMap", "settings")``."""
        lab, space = self._here()
        return AnyObject(lab, kind, name, space)


class Namespace(Nouns):
    """One namespace of a lab."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._lab, self._name = lab, name

    def _here(self) -> tuple[Lab, str]:
        return self._lab, self._name
