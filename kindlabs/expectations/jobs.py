"""Expectations on work that ends: Jobs, and CronJobs that make them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from kindlabs.diagnosis import jobs as walks
from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.events import events_of, last_time
from kindlabs.expectations.words import state_of
from kindlabs.expectations.workloads import Workload
from kindlabs.kube import clock
from kindlabs.kube.api import Object
from kindlabs.kube.notes import key_of
from kindlabs.kube.objects import condition, dig, is_true, owner, owner_uids
from kindlabs.kube.work import exit_codes, most_at_once, said_by, succeeded
from kindlabs.kube.workloads import is_finished, made_of
from kindlabs.patience import ACTION_SECONDS, READY_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

TICK = timedelta(minutes=1)
"""The finest that a schedule can be."""


class Job(Workload):
    """One Job by name. What it and its Pods were counts, though its TTL may have taken them away by now."""

    kind = "Job"

    @property
    def pods(self) -> list[Object]:
        """All Pods that it has made in this run, those too that ended or are gone."""
        found = self._last()
        mine = (self.kind, self.name)
        uid = found["metadata"]["uid"] if found else ""
        pods = self.lab.world.ever("Pod", self.namespace)
        return [pod for pod in pods if owner(pod) == mine and uid in owner_uids(pod)]

    def completes(self, *, within: float | None = None) -> None:
        """It is Complete."""
        self._comes_to("is Complete", lambda job: Look(is_true(job, "Complete"), self._state(job)), within)

    def fails(
        self, reason: str, pods: int | None = None, *, code: int | None = None, within: float | None = None
    ) -> None:
        """It has failed for *reason*, as its condition says it, and made so many Pods, which ended with *code*."""

        def look(job: Object) -> Look:
            failed = condition(job, "Failed")
            made = len(self.pods)
            over = failed.get("status") == "True" and failed.get("reason") == reason
            ended = code is None or all(exit_codes(pod) == [code] for pod in self.pods)
            return Look(over and ended and pods in (None, made), f"{self._state(job)}; {_counted(made)} of it ran")

        def why(job: Object) -> Cause | None:
            other = walks.why_other_code(job, self.pods, code) if code is not None else None
            return other or walks.why_not_failed_for(job, self.pods, reason)

        much = f" after {_counted(pods)}" if pods is not None else ""
        self._comes_to(f"has failed with reason {reason}{much}", look, within, why)

    def tries_again_after(self, code: int, *, within: float | None = None) -> None:
        """A Job like it whose containers end with *code* is not given up after its first Pod."""
        self.lab.do(f"{self} is there", self.seen(lambda _: Look(True, "")), self.explained(lambda _: None))
        twin = Job(self.lab, f"{self.name}-code-{code}", self.namespace)

        def look() -> Look:
            job = twin.find() or {}
            given_up = is_true(job, "FailureTarget") or is_true(job, "Failed")
            tried = dig(job, "status", "failed", default=0) > 0 and not given_up
            return Look(tried, "it is given up" if given_up else "none of its Pods has ended")

        def why() -> Cause | None:
            found = self._last()
            return walks.why_given_up(found, code) if found else None

        self.lab.deadline.grant(READY_SECONDS)
        with _lent(self.lab, walks.ends_with(self.find() or {}, twin.name, code)):
            self.lab.expect(f"{self} tries again after exit code {code}", look, why, within=within)

    def did(self, work: Sequence[str], *, by: int = 1, within: float | None = None) -> None:
        """The lines of its Pods' termination messages are *work*, each once, in any order, of *by* Pods or more.

        Only Pods that succeeded count.
        """

        def look(job: Object) -> Look:
            said = {pod["metadata"]["name"]: said_by(pod) for pod in self.pods if succeeded(pod)}
            lines = [line for lines in said.values() for line in lines]
            workers = sum(bool(lines) for lines in said.values())
            seen = f"{_counted(len(said))} succeeded, and did {len(set(lines) & set(work))} of {len(work)}"
            return Look(is_true(job, "Complete") and sorted(lines) == sorted(work) and workers >= by, seen)

        def why(job: Object) -> Cause | None:
            return walks.why_not_done(self.lab.scene, job, self.pods, work, by)

        several = f", by {by} Pods or more" if by > 1 else ""
        self._comes_to(f"did {len(work)} pieces of work, each once{several}", look, within, why)

    def ran_in_parallel(self, least: int, most: int, *, within: float | None = None) -> None:
        """At some moment *least* of its Pods or more ran at once, and never more than *most*."""

        def look(job: Object) -> Look:
            at_once = most_at_once(self.pods)
            return Look(is_finished(job) and least <= at_once <= most, f"{_counted(at_once)} ran at once")

        def why(job: Object) -> Cause | None:
            return walks.why_not_parallel(self.lab.scene, job, self.pods, least, most)

        self._comes_to(f"ran {least} to {most} Pods at once", look, within, why)

    def is_cleaned_up(self, *, within: float | None = None) -> None:
        """It finished, and it and its Pods are gone: its TTL took them away, and nobody else."""

        def look() -> Look:
            last = self._last()
            if last is None or not is_finished(last):
                return Look(False, self._state(last) if last else f"no {self}")
            left = [p for p in self.pods if self.lab.world.get("Pod", p["metadata"]["name"], self.namespace)]
            gone = self.find() is None and not left
            return Look(gone, "it is gone" if gone else f"it is finished; it and {_counted(len(left))} are there")

        def why() -> Cause | None:
            last, scene = self._last(), self.lab.scene
            if last is None:
                return scene.missing(self.kind, self.name, self.namespace)
            return walks.why_kept(scene, last) or walks.why_unfinished(scene, last, self.pods)

        self.lab.deadline.grant(ACTION_SECONDS)
        self.lab.expect(f"{self} is removed after it finished", look, why, within=within)

    def _comes_to(
        self,
        what: str,
        look: Callable[[Object], Look],
        within: float | None,
        why: Callable[[Object], Cause | None] | None = None,
    ) -> None:
        """Wait until *look* at the Job as it was last is met; *why* is asked once nothing keeps it from running."""

        def see() -> Look:
            last = self._last()
            return look(last) if last else Look(False, f"no {self}")

        def explain() -> Cause | None:
            last = self._last()
            if last is None:
                return self.lab.scene.missing(self.kind, self.name, self.namespace)
            return (why(last) if why else None) or walks.why_unfinished(self.lab.scene, last, self.pods)

        self.lab.deadline.grant(ACTION_SECONDS)
        self.lab.expect(f"{self} {what}", see, explain, within=within)

    def _last(self) -> Object | None:
        return self.lab.world.last(self.kind, self.name, self.namespace)

    def _state(self, job: Object) -> str:
        for kind in ("Complete", "Failed"):
            if is_true(job, kind):
                reason = condition(job, kind).get("reason", "")
                return f"it is {kind}{f' ({reason})' if kind == 'Failed' else ''}"
        waiting = next((state_of(pod) for pod in self.pods if not succeeded(pod)), "")
        done, active = dig(job, "status", "succeeded", default=0), dig(job, "status", "active", default=0)
        return f"{active} Pods active, {done} succeeded{f'; {waiting}' if waiting else ''}"


class CronJob(Workload):
    """One CronJob by name."""

    kind = "CronJob"

    @property
    def jobs(self) -> list[Object]:
        """The Jobs that it has."""
        found = self.find()
        return made_of(self.lab.world, found, "Job") if found else []

    def fires(self, *, within: float | None = None) -> None:
        """Each minute is one of its schedule; when the last one is due, the controller makes a Job, and that succeeds.

        Nobody waits for the next minute: the CronJob is told that it was looked after two minutes ago last.
        """
        self._is_there()
        before, falls_due = self._fall_due()

        def look(cron_job: Object) -> Look:
            new = [job for job in self._ever() if job["metadata"]["uid"] not in before]
            done = [job for job in new if is_true(job, "Complete")]
            seen = f"{len(new)} Jobs were made, {len(done)} of them succeeded"
            return Look(bool(done) and walks.fires_each_minute(cron_job), seen)

        def why(cron_job: Object) -> Cause | None:
            new = [job for job in self._ever() if job["metadata"]["uid"] not in before]
            return walks.why_not_fired(self.lab.scene, cron_job, new, falls_due)

        self.lab.deadline.grant(READY_SECONDS)
        expected = f"a Job of {self} that was due succeeds"
        self.lab.expect(expected, self.seen(look), self.explained(why), within=within)

    def does_not_overlap(self, *, within: float | None = None) -> None:
        """While one of its Jobs is not over, the controller starts no second one, and leaves the first alone.

        A CronJob just like it is looked at: of one that has been there for long, its controller says no more after 25
        events (k8s.io/client-go, tools/record, EventSourceObjectSpamFilter).
        """
        with self._twin() as twin, twin._slow_job() as slow:
            before, since = twin._fall_due(but=slow)

            def look(cron_job: Object) -> Look:
                others = [job for job in twin._ever() if job["metadata"]["uid"] not in before]
                if others or self.lab.world.get("Job", slow, self.namespace) is None:
                    return Look(False, f"{len(others)} more were started")
                said = events_of(self.lab.scene, cron_job, "JobAlreadyActive")
                left = any(last_time(event) >= since for event in said)
                return Look(left, "none was started" if left else "the controller has not looked yet")

            self.lab.deadline.grant(READY_SECONDS)
            expected = f"while a Job of {self} runs, no second one is started"
            self.lab.expect(expected, twin.seen(look), self.explained(walks.why_overlapping), within=within)

    @contextlib.contextmanager
    def _twin(self) -> Iterator[CronJob]:
        """While the block runs there is another one just like it."""
        self._is_there()
        twin = CronJob(self.lab, f"{self.name}-twin", self.namespace)
        own = {"name": twin.name, "namespace": twin.namespace}
        spec = (self.find() or {})["spec"]
        with _lent(self.lab, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": own, "spec": spec}):
            yield twin

    def _is_there(self) -> None:
        """Wait for it: nothing can be done with one that is absent."""
        self.lab.do(f"{self} is there", self.seen(lambda _: Look(True, "")), self.explained(lambda _: None))

    def _fall_due(self, but: str = "") -> tuple[set[str], str]:
        """Let its controller find that it looked two minutes ago last.

        Jobs that it has, all *but* one, go first: of a minute there is one Job, by its name.

        Returns: the uids of the Jobs that it had, and the time at which this was done.
        """
        others = {job["metadata"]["name"] for job in self.jobs} - {but}
        for name in others:
            self.lab.api.delete("Job.batch", name, self.namespace)

        def look() -> Look:
            left = {job["metadata"]["name"] for job in self.jobs} & others
            return Look(not left, f"{len(left)} are still there")

        self.lab.do(f"former Jobs of {self} gone", look)
        before, now = {job["metadata"]["uid"] for job in self._ever()}, clock.now()
        status = {"status": {"lastScheduleTime": f"{now - 2 * TICK:%Y-%m-%dT%H:%M:%SZ}"}}
        self.lab.api.patch("CronJob.batch", self.name, self.namespace, status, subresource="status")
        return before, f"{now:%Y-%m-%dT%H:%M:%SZ}"

    @contextlib.contextmanager
    def _slow_job(self) -> Iterator[str]:
        """While the block runs it has a Job that is not over; its name."""
        self._is_there()
        job = walks.job_of(self.find() or {}, f"{self.name}-slow")
        with _lent(self.lab, job) as made:
            meta = made["metadata"]
            reference = {"apiVersion": "batch/v1", "kind": "Job", **{k: meta[k] for k in ("name", "namespace", "uid")}}
            status = {"status": {"active": [reference]}}
            self.lab.api.patch("CronJob.batch", self.name, self.namespace, status, subresource="status")
            yield meta["name"]

    def _ever(self) -> list[Object]:
        mine = (self.kind, self.name)
        return [job for job in self.lab.world.ever("Job", self.namespace) if owner(job) == mine]


@contextlib.contextmanager
def _lent(lab: Lab, manifest: Object) -> Iterator[Object]:
    """While the block runs there is an object of our own in the lab; it as it was made."""
    made = lab.api.create(manifest)
    try:
        yield made
    finally:
        lab.api.delete(*key_of(made))


def _counted(pods: int) -> str:
    return "one Pod" if pods == 1 else f"{pods} Pods"
