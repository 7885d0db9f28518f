"""A validator's tests become verdicts; none of ours or the machine's faults becomes the learner's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.errors import LabError
from kindlabs.expectations import Lab
from kindlabs.plugin import JudgePlugin, judge
from kindlabs.record import CheckResult, Verdict
from kindlabs.waiting import Unmet

HEAD = """
from kindlabs import check
from kindlabs.errors import InfraError
from kindlabs.waiting import Unmet

def see(lab):
    lab.asserted += 1
"""


def run(tmp_path: Path, body: str, fault: str | None = None) -> dict[str, CheckResult]:
    """Judge a validator of this text; its lab only counts assertions."""
    validator = tmp_path / f"{tmp_path.name}_lab.py"  # Python keeps modules by name
    validator.write_text(HEAD + body)
    lab = cast("Lab", SimpleNamespace(asserted=0))

    def explain(result: CheckResult, error: Unmet) -> None:
        result.expected, result.observed = error.expected, error.observed

    plugin = JudgePlugin(lab, explain, lambda: fault, lambda _result: None)
    return {result.id: result for result in judge(validator, plugin)}


def test_asserted_and_true_passes(tmp_path: Path) -> None:
    """A check that asserted something true passes with its points, under its docstring."""
    found = run(tmp_path, '@check(points=3)\ndef test_it_is_so(lab):\n    """It is so."""\n    see(lab)\n')["it-is-so"]
    assert (found.verdict, found.points, found.max_points, found.title) == (Verdict.PASSED, 3, 3, "It is so.")


def test_asserting_nothing_is_the_labs_error(tmp_path: Path) -> None:
    """A check that looks at nothing is never green."""
    found = run(tmp_path, '@check(points=3)\ndef test_empty(lab):\n    """Empty."""\n')["empty"]
    assert (found.verdict, found.points) == (Verdict.LAB_ERROR, 0)
    assert "asserted nothing" in found.observed


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        ("raise Unmet('a', 'b', None)", Verdict.FAILED),
        ("assert 1 == 2", Verdict.FAILED),
        ("{}['missing']", Verdict.LAB_ERROR),
        ("raise InfraError('the node is gone')", Verdict.INFRA_ERROR),
    ],
)
def test_each_fault_has_its_verdict(statement: str, verdict: Verdict, tmp_path: Path) -> None:
    """An unmet expectation is the learner's, an exception the lab's, a broken cluster the machine's."""
    body = f'@check(points=1)\ndef test_x(lab):\n    """X."""\n    see(lab)\n    {statement}\n'
    found = run(tmp_path, body)["x"]
    assert (found.verdict, found.points) == (verdict, 0)
    assert found.observed


def test_a_failure_on_a_broken_cluster_is_the_clusters(tmp_path: Path) -> None:
    """Evidence of a broken cluster turns a failure into an infrastructure error, and all that follow."""
    body = (
        '@check(points=1)\ndef test_x(lab):\n    """X."""\n    raise Unmet("a", "b", None)\n'
        '@check(points=1)\ndef test_y(lab):\n    """Y."""\n    see(lab)\n'
    )
    found = run(tmp_path, body, fault="node labs-single is not running")
    assert [r.verdict for r in found.values()] == [Verdict.INFRA_ERROR, Verdict.INFRA_ERROR]
    assert found["x"].observed == found["y"].observed == "node labs-single is not running"


def test_unmet_needs_block(tmp_path: Path) -> None:
    """A check whose need failed is blocked, says by what, and blocks in turn."""
    body = (
        '@check(points=1)\ndef test_x(lab):\n    """X."""\n    raise Unmet("a", "b", None)\n'
        '@check(points=1, needs=[test_x])\ndef test_y(lab):\n    """Y."""\n    see(lab)\n'
        '@check(points=1, needs=[test_y])\ndef test_z(lab):\n    """Z."""\n    see(lab)\n'
        '@check(points=1)\ndef test_other(lab):\n    """Other."""\n    see(lab)\n'
    )
    found = run(tmp_path, body)
    assert [str(r.verdict) for r in found.values()] == ["failed", "blocked", "blocked", "passed"]
    assert found["y"].observed == "waits for x"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def test_plain(lab):\n    see(lab)\n", "without @check"),
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("x = 1\n", "no check in it"),
        ("@check(points=1)\ndef test_untitled(lab):\n    see(lab)\n", "docstring"),
    ],
)
def test_a_broken_validator_is_the_labs_error(body: str, said: str, tmp_path: Path) -> None:
    """A validator that cannot be loaded, holds no check, or holds a plain test is the lab's error."""
    with pytest.raises(LabError, match=said):
        run(tmp_path, body)


def test_interrupt_is_passed_on(tmp_path: Path) -> None:
    """Ctrl-C in a check ends the run, without a verdict."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, '@check(points=1)\ndef test_x(lab):\n    """X."""\n    raise KeyboardInterrupt\n')
