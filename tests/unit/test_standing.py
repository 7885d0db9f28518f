"""What a run leaves as it is: work that ends is done anew, and work that ended well is no trouble to who made it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from worlds import thing

from kindlabs.kube.notes import key_of
from kindlabs.kube.standing import Standing, print_of


class Learner:
    """A server on which applying changes nothing."""

    def apply(self, manifest: Any, *, manager: str, dry_run: bool) -> Any:
        """The object as it is."""
        return manifest


def moved(*objects: Any, manifests: tuple[Any, ...]) -> set[str]:
    """The names of *manifests* that are made anew, where nothing was changed since the run before."""
    there = {key_of(found): found for found in objects}
    noted = {key_of(manifest): print_of(manifest, there) for manifest in manifests}
    return {key.name for key in Standing(cast("Any", Learner()), there).moved(manifests, noted, ())}


def of(api: str, kind: str, name: str, **more: Any) -> Any:
    """An object of an API group."""
    return thing(kind, name, **more) | {"apiVersion": api}


def test_a_job_is_done_anew() -> None:
    """A Job that nobody changed is made anew, finished or not: no run judges what another one did."""
    done = of("batch/v1", "Job", "squares", spec={}, status={"conditions": [{"type": "Complete", "status": "True"}]})
    assert moved(done, manifests=(done,)) == {"squares"}


@pytest.mark.parametrize(("phase", "rests"), [("Succeeded", True), ("Failed", False), ("Running", False)])
def test_a_cronjob_rests_when_its_work_is_done(phase: str, rests: bool) -> None:
    """When something else changed, a CronJob is made anew only if a Pod of it is at work or failed."""
    cron = of(
        "batch/v1", "CronJob", "report", spec={"jobTemplate": {"spec": {"template": {"spec": {"containers": []}}}}}
    )
    job = of("batch/v1", "Job", "report-1", spec={})
    job["metadata"]["ownerReferences"] = [{"kind": "CronJob", "name": "report", "uid": "report", "controller": True}]
    pod = of("v1", "Pod", "report-1-x", status={"phase": phase})
    pod["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "report-1", "uid": "report-1", "controller": True}]
    other = of("batch/v1", "Job", "squares", spec={})
    assert ("report" in moved(cron, job, pod, other, manifests=(cron, other))) is not rests


@pytest.mark.parametrize(("phase", "rests"), [("Bound", True), ("Available", True), ("Released", False)])
def test_a_volume_that_lost_its_claim_is_made_anew(phase: str, rests: bool) -> None:
    """It never finds another one; where it goes, so does the claim that is bound to it, which would be lost."""
    volume = of("v1", "PersistentVolume", "fast-0", spec={}, status={"phase": phase})
    del volume["metadata"]["namespace"]
    claim = of("v1", "PersistentVolumeClaim", "fast", spec={"volumeName": "fast-0"}, status={"phase": "Bound"})
    other = of("batch/v1", "Job", "squares", spec={})
    again = moved(volume, claim, other, manifests=(volume, claim, other))
    assert ("fast-0" in again) is not rests


def test_a_claim_goes_with_its_volume() -> None:
    """A volume that is handed in otherwise is made anew, and so is the claim that is bound to it."""
    volume = of("v1", "PersistentVolume", "fast-0", spec={}, status={"phase": "Bound"})
    del volume["metadata"]["namespace"]
    claim = of("v1", "PersistentVolumeClaim", "fast", spec={"volumeName": "fast-0"}, status={"phase": "Bound"})
    there = {key_of(found): found for found in (volume, claim)}
    noted = {key_of(volume): "another", key_of(claim): print_of(claim, there)}
    found = Standing(cast("Any", Learner()), there).moved([volume, claim], noted, ())
    assert {key.name for key in found} == {"fast-0", "fast"}
