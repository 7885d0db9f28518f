"""A validator's tests become verdicts; none of ours or the machine's faults becomes the learner's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.diagnosis.cause import Cause
from kindlabs.errors import InfraError, LabError
from kindlabs.expectations import Lab
from kindlabs.plugin import ChecksPlugin, run_checks
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.waiting import Unmet

HEAD = """
import pytest

from kindlabs import check
from kindlabs.errors import InfraError
from kindlabs.waiting import Unmet

def see(lab):
    lab.asserted += 1
"""


def run(
    tmp_path: Path, body: str, fault: str | None = None, fault_when_blamed: str | None = None
) -> dict[str, CheckResult]:
    """Judge a validator of this text, by check."""
    return {result.id: result for result in run_all(tmp_path, body, fault, fault_when_blamed)}


def run_all(
    tmp_path: Path, body: str, fault: str | None = None, fault_when_blamed: str | None = None
) -> list[CheckResult]:
    """Judge a validator of this text; its lab only counts assertions.

    Args:
        fault: what is always broken; *fault_when_blamed*: what an experiment would find broken.
    """
    validator = tmp_path / f"{tmp_path.name}_lab.py"  # Python keeps modules by name
    validator.write_text(HEAD + body)
    lab = cast("Lab", SimpleNamespace(asserted=0))

    def explain(result: CheckResult, error: Unmet) -> None:
        result.expected, result.observed = error.expected, error.observed

    def rule_out_faults(blames: bool) -> None:
        if found := fault or (fault_when_blamed if blames else None):
            raise InfraError(found)

    record = Record({}, {}, "")
    run_checks(validator, ChecksPlugin(lab, explain, rule_out_faults, record))
    return record.checks


def test_asserted_and_true_passes(tmp_path: Path) -> None:
    """A check that asserted something true passes with its points, under its docstring."""
    found = run(tmp_path, '@check(points=3)\ndef test_it_is_so(lab):\n    """It is so."""\n    see(lab)\n')["it-is-so"]
    assert (found.verdict, found.points, found.max_points, found.title) == (Verdict.PASSED, 3, 3, "It is so.")


@pytest.mark.parametrize(("written", "verdict"), [(True, Verdict.FAILED), (False, Verdict.INFRA_ERROR)])
def test_what_is_written_wrong_needs_no_experiment(tmp_path: Path, written: bool, verdict: Verdict) -> None:
    """A cause that stands in the manifest itself is no matter of what the cluster can do; any other one may be."""
    cause = f'Cause("R", "Pod", "web", "lab-01", "It is so.", written={written})'
    body = "from kindlabs.diagnosis.cause import Cause\n"
    body += f'@check(points=1)\ndef test_it(lab):\n    """It."""\n    see(lab)\n    raise Unmet("a", "b", {cause})\n'
    assert run(tmp_path, body, fault_when_blamed="broken")["it"].verdict is verdict


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
        ("pytest.fail('it is not so')", Verdict.FAILED),
        ("{}['missing']", Verdict.LAB_ERROR),
        ("pytest.skip('not today')", Verdict.LAB_ERROR),
        ("pytest.xfail('known')", Verdict.LAB_ERROR),
        ("pytest.importorskip('nothing_of_this_name')", Verdict.LAB_ERROR),
        ("pytest.exit('enough', returncode=0)", Verdict.LAB_ERROR),
        ("raise SystemExit(0)", Verdict.LAB_ERROR),
        ("raise BaseException('odd')", Verdict.LAB_ERROR),
        ("import os; os._exit(0)", Verdict.LAB_ERROR),
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
    """Evidence of a broken cluster turns a failure into an infrastructure error, and all that follow point to it."""
    body = (
        '@check(points=1)\ndef test_x(lab):\n    """X."""\n    raise Unmet("a", "b", None)\n'
        '@check(points=1)\ndef test_y(lab):\n    """Y."""\n    see(lab)\n'
    )
    found = run(tmp_path, body, fault="node labs-single is not running")
    assert [r.verdict for r in found.values()] == [Verdict.INFRA_ERROR, Verdict.INFRA_ERROR]
    assert (found["x"].observed, found["y"].observed) == ("node labs-single is not running", "not judged, see x")


@pytest.mark.parametrize(("error", "verdict"), [("InfraError", Verdict.INFRA_ERROR), ("LabError", Verdict.LAB_ERROR)])
def test_advice_comes_along(error: str, verdict: Verdict, tmp_path: Path) -> None:
    """What whoever gives up advises is in the result, beside what was found and not in it."""
    body = f"""from kindlabs.errors import {error}\n@check(points=1)
def test_x(lab):\n    "X."\n    raise {error}("the CA is gone", "make clean")\n"""
    found = run(tmp_path, body)["x"]
    assert (found.verdict, found.observed, found.next_step) == (verdict, "the CA is gone", "make clean")


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
        ("pytest.skip('not today', allow_module_level=True)\n", "not today"),
        ("pytest.exit('enough', returncode=0)\n", "enough"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("import os; os._exit(0)\n", "os._exit"),
        ('@check(points=1)\nasync def test_later(lab):\n    """Later."""\n', "a check is a function"),
        ("def test_plain(lab):\n    see(lab)\n", "without @check"),
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("x = 1\n", "no check in it"),
        ("@check(points=1)\ndef test_untitled(lab):\n    see(lab)\n", "docstring"),
        ('@check(points=1)\ndef test_steady(lab):\n    """Steady."""\n    see(lab)\n', "every run has a check"),
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


GOOD = '@check(points=2)\ndef test_good(lab):\n    """Good."""\n    see(lab)\n'
ODD = '@check(points=3)\ndef test_odd(lab{}):\n    """Odd."""\n    see(lab)\n'


@pytest.mark.parametrize(
    "odd",
    [
        ODD.format(", no_such_fixture"),
        "@pytest.mark.skip(reason='not today')\n" + ODD.format(""),
        "@pytest.mark.skipif(True, reason='not today')\n" + ODD.format(""),
        "@pytest.mark.xfail(run=False)\n" + ODD.format(""),
        "@pytest.mark.parametrize('number', [1, 2])\n" + ODD.format(", number"),
        "@pytest.mark.parametrize('number', [])\n" + ODD.format(", number"),
        "@pytest.fixture\ndef torn():\n    yield\n    raise OSError('not undone')\n" + ODD.format(", torn"),
        "@pytest.fixture\ndef torn():\n    yield\n    assert False\n" + ODD.format(", torn"),
        "@pytest.fixture\ndef torn():\n    pytest.exit('enough', returncode=0)\n" + ODD.format(", torn"),
        "class Checks:\n    " + ODD.format("").replace("odd(lab", "odd(self, lab").replace("\n", "\n    "),
        f"{ODD.format('')}\ndel test_odd\n",
        f"{ODD.format('')}\ntest_odd.__test__ = False\n",
    ],
)
def test_no_check_vanishes(odd: str, tmp_path: Path) -> None:
    """However a check comes not to be made, it is there as the lab's error, and its points are in the sum."""
    found = run_all(tmp_path, f"{GOOD}\n{odd}\n")
    assert [(r.id, r.verdict, r.points, r.max_points) for r in found] == [
        ("good", Verdict.PASSED, 2, 2),
        ("odd", Verdict.LAB_ERROR, 0, 3),
    ]
    assert found[1].observed


def test_a_check_in_a_class_is_made(tmp_path: Path) -> None:
    """A check that pytest finds in a class is judged like any other."""
    body = "class TestThem:\n    " + ODD.format("").replace("odd(lab", "odd(self, lab").replace("\n", "\n    ")
    assert run(tmp_path, f"{body}\n{GOOD}")["odd"].verdict == Verdict.PASSED


def test_two_checks_of_one_name_are_two(tmp_path: Path) -> None:
    """A check that another one of its name hides is the lab's error, and its points are in the sum."""
    found = run_all(tmp_path, GOOD + GOOD)
    assert sorted((str(r.verdict), r.max_points) for r in found) == [("lab_error", 2), ("passed", 2)]


def test_a_validator_need_not_run_to_be_counted(tmp_path: Path) -> None:
    """Which checks there are, and what they are worth, is known of a validator that cannot even be imported."""
    validator = tmp_path / "test_torn.py"
    validator.write_text(
        f"import nothing_of_this_name\n{GOOD}{ODD.format(', n')}@kindlabs.check(1)\nasync def test_c(): ...\n"
    )
    passed = CheckResult("good", "Good.", Verdict.PASSED, 2, 2)
    record = Record({}, {}, "", checks=[passed])
    assert [(s.id, s.title, s.points) for s in record.unjudged(validator)] == [("odd", "Odd.", 3), ("c", "test_c", 1)]
    validator.write_text("def")
    assert record.unjudged(validator) == []


def test_needs_come_first(tmp_path: Path) -> None:
    """A check that stands before what it needs is made after it; one that needs what was never run is blocked."""
    body = (
        '@check(points=1)\ndef test_x(lab):\n    """X."""\n    see(lab)\nx = test_x\ndel test_x\n'
        '@check(points=1, needs=[x])\ndef test_y(lab):\n    """Y."""\n    see(lab)\ntest_x = x\n'
        + ODD.format("")
        + "odd = test_odd\ndel test_odd\n"
        + '@check(points=1, needs=[odd])\ndef test_z(lab):\n    """Z."""\n    see(lab)\n'
    )
    found = run_all(tmp_path, body)
    assert [(r.id, str(r.verdict)) for r in found] == [
        ("x", "passed"),
        ("y", "passed"),
        ("z", "blocked"),
        ("odd", "lab_error"),
    ]


def test_nothing_outside_leaves_a_check_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest's variables, and a conftest.py beside the validator, are not heeded."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "nothing_of_this_name")
    (tmp_path / "conftest.py").write_text("def pytest_collection_modifyitems(items):\n    items.clear()\n")
    assert run(tmp_path, GOOD)["good"].verdict == Verdict.PASSED


def test_a_fixture_may_expect(tmp_path: Path) -> None:
    """What a fixture finds unmet is the submission's, as if the check had found it."""
    body = "@pytest.fixture\ndef there(lab):\n    raise Unmet('a', 'b', None)\n" + ODD.format(", there")
    assert run(tmp_path, body)["odd"].verdict == Verdict.FAILED


def test_a_learner_is_blamed_only_after_a_second_question(tmp_path: Path) -> None:
    """Whoever looks for faults is told whether the learner would be blamed otherwise."""
    asked: list[bool] = []

    statements = ["raise Unmet('a', 'b', None)", "assert False", "raise OSError"]
    body = "".join(
        f'@check(points=1)\ndef test_{at}(lab):\n    """It."""\n    {statement}\n'
        for at, statement in enumerate(statements)
    )
    validator = tmp_path / f"{tmp_path.name}_lab.py"
    validator.write_text(HEAD + body)
    lab = cast("Lab", SimpleNamespace(asserted=0))
    run_checks(validator, ChecksPlugin(lab, lambda _result, _error: None, asked.append, Record({}, {}, "")))
    assert asked == [True, True, False]


def test_a_reason_that_cannot_be_given_is_ours(tmp_path: Path) -> None:
    """When the walk to the cause breaks, it is the lab's error; when the cluster is gone meanwhile, the machine's."""
    for error, verdict in ((KeyError("spec"), Verdict.LAB_ERROR), (InfraError("gone"), Verdict.INFRA_ERROR)):
        validator = tmp_path / f"{tmp_path.name}_{verdict}.py"
        validator.write_text(
            HEAD + '@check(points=1)\ndef test_x(lab):\n    """X."""\n    raise Unmet("a", "b", None)\n'
        )

        def explain(_result: CheckResult, _error: Unmet, error: Exception = error) -> None:
            raise error

        lab = cast("Lab", SimpleNamespace(asserted=0))
        record = Record({}, {}, "")
        run_checks(validator, ChecksPlugin(lab, explain, lambda _blames: None, record))
        (found,) = record.checks
        assert (found.verdict, found.points) == (verdict, 0)


def test_whoever_keeps_the_cluster_from_being_proven_is_told(tmp_path: Path) -> None:
    """Where the submission is why nothing can be proven, its checks fail for that, and none is the machine's fault."""
    validator = tmp_path / f"{tmp_path.name}_lab.py"
    test = '@check(points=1)\ndef test_{0}(lab):\n    """It."""\n    raise InfraError("nothing answers")\n'
    validator.write_text(HEAD + test.format("one") + test.format("two"))
    culprit = Cause("FloodsTheJudge", "Pod", "flood", "lab-02", "Pod flood holds 512 connections.")
    causes: list[Cause | None] = []

    def explain(result: CheckResult, error: Unmet) -> None:
        result.observed = error.observed
        causes.append(error.cause)

    record = Record({}, {}, "")
    lab = cast("Lab", SimpleNamespace(asserted=0))
    run_checks(validator, ChecksPlugin(lab, explain, lambda _blames: None, record, lambda: culprit))
    assert [(found.verdict, found.points) for found in record.checks] == [(Verdict.FAILED, 0)] * 2
    assert causes == [culprit, culprit]


PLAIN = '@check(points=1)\ndef test_plain(lab):\n    """Plain."""\n    {}\n'
HELPER = "def look(value):\n    assert value\n\ndef deed(value):\n    pass\n\n"


@pytest.mark.parametrize(
    ("statement", "verdict", "said"),
    [
        ("assert lab.asserted == 0", Verdict.PASSED, ""),
        ("look(True)", Verdict.PASSED, ""),
        ("look(False)", Verdict.FAILED, "assert False"),
        ("answer = 'b'; assert answer == 'a'", Verdict.FAILED, "assert 'b' == 'a'"),
        ("assert lab.asserted, 'nothing is there'", Verdict.FAILED, "nothing is there"),
        ("deed(True)", Verdict.LAB_ERROR, "plain asserted nothing"),
    ],
)
def test_a_plain_assert_counts(tmp_path: Path, statement: str, verdict: Verdict, said: str) -> None:
    """It is an assertion, in a helper too, and pytest says what was compared; a deed is none."""
    found = run(tmp_path, HELPER + PLAIN.format(statement))["plain"]
    assert found.verdict is verdict
    assert said in found.observed


def test_one_check_brings_what_it_needs(tmp_path: Path) -> None:
    """The others are not run and not counted, the record says which was asked for, and it is no pass of the whole."""
    needed = '@check(points=2)\ndef test_{}(lab{}):\n    """It."""\n    see(lab)\n'
    body = needed.format("a", "") + needed.format("b", "").replace("points=2", "points=3, needs=[test_a]")
    body += needed.format("c", ", no_such_fixture")
    validator = tmp_path / f"{tmp_path.name}_lab.py"
    validator.write_text(HEAD + body)
    record = Record({}, {}, "", only="b")
    lab = cast("Lab", SimpleNamespace(asserted=0))
    run_checks(validator, ChecksPlugin(lab, lambda _result, _error: None, lambda _blames: None, record))
    assert [(c.id, c.verdict) for c in record.checks] == [("a", Verdict.PASSED), ("b", Verdict.PASSED)]
    assert (record.verdict, record.exit_code, record.score, record.max_score) == (Verdict.BLOCKED, 0, 5, 5)
    assert record.as_dict()["only"] == "b"


def test_a_fault_of_the_validator_has_its_line(tmp_path: Path) -> None:
    """What breaks while a check runs is told with file, line and the nearest name."""
    place = tmp_path / "validators"
    place.mkdir()
    body = '@check(points=1)\ndef test_x(lab):\n    """X."""\n    see(lab)\n    job["schedul"]\n'
    observed = run(place, f"job = {{'schedule': 1}}\n{body}")["x"].observed
    assert "validators/validators_lab.py:15: KeyError: 'schedul'. Did you mean schedule?" in observed
