"""Why a Job has not ended as it should, or a CronJob makes none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.crashes import how_it_ended
from kindlabs.diagnosis.events import newest, said
from kindlabs.diagnosis.pods import why_pod_not_ready
from kindlabs.diagnosis.workloads import why_pods_refused
from kindlabs.kube import clock
from kindlabs.kube.api import Object
from kindlabs.kube.objects import age, condition, dig, owner_uids, statuses
from kindlabs.kube.schedules import is_each_minute, next_times
from kindlabs.kube.work import exit_codes, most_at_once, said_by, succeeded
from kindlabs.kube.workloads import is_finished
from kindlabs.patience import MADE_SECONDS

NOT_INDEXED: Field = ("spec", "completionMode")


def why_unfinished(scene: Scene, job: Object, pods: Sequence[Object]) -> Cause | None:
    """What keeps a Job from being Complete; None when it is, or is only on its way."""
    found = _suspended(job) or _failed(scene, job, pods) or why_pods_refused(scene, job) or _stuck(scene, job, pods)
    return found.behind(f"Job {job['metadata']['name']} is not Complete") if found else None


def why_not_failed_for(job: Object, pods: Sequence[Object], reason: str) -> Cause | None:
    """Why a Job has not failed for *reason*: it succeeded, it is tried again, or it gave up for another."""
    name, failed = job["metadata"]["name"], condition(job, "Failed")
    codes = sorted({code for pod in pods for code in exit_codes(pod) if code})
    if reason == "PodFailurePolicy" and codes and failed.get("reason") != reason:
        limit = dig(job, "spec", "backoffLimit", default=6)
        code, rules = codes[0], dig(job, "spec", "podFailurePolicy", "rules", default=[])
        fate = f"backoffLimit lets the Job try it again, {limit} times"
        if rules:
            text = f"No rule of Job {name}'s podFailurePolicy ends it at exit code {code}; {fate}."
            return about(job, "CodeNotRuled", text, ("spec", "podFailurePolicy", "rules"))
        text = f"Job {name} has no podFailurePolicy for exit code {code}; {fate}."
        return about(job, "CodeNotRuled", text, ("spec", "podFailurePolicy"))
    if is_finished(job):
        how = f"has failed with reason {failed['reason']}" if failed.get("status") == "True" else "is Complete"
        return about(job, "EndedOtherwise", f"Job {name} {how}; it should have failed with reason {reason}.", ("spec",))
    return None


def why_other_code(job: Object, pods: Sequence[Object], wanted: int) -> Cause | None:
    """Why the Pods of a Job end with another code than *wanted*."""
    other = next((code for pod in pods for code in exit_codes(pod) if code != wanted), None)
    if other is None:
        return None
    text = f"The Pods of Job {job['metadata']['name']} end with code {other}; expected {wanted}."
    return about(job, "OtherCode", text, _command_of(job))


def why_given_up(job: Object, code: int) -> Cause | None:
    """What ends a Job at exit code *code*: the first rule of its podFailurePolicy that fits, or a backoffLimit of 0."""
    for at, rule in enumerate(dig(job, "spec", "podFailurePolicy", "rules", default=[])):
        codes = rule.get("onExitCodes")
        if not codes or (code in codes["values"]) != (codes["operator"] == "In"):
            continue
        if rule["action"] != "FailJob":
            return None
        values = ", ".join(map(str, codes["values"]))
        text = f"A rule of Job {job['metadata']['name']}'s podFailurePolicy ends it at exit code {code}, too"
        field = ("spec", "podFailurePolicy", "rules", at, "onExitCodes")
        return about(job, "CodeRuled", f"{text}: its operator is {codes['operator']}, its values {values}.", field)
    if dig(job, "spec", "backoffLimit", default=6):
        return None
    text = f"Job {job['metadata']['name']} tries nothing again: its backoffLimit is 0."
    return about(job, "NoBackoff", text, ("spec", "backoffLimit"))


def why_not_done(scene: Scene, job: Object, pods: Sequence[Object], work: Sequence[str], by: int) -> Cause | None:
    """Why the Pods of a Job have not done each piece of *work* once."""
    found = why_unfinished(scene, job, pods) or _not_indexed(job, pods)
    if found or not is_finished(job):
        return found
    name, done = job["metadata"]["name"], {p["metadata"]["name"]: said_by(p) for p in pods if succeeded(p)}
    lines = [line for said_lines in done.values() for line in said_lines]
    wanted = dig(job, "spec", "completions")
    twice = sorted({line for line in lines if lines.count(line) > 1})
    missing = [piece for piece in work if piece not in lines]
    who = f"The {len(done)} Pods of Job {name}" if len(done) != 1 else f"The one Pod of Job {name}"
    if twice:
        return about(job, "DoneTwice", f"{who} did {twice[0]!r} {lines.count(twice[0])} times.", _command_of(job))
    if missing and not lines:
        text = f"{who} wrote nothing to /dev/termination-log."
        return about(job, "NothingDone", text, _command_of(job))
    if missing:
        each = {len(own) for own in done.values()}
        how = "did one piece of work each" if each == {1} and len(done) > 1 else f"did {len(lines)} of {len(work)}"
        text = f"{who} {how}; {len(missing)} of {len(work)} {'is' if len(missing) == 1 else 'are'} left."
        indexed = dig(job, "spec", "completionMode") == "Indexed"
        field: Field = ("spec", "completions") if indexed and wanted != len(work) else _command_of(job)
        return about(job, "WorkLeft", text, field)
    strange = [line for line in lines if line not in work]
    if strange:
        return about(job, "OtherWork", f"{who} wrote {strange[0]!r}, which nobody asked for.", _command_of(job))
    workers = sum(bool(own) for own in done.values())
    if workers < by:
        few = "one Pod" if workers == 1 else f"{workers} Pods"
        asked = dig(job, "spec", "parallelism", default=1)
        if asked < by and len(done) == workers:
            text = f"Only {few} of Job {name} did anything; {by} or more should: its parallelism is {asked}."
            return about(job, "TooFewWorkers", text, ("spec", "parallelism"))
        text = f"Of the {len(done)} Pods of Job {name} only {workers} did anything; {by} or more should."
        return about(job, "TooFewWorkers", text, _command_of(job))
    return None


def why_not_parallel(scene: Scene, job: Object, pods: Sequence[Object], least: int, most: int) -> Cause | None:
    """Why fewer Pods of a Job than *least* ran at once, or more than *most*."""
    asked, name = dig(job, "spec", "parallelism", default=1), job["metadata"]["name"]
    at_once = most_at_once(pods)
    if at_once > most or (asked > most and is_finished(job)):
        text = f"{at_once} Pods of Job {name} ran at once: its parallelism is {asked}; {most} is the most."
        return about(job, "TooParallel", text, ("spec", "parallelism"))
    if asked < least:
        runs = "Only one Pod" if at_once <= 1 else f"Only {at_once} Pods"
        text = f"{runs} of Job {name} ran at a time: its parallelism is {asked}."
        return about(job, "NotParallel", text, ("spec", "parallelism"))
    if is_finished(job) and at_once < least:
        text = f"Only {at_once} Pods of Job {name} ran at once, though its parallelism is {asked}: each ends too soon."
        return about(job, "NotParallel", text, _command_of(job))
    return why_unfinished(scene, job, pods)


def why_kept(scene: Scene, job: Object) -> Cause | None:
    """Why a Job is not removed once it is over, or not in time."""
    ttl, name = dig(job, "spec", "ttlSecondsAfterFinished"), job["metadata"]["name"]
    if ttl is None:
        text = f"Nobody removes Job {name} once it is over: ttlSecondsAfterFinished is not set."
        return about(job, "NoTtl", text, ("spec", "ttlSecondsAfterFinished"))
    over = condition(job, "Complete") or condition(job, "Failed")
    if not is_finished(job) or ttl - age(over.get("lastTransitionTime")) <= scene.remaining():
        return None
    text = f"Job {name} is removed {ttl} s after it finished; nobody waits for so long."
    return about(job, "LongTtl", text, ("spec", "ttlSecondsAfterFinished"))


def fires_each_minute(cron_job: Object) -> bool:
    """Whether each minute of the hour that comes is one of a CronJob's schedule, and it is not suspended."""
    spec = cron_job["spec"]
    return not spec.get("suspend") and is_each_minute(spec["schedule"], spec.get("timeZone"), clock.now())


def why_not_fired(scene: Scene, cron_job: Object, jobs: Sequence[Object], since: str) -> Cause | None:
    """Why a CronJob that falls due has no Job that succeeded."""
    name, spec = cron_job["metadata"]["name"], cron_job["spec"]
    if spec.get("suspend"):
        return about(cron_job, "Suspended", f"CronJob {name} is suspended.", ("spec", "suspend"), written=True)
    if not fires_each_minute(cron_job):
        times = next_times(spec["schedule"], spec.get("timeZone"), clock.now(), 1)
        when = f"it fires next at {times[0]:%Y-%m-%d %H:%M}" if times else "it never fires"
        text = f"The schedule of CronJob {name}, {spec['schedule']!r}, is not each minute; {when}."
        return about(cron_job, "SparseSchedule", text, ("spec", "schedule"), written=True)
    for job in jobs:
        uid, namespace = job["metadata"]["uid"], job["metadata"]["namespace"]
        pods = [pod for pod in scene.world.ever("Pod", namespace) if uid in owner_uids(pod)]
        if found := why_unfinished(scene, job, pods):
            return found
    if not jobs and age(since) > MADE_SECONDS:
        return _none_made(scene, cron_job)
    return None


def why_overlapping(cron_job: Object) -> Cause | None:
    """Why a second Job starts while the first still runs, or the first is ended for its sake."""
    policy, name = dig(cron_job, "spec", "concurrencyPolicy", default="Allow"), cron_job["metadata"]["name"]
    field = ("spec", "concurrencyPolicy")
    if policy == "Allow":
        text = f"A second Job of CronJob {name} started while the first still ran: its concurrencyPolicy is Allow."
        return about(cron_job, "Overlaps", text, field)
    if policy == "Replace":
        text = f"CronJob {name} ended a Job that still ran, to start the next: its concurrencyPolicy is Replace."
        return about(cron_job, "Replaces", text, field)
    return None


def uses_index(job: Object) -> bool:
    """Whether a container of a Job reads JOB_COMPLETION_INDEX."""
    return "JOB_COMPLETION_INDEX" in str(dig(job, "spec", "template", "spec", "containers"))


def job_of(cron_job: Object, name: str) -> Object:
    """A Job of a CronJob as its controller would make one, which does nothing for now: it is suspended."""
    meta, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    owned = {"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"], "controller": True}
    own: dict[str, Any] = {"name": name, "namespace": meta["namespace"], "ownerReferences": [owned]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": own, "spec": template["spec"] | {"suspend": True}}


def ends_with(job: Object, name: str, code: int) -> Object:
    """The manifest of a Job like *job* whose containers do nothing but end with *code*."""
    spec = {key: value for key, value in job["spec"].items() if key not in ("selector", "manualSelector", "suspend")}
    pod = spec["template"]["spec"]
    ending = [{**c, "command": ["sh", "-c", f"exit {code}"], "args": []} for c in pod["containers"]]
    template = {"spec": pod | {"containers": ending}}
    own = {"name": name, "namespace": job["metadata"]["namespace"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": own, "spec": spec | {"template": template}}


def _none_made(scene: Scene, cron_job: Object) -> Cause | None:
    """What the controller says of a CronJob for which it makes no Job."""
    name = cron_job["metadata"]["name"]
    event = newest(scene, cron_job, "FailedCreate", "FailedNeedsStart", "UnParseableCronJobSchedule", "MissSchedule")
    deadline = dig(cron_job, "spec", "startingDeadlineSeconds")
    if event:
        text = f"CronJob {name} makes no Job: {said(event).rstrip('.')}."
        return about(cron_job, "NoJobMade", text, ("spec", "jobTemplate"))
    if deadline is not None and deadline < timedelta(minutes=1).total_seconds():
        text = f"CronJob {name} starts nothing that is {deadline} s late: startingDeadlineSeconds is too short."
        return about(cron_job, "DeadlineTooShort", text, ("spec", "startingDeadlineSeconds"))
    return None


def _not_indexed(job: Object, pods: Sequence[Object]) -> Cause | None:
    """A Job whose Pods ask for their number, and get none: one that has ended says what all will."""
    if dig(job, "spec", "completionMode") == "Indexed" or not uses_index(job) or not any(map(succeeded, pods)):
        return None
    name = job["metadata"]["name"]
    text = f"JOB_COMPLETION_INDEX is not set: Job {name} is not Indexed, so each of its Pods does the same."
    return about(job, "NotIndexed", text, NOT_INDEXED)


def _suspended(job: Object) -> Cause | None:
    if not dig(job, "spec", "suspend"):
        return None
    return about(job, "Suspended", f"Job {job['metadata']['name']} is suspended.", ("spec", "suspend"), written=True)


def _failed(scene: Scene, job: Object, pods: Sequence[Object]) -> Cause | None:
    """A Job that has given up: for its deadline, or because its Pods failed."""
    failed, name = condition(job, "Failed"), job["metadata"]["name"]
    if failed.get("status") != "True":
        return None
    reason, words = failed.get("reason", ""), str(failed.get("message") or failed.get("reason")).rstrip(".")
    if reason == "DeadlineExceeded":
        text = f"Job {name} was given up after {dig(job, 'spec', 'activeDeadlineSeconds')} s: activeDeadlineSeconds."
        return about(job, "DeadlineExceeded", text, ("spec", "activeDeadlineSeconds"))
    crashed = _tried_again(scene, job, pods)
    if crashed:
        return about(job, "JobFailed", f"Job {name} has failed ({reason}). {crashed.message}", _command_of(job))
    return about(job, "JobFailed", f"Job {name} has failed: {words}.", ("spec",))


def _stuck(scene: Scene, job: Object, pods: Sequence[Object]) -> Cause | None:
    """What keeps a Pod from running its course; one that succeeded is no trouble, one that failed is tried again."""
    causes = [c for p in pods if not succeeded(p) and (c := why_pod_not_ready(scene, p))]
    other = [c for c in causes if c.reason not in ("ContainerEnded", "CrashLoop")]
    found = min(other, key=lambda c: not c.final, default=None)
    return found or _tried_again(scene, job, pods)


def _tried_again(scene: Scene, job: Object, pods: Sequence[Object]) -> Cause | None:
    """Containers that failed; twice is no chance, and a Job waits 10 s, 20 s, 40 s before it tries again."""
    ends = [(pod, status, ended) for pod in pods for status in statuses(pod) if (ended := _failure(status))]
    if not ends:
        return None
    tries = len(ends) + sum(status.get("restartCount", 0) for _, status, _ in ends)
    return about(job, "CrashLoop", how_it_ended(scene, *ends[-1]), _command_of(job), final=tries > 1)


def _failure(status: Object) -> Object | None:
    """How a container ended last, where it did not end well."""
    ended = dig(status, "state", "terminated") or dig(status, "lastState", "terminated")
    return ended if ended and ended.get("exitCode") else None


def _command_of(job: Object) -> Field:
    container = dig(job, "spec", "template", "spec", "containers", 0, default={})
    return ("spec", "template", "spec", "containers", 0, "args" if container.get("args") else "command")
