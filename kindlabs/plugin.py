"""The pytest plugin of a run: it gives validators their ``lab``, and turns each test into a check's result."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from kindlabs.checks import SPEC, CheckSpec
from kindlabs.errors import InfraError, LabError
from kindlabs.expectations import Lab
from kindlabs.record import CheckResult, Verdict
from kindlabs.waiting import Unmet

UNUSED = (
    *("cacheprovider", "terminal", "faulthandler", "junitxml", "doctest"),
    *("unraisableexception", "threadexception"),  # at the end they collect garbage five times: 0.1 s
)
"""Pytest's own plugins that a run does without."""

Explain = Callable[[CheckResult, Unmet], None]


class JudgePlugin:
    """Runs the checks of one validator on one lab.

    Args:
        lab: what the fixture ``lab`` gives.
        explain: fills expected, observed, cause and next step of a failed check.
        fault: evidence, taken now, that cluster or machine is broken; None when all is well.
        report: called with each result as it comes.
    """

    def __init__(
        self, lab: Lab, explain: Explain, fault: Callable[[], str | None], report: Callable[[CheckResult], None]
    ) -> None:
        self._lab, self._explain, self._fault, self._report = lab, explain, fault, report
        self.results: dict[str, CheckResult] = {}
        self.broken: str = ""
        self._infra: str = ""

    @pytest.fixture(name="lab")
    def _lab_fixture(self) -> Lab:
        return self._lab

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A validator that cannot be imported is the lab's error."""
        if report.failed:
            self.broken = str(report.longrepr)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every test of a validator must be a check."""
        plain = [item.name for item in items if not hasattr(getattr(item, "obj", None), SPEC)]
        if plain:
            self.broken = f"tests without @check: {', '.join(plain)}"
            items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """A check whose needs did not pass is not run."""
        spec = _spec(item)
        waits_for = [need for need in spec.needs if self.results[need].verdict != Verdict.PASSED]
        if self._infra:
            self._note(CheckResult(spec.id, spec.title, Verdict.INFRA_ERROR, 0, spec.points, observed=self._infra))
            return True
        if waits_for:
            needs = f"waits for {', '.join(waits_for)}"
            self._note(CheckResult(spec.id, spec.title, Verdict.BLOCKED, 0, spec.points, observed=needs))
            return True
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Run one check, and say what it found; nothing is raised further."""
        spec = _spec(item)
        result = CheckResult(spec.id, spec.title, Verdict.PASSED, spec.points, spec.points)
        asserted, started = self._lab.asserted, time.monotonic()
        try:
            yield
            if self._lab.asserted == asserted:
                raise LabError(f"{spec.id} asserted nothing")
        except Exception as error:
            result.points = 0
            self._judge(result, error)
        result.seconds = time.monotonic() - started
        self._note(result)

    def _judge(self, result: CheckResult, error: Exception) -> None:
        fault = self._fault()
        if fault or isinstance(error, InfraError):
            result.verdict = Verdict.INFRA_ERROR
            self._infra = fault or str(error)
            result.observed = self._infra
        elif isinstance(error, Unmet):
            result.verdict = Verdict.FAILED
            self._explain(result, error)
        elif isinstance(error, AssertionError):
            result.verdict, result.observed = Verdict.FAILED, str(error).partition("\n")[0] or "the assertion is false"
        else:
            result.verdict = Verdict.LAB_ERROR
            result.observed = "".join(traceback.format_exception_only(error)).strip()

    def _note(self, result: CheckResult) -> None:
        self.results[result.id] = result
        self._report(result)


def judge(validator: Path, plugin: JudgePlugin) -> list[CheckResult]:
    """Run all checks of *validator*. Raises: LabError when it cannot be read or holds no check, KeyboardInterrupt."""
    # Other people's plugins cost start-up, and could change a verdict.
    quiet = ["--disable-plugin-autoload"]
    quiet += [f"-pno:{name}" for name in UNUSED]
    settings = [
        "--config-file",
        os.devnull,
        "--rootdir",
        str(validator.parent),
        "--import-mode=importlib",
        "--capture=no",
    ]
    if not validator.is_file():
        raise LabError(f"the lab has no validator {validator.name}")
    with contextlib.redirect_stdout(sys.stderr):  # what a validator prints is not part of any report
        code = pytest.main([*quiet, *settings, str(validator)], plugins=[plugin])
    if code == pytest.ExitCode.INTERRUPTED and not plugin.broken:
        raise KeyboardInterrupt
    if plugin.broken or not plugin.results:
        raise LabError(f"{validator.name}: {plugin.broken or 'no check in it'}")
    return list(plugin.results.values())


def _spec(item: pytest.Item) -> CheckSpec:
    spec: CheckSpec = getattr(item.obj, SPEC)  # type: ignore[attr-defined]
    return spec
