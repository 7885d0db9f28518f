"""`lab verify` and a validator under pytest, as an author types them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from typing_in import Type


def test_a_part_of_a_lab_proves_itself(typed: Type, tmp_path: Path) -> None:
    """One run is made, told in each form and remembered; the sum says how many there are a minute."""
    lab = ("lab", "verify", "01", "--shard", "3/13", "--jobs", "1")
    files = {form: tmp_path / form for form in ("json", "junit", "markdown")}
    options = [word for form, file in files.items() for word in (f"--{form}", str(file))]
    told = typed(f".venv/bin/{lab[0]}", *lab[1:], "--again", *options)
    assert told.code == 0, told.out + told.err
    assert "a minute" in told.out
    (run,) = json.loads(files["json"].read_text())["labs"][0]["runs"]
    assert (run["submission"], run["first"]["id"], run["faults"]) == ("no-such-tag", "pod-running", [])
    assert ElementTree.parse(files["junit"]).find("testsuite/testcase[@name='no-such-tag']") is not None
    assert "| 01-first-pod |" in files["markdown"].read_text()
    assert "1 remembered" in typed(f".venv/bin/{lab[0]}", *lab[1:]).out


def test_a_validator_runs_under_pytest(typed: Type, tmp_path: Path) -> None:
    """A selected check brings what it needs; the verdicts are pytest's results, with the cause and the points."""
    junit = tmp_path / "junit.xml"
    words = ("validators/test_01_first_pod.py", "-k", "comes_back or found_by_label", "--submission", "no-server")
    told = typed(".venv/bin/pytest", *words, f"--junitxml={junit}")
    assert told.code == 1, told.out + told.err
    assert "The container runs pause, which opens no port." in told.out
    assert "1 failed, 2 passed, 1 skipped" in told.out
    cases = {case.get("name"): case for case in ElementTree.parse(junit).iter("testcase")}
    assert set(cases) == {"test_pod_running", "test_serves_http", "test_found_by_label", "test_comes_back"}
    failed = cases["test_serves_http"]
    properties = {one.get("name"): one.get("value") for one in failed.iter("property")}
    assert properties["points"] == "0/3"
    assert properties["verdict"] == "failed"
    assert failed.find("failure") is not None
    assert "waits for serves-http" in str(cases["test_comes_back"].find("skipped").get("message"))  # type: ignore[union-attr]


def test_one_check_is_never_a_pass_of_the_whole(typed: Type) -> None:
    """It passes with code 0; the record counts it and what it needs, and its verdict is not `passed`."""
    told = typed(".venv/bin/lab", *["check", "01", "--submission", "solution", "--only", "serves-http", "--json", "-"])
    record = json.loads(told.out)
    assert (told.code, record["verdict"], record["only"]) == (0, "blocked", "serves-http")
    assert [check["id"] for check in record["checks"] if check["max_points"]] == ["pod-running", "serves-http"]
    assert (record["score"], record["max_score"]) == (5, 5)
    assert typed(".venv/bin/lab", "check", "01", "--only", "serves-htp").code == 2
