"""The record says one thing to every report, and its schema holds it to that."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from kindlabs.errors import LabError
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict, schema

DIGEST = "sha256:" + "0" * 64


def record(*verdicts: Verdict) -> Record:
    """A record with one check of each verdict."""
    checks = [
        CheckResult(f"check-{at}", "It is so.", v, 2 if v == Verdict.PASSED else 0, 2, observed="seen")
        for at, v in enumerate(verdicts)
    ]
    return Record(
        {"id": "03-x", "title": "X", "digest": DIGEST},
        {"path": "work/03", "digest": DIGEST, "findings": []},
        "2026-01-01T00:00:00+00:00",
        checks=checks,
    )


@pytest.mark.parametrize(
    ("verdicts", "whole", "code"),
    [
        ([Verdict.PASSED, Verdict.PASSED], Verdict.PASSED, 0),
        ([Verdict.PASSED, Verdict.FAILED, Verdict.BLOCKED], Verdict.FAILED, 1),
        ([Verdict.FAILED, Verdict.LAB_ERROR], Verdict.LAB_ERROR, 3),
        ([Verdict.LAB_ERROR, Verdict.INFRA_ERROR, Verdict.PASSED], Verdict.INFRA_ERROR, 3),
        ([], Verdict.LAB_ERROR, 3),
    ],
)
def test_the_gravest_verdict_counts(verdicts: list[Verdict], whole: Verdict, code: int) -> None:
    """A run is as grave as its gravest check; a run without checks is no pass."""
    found = record(*verdicts)
    assert (found.verdict, found.exit_code) == (whole, code)


def test_a_record_fits_its_schema() -> None:
    """What is written is what the schema describes, with a cause and without."""
    found = record(*Verdict)
    found.evidence = {"events": [], "logs": {}, "requests": [], "script": "1$ true\n"}
    found.checks[2].cause = CauseRecord("SelectsNoPod", "Service lab-03/web", "It selects nothing.", None, ["a", "b"])
    jsonschema.validate(found.as_dict(), schema(), cls=jsonschema.Draft202012Validator)
    assert found.as_dict()["score"] == 2
    assert found.as_dict()["max_score"] == 10


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.update(verdict="fine"),
        lambda body: body["checks"][0].update(cause="because"),
        lambda body: body["checks"][1].update(points=2),
        lambda body: body.pop("submission"),
        lambda body: body.update(extra=1),
    ],
)
def test_the_schema_refuses_what_is_no_record(spoil: object) -> None:
    """An unknown verdict, a cause in free text, points for a failure, a missing or an unknown key: all refused."""
    body = record(Verdict.PASSED, Verdict.FAILED).as_dict()
    spoil(body)  # type: ignore[operator]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, schema(), cls=jsonschema.Draft202012Validator)


def test_any_text_makes_json() -> None:
    """A file name that is no UTF-8 reaches Python as half a surrogate pair; the record stays JSON for every reader."""
    found = record(Verdict.FAILED)
    found.checks[0].observed = "a\udcffb\x00\x1b"
    assert json.loads(found.as_json().encode())["checks"][0]["observed"] == "a?b\x00\x1b"


def test_giving_up_counts_every_check(tmp_path: Path) -> None:
    """Why there is no verdict comes first, then each check that has none: one of the same id has its points too."""
    validator = tmp_path / "test_it.py"
    validator.write_text("@check(points=2)\ndef test_lab(lab): ...\n@check(points=3)\ndef test_more(lab): ...\n")
    heard: list[str] = []
    found = Record({}, {}, "", listener=lambda result: heard.append(result.id))
    found.give_up(validator, LabError("it is torn", "mend it"))
    assert [(c.id, str(c.verdict), c.max_points) for c in found.checks] == [
        ("lab", "lab_error", 0),
        ("lab", "lab_error", 2),
        ("more", "lab_error", 3),
    ]
    assert heard == ["lab", "lab", "more"]
    assert (found.checks[0].observed, found.checks[0].next_step) == ("it is torn", "mend it")
