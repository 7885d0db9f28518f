"""The pytest plugin that runs a validator: it gives tests their ``lab``, and turns each into a check's result."""

from __future__ import annotations

import os
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from kindlabs.checks import SPEC, CheckSpec, has_assert
from kindlabs.diagnosis.cause import Cause
from kindlabs.errors import InfraError, LabError
from kindlabs.expectations import Lab
from kindlabs.mistakes import told
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.validators import undisturbed
from kindlabs.waiting import Unmet

UNUSED = (
    *("cacheprovider", "terminal", "faulthandler", "junitxml", "doctest"),
    *("unraisableexception", "threadexception"),  # at the end they collect garbage five times: 0.1 s
)
"""Pytest's own plugins that a run does without."""
ASSERTIONS = (AssertionError, pytest.fail.Exception)
NO_OPINION = (pytest.skip.Exception, pytest.xfail.Exception)
"""How a test ends that says nothing about the submission."""

Explain = Callable[[CheckResult, Unmet], None]


class ChecksPlugin:
    """Runs the checks of one validator on one lab, and adds their results to the record.

    Args:
        lab: what the fixture ``lab`` gives.
        explain: fills expected, observed, cause and next step of a failed check.
        rule_out_faults: raises InfraError with evidence, taken now, that cluster or machine is broken; it is told
            whether the learner is blamed otherwise.
        accuse: what of the submission keeps the cluster from being proven; None when nothing does.
    """

    def __init__(
        self,
        lab: Lab,
        explain: Explain,
        rule_out_faults: Callable[[bool], None],
        record: Record,
        accuse: Callable[[], Cause | None] = lambda: None,
    ) -> None:
        self._lab, self._explain, self._rule_out_faults, self.record = lab, explain, rule_out_faults, record
        self._accuse = accuse
        self.broken = ""
        self.collected = 0
        self.interrupted = False
        self._twice: set[str] = set()
        self._broken_at = ""
        self._current = CheckResult.without_points("", "", Verdict.LAB_ERROR)
        self._asserted = 0

    @pytest.fixture(name="lab")
    def _lab_fixture(self) -> Lab:
        return self._lab

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A validator that cannot be imported, or that skips itself, is the lab's error."""
        if report.outcome != "passed":
            self.broken = self.broken or report.longreprtext

    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        """Pytest calls this first, with what it makes a traceback of."""
        if call.when == "collect" and call.excinfo:
            self.broken = told(call.excinfo.value.__cause__ or call.excinfo.value)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Pytest calls this for Ctrl-C, for ``pytest.exit()`` in a validator, and when collection failed.

        Only the first interrupts us.
        """
        own = isinstance(excinfo.value, pytest.Session.Interrupted)
        self.interrupted = isinstance(excinfo.value, KeyboardInterrupt) and not own
        self.broken = self.broken or f"the validator ends the run: {_words(excinfo.value)}"

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        """Pytest itself stumbles, as over ``sys.exit`` at the top of a validator; nobody needs to see where."""
        self.broken = _words(excinfo.value)
        return True

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Every test of a validator must be a check, and each check one test; what others need comes first."""
        plain = [item.name for item in items if not hasattr(getattr(item, "obj", None), SPEC)]
        if plain:
            self.broken = f"tests without @check: {', '.join(plain)}"
            items.clear()
        self.count(items)
        items[:] = needs_first({spec_of(item).id: item for item in items}, self.record.only)
        self.collected = len(items)

    def count(self, items: list[pytest.Item]) -> None:
        """Note which checks are several tests."""
        times = Counter(spec_of(item).id for item in items)
        self._twice = {name for name, count in times.items() if count > 1}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one check; one whose needs did not pass is not run."""
        spec = spec_of(item)
        needs = [need for need in spec.needs if self._verdict(need) != Verdict.PASSED]
        if self._broken_at:
            self.record.add(CheckResult.not_judged(spec, Verdict.INFRA_ERROR, f"not judged, see {self._broken_at}"))
        elif spec.id in self._twice:
            self.record.add(
                CheckResult.not_judged(
                    spec, Verdict.LAB_ERROR, f"several tests are check {spec.id}; each check is one test"
                )
            )
        elif needs:
            self.record.add(CheckResult.not_judged(spec, Verdict.BLOCKED, f"waits for {', '.join(needs)}"))
        else:
            self._current = CheckResult.not_judged(spec, Verdict.LAB_ERROR, "it was not run")
            runtestprotocol(item, nextitem=nextitem, log=False)
            self.record.add(self._current)  # once its teardown is over
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Take in what setup, test or teardown ended with; pytest hears only whether to go on."""
        result, error = self._current, call.excinfo.value if call.excinfo else None
        result.seconds += call.duration
        if call.when == "setup":
            self._asserted = self._lab.asserted
        if call.when == "call" and error is None and self._lab.asserted == self._asserted and not has_assert(item.obj):  # type: ignore[attr-defined]
            error = LabError(f"{result.id} asserted nothing")
        if error is None and call.when == "call":
            result.verdict, result.points, result.observed = Verdict.PASSED, result.max_points, ""
        elif error is not None and (call.when != "teardown" or result.verdict is Verdict.PASSED):
            began = time.monotonic()
            self._settle(result, error, may_blame=call.when != "teardown")
            result.seconds += time.monotonic() - began
        when: Any = call.when
        return pytest.TestReport(item.nodeid, item.location, {}, "failed" if error else "passed", None, when)

    @property
    def lab(self) -> Lab:
        """What the checks judge."""
        return self._lab

    def _settle(self, result: CheckResult, error: BaseException, *, may_blame: bool) -> None:
        """Give a result the verdict that *error* means: the learner's fault, the lab's, or the machine's."""
        result.points = 0
        blames = may_blame and isinstance(error, ASSERTIONS) and not isinstance(error, NO_OPINION)
        try:
            written = isinstance(error, Unmet) and error.cause is not None and error.cause.written
            self._rule_out_faults(blames and not written)
            if isinstance(error, InfraError):
                raise error
            if not blames:
                result.verdict, result.observed, result.next_step = Verdict.LAB_ERROR, *_told(error)
            elif isinstance(error, Unmet):
                result.verdict = Verdict.FAILED
                self._explain(result, error)
            else:
                result.verdict = Verdict.FAILED
                result.observed = str(error).partition("\n")[0] or "the assertion is false"
        except InfraError as broken:  # also while the reason was looked for
            self._blame(result, broken)
        except Exception as own:
            result.verdict, result.observed = Verdict.LAB_ERROR, f"no reason can be given: {told(own)}"

    def _blame(self, result: CheckResult, broken: InfraError) -> None:
        """The machine is broken, or the submission keeps it from being proven."""
        if culprit := self._accuse():
            result.verdict = Verdict.FAILED
            self._explain(result, Unmet("the judge's own Pods are left alone", broken.message, culprit))
            return
        result.verdict, result.observed, result.next_step = Verdict.INFRA_ERROR, broken.message, broken.next_step
        self._broken_at = result.id

    def _verdict(self, check: str) -> Verdict | None:
        return next((result.verdict for result in self.record.checks if result.id == check), None)


def run_checks(validator: Path, plugin: ChecksPlugin) -> None:
    """Run all checks of *validator*; each that it declares has a result in the plugin's record then.

    Raises: LabError when it cannot be read or holds no check, KeyboardInterrupt.
    """
    if not validator.is_file():
        raise LabError(f"the lab has no validator {validator.name}")
    # Other people's plugins and settings cost start-up, and could change a verdict.
    quiet = ["--disable-plugin-autoload", "--noconftest", *(f"-pno:{name}" for name in UNUSED)]
    settings = ["--config-file", os.devnull, "--rootdir", str(validator.parent), "--import-mode=importlib"]
    with undisturbed():
        pytest.main([*quiet, *settings, "--capture=no", str(validator)], plugins=[plugin])
    if plugin.interrupted:
        raise KeyboardInterrupt
    if not plugin.collected:
        raise LabError(f"{validator.name}: {plugin.broken or 'no check in it'}")
    for spec in plugin.record.unjudged(validator):
        why = plugin.broken or "no test of its own, so it was not run"
        plugin.record.add(CheckResult.not_judged(spec, Verdict.LAB_ERROR, why))


def needs_first(items: dict[str, pytest.Item], only: str | None = None) -> list[pytest.Item]:
    """The tests in their own order, but none before what it needs; of one check alone, with what that needs."""
    ordered: dict[str, pytest.Item] = {}

    def place(check: str) -> None:
        if check in items and check not in ordered:
            for need in spec_of(items[check]).needs:  # they form no circle: a check must be there to be named
                place(need)
            ordered[check] = items[check]

    for check in [only] if only else items:
        place(check)
    return list(ordered.values())


def _told(error: BaseException) -> tuple[str, str]:
    """What went wrong, and what to do about it."""
    return (error.message, error.next_step) if isinstance(error, LabError) else (told(error), "")


def _words(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


def spec_of(item: pytest.Item) -> CheckSpec:
    """What the decorator said of a check."""
    spec: CheckSpec = getattr(item.obj, SPEC)  # type: ignore[attr-defined]
    return spec
