"""A cause is told at the learner's own line, through whatever made the object that is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from worlds import ObjectsWorld, thing

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.explaining import Explainer
from kindlabs.lint import Source
from kindlabs.record import CheckResult, Verdict
from kindlabs.waiting import Unmet

IMAGE = ("spec", "containers", 0, "image")


@pytest.mark.parametrize(
    ("owners", "place"),
    [
        ([("Job", "report-1"), ("CronJob", "report")], ("spec", "jobTemplate", "spec", "template", *IMAGE)),
        ([("Job", "squares")], ("spec", "template", *IMAGE)),
        ([("ReplicaSet", "web-5f"), ("Deployment", "web")], ("spec", "template", *IMAGE)),
        ([], IMAGE),
    ],
)
def test_a_pods_field_stands_in_what_the_learner_wrote(owners: list[tuple[str, str]], place: tuple[Any, ...]) -> None:
    """Pod, Job and CronJob: the field is looked up where it stands in the template."""
    chain = [("Pod", "one"), *owners]
    objects = [
        thing(kind, name, **({"owner": chain[at + 1]} if at + 1 < len(chain) else {}))
        for at, (kind, name) in enumerate(chain)
    ]
    asked: list[Any] = []

    def source(kind: str, name: str, _namespace: str, *field: Any) -> Source | None:
        asked.append((kind, name, field))
        return Source("work/08/report.yaml", 20) if (kind, name) == chain[-1] else None

    submission: Any = SimpleNamespace(source=source)
    explainer = Explainer(submission, cast("Any", ObjectsWorld(*objects)), "kubectl", ["lab-02"])
    result = CheckResult.without_points("cron-fires", "It fires.", Verdict.FAILED)
    explainer.explain(result, Unmet("it", "not it", about(objects[0], "NoImage", "There is no image.", IMAGE)))
    assert asked[-1] == (*chain[-1], place)
    assert result.cause is not None
    assert result.cause.source == {"file": "work/08/report.yaml", "line": 20}


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("NotHandedIn", "put code into work/02/answers.yaml, and run the same command again"),
        ("WrongAnswer", "mend work/02/answers.yaml, line 3, and run the same command again"),
    ],
)
def test_what_no_cluster_shows_is_written_somewhere(reason: str, step: str) -> None:
    """An answer has a next step, too: where it stands, or belongs."""
    place: Any = SimpleNamespace(findings=[], source=lambda *_: Source("work/02/answers.yaml", 3))
    explainer = Explainer(place, cast("Any", ObjectsWorld()), "kubectl", ["lab-02"])
    result = CheckResult("code", "It is so.", Verdict.FAILED, 0, 1)
    explainer.explain(result, Unmet("code", "nothing", Cause(reason, "answer", "code", "", "It is not right.")))
    assert result.next_step == step
