"""Validators in a run of pytest that somebody else has begun: one run a validator, its verdicts as pytest's results.

A check that failed has failed, one that is blocked is skipped, and where lab or machine broke it is an error.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kindlabs import course, submission
from kindlabs.board import Board
from kindlabs.checks import SPEC
from kindlabs.clusters.kubectl import kubectl_program, learners_kubectl
from kindlabs.clusters.lease import lease
from kindlabs.course import CourseLab
from kindlabs.errors import InfraError, KindLabsError, of_machine
from kindlabs.expectations import Lab
from kindlabs.plugin import ChecksPlugin, needs_first, spec_of
from kindlabs.progress import Steps
from kindlabs.record import CheckResult, Record, Verdict
from kindlabs.run import Run
from kindlabs.submission import Submission

OUTCOMES: dict[Verdict, tuple[str, str]] = {
    Verdict.PASSED: ("call", "passed"),
    Verdict.FAILED: ("call", "failed"),
    Verdict.BLOCKED: ("setup", "skipped"),
    Verdict.LAB_ERROR: ("setup", "failed"),  # pytest calls a failure outside of the call an error
    Verdict.INFRA_ERROR: ("setup", "failed"),
}


class Validators:
    """The plugin of one pytest run that has collected a validator."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._plugin: ChecksPlugin | None = None
        self._done: set[Path] = set()

    @pytest.fixture(name="lab")
    def _lab_fixture(self) -> Lab:
        assert self._plugin is not None
        return self._plugin.lab

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """What is selected brings along what it needs; that there is no such submission ends the run."""
        for path in {item.path: None for item in items if _is_check(item)}:
            own = [item for item in items if item.path == path and _is_check(item)]
            at = items.index(own[0])
            items[:] = [item for item in items if item not in own]
            items[at:at] = _with_needs(own)
            if not self._config.option.collectonly:
                try:
                    self._read(path)
                except KindLabsError as error:
                    raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """At its first check the whole validator is run; the others have their result then."""
        if not _is_check(item):
            return None
        if item.path not in self._done:
            self._done.add(item.path)
            items = [other for other in item.session.items if other.path == item.path and _is_check(other)]
            after = item.session.items.index(items[-1]) + 1
            follows = item.session.items[after] if after < len(item.session.items) else None
            self._judge(items, follows)
        return True

    def _read(self, validator: Path) -> tuple[CourseLab, Submission]:
        """The lab of a validator, and what is to be judged. Raises: KindLabsError."""
        here = course.find(validator)
        lab = next(lab for lab in here.labs() if lab.validator == validator)
        word = self._config.getoption("submission")
        return lab, submission.resolve(here, lab, word, kubectl=lambda: kubectl_program(Steps()))

    def _judge(self, items: list[pytest.Item], follows: pytest.Item | None) -> None:
        """Run the checks *items* of one validator, and report each result as it comes."""
        lab, handed_in = self._read(items[0].path)
        reports = _Reports(items)
        try:
            with (
                self._aloud() as steps,
                lease(lab.course_root, lab.profile, lab.addons, steps, images=lab.images) as cluster,
            ):
                kubectl = learners_kubectl(lab.course_root, cluster, lab.namespaces[0])
                run = Run(lab, handed_in, cluster, lab.setup(handed_in.nonce), False, Steps(), reports.hear, kubectl)
                run.checks_by = lambda _validator, plugin: self._run(plugin, items, follows)
                run.judge()
        except Exception as error:
            fault = error if isinstance(error, InfraError) else of_machine(error)
            if fault is None:
                raise
            Record.begin(lab, handed_in, reports.hear).give_up(lab.validator, fault)

    def _run(self, plugin: ChecksPlugin, items: list[pytest.Item], follows: pytest.Item | None) -> None:
        """Run each check as pytest does, until the session is to stop (``-x``)."""
        self._plugin = plugin
        plugin.count(items)
        self._config.pluginmanager.register(plugin)
        try:
            for item, following in pairwise([*items, follows]):
                if item is None or item.session.shouldfail or item.session.shouldstop:
                    return
                plugin.pytest_runtest_protocol(item, following)
        finally:
            self._config.pluginmanager.unregister(plugin)

    @contextmanager
    def _aloud(self) -> Iterator[Steps]:
        """Steps that are seen though pytest captures what tests print."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled(), Steps() as steps:
            yield steps


class _Reports:
    """Turns the results of one validator's checks into pytest's reports."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._items = {spec_of(item).id: item for item in items}
        self._any = items[0]

    def hear(self, result: CheckResult) -> None:
        """Report one result; of a check that a run has beside its validator's, only what did not pass."""
        item = self._items.get(result.id)
        if item is None and (result.max_points or result.verdict is Verdict.PASSED):
            return  # a check that was not selected, or nothing to tell
        nodeid = item.nodeid if item else f"{self._any.nodeid.rpartition('::')[0]}::{result.id}"
        location = item.location if item else (self._any.location[0], None, result.id)
        hook = self._any.config.hook
        hook.pytest_runtest_logstart(nodeid=nodeid, location=location)
        for report in results_of(nodeid, location, result):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)


def results_of(nodeid: str, location: tuple[str, int | None, str], result: CheckResult) -> list[pytest.TestReport]:
    """The reports of a test that came to this result."""
    when, outcome = OUTCOMES[result.verdict]
    phases = {"setup": "passed", when: outcome, "teardown": "passed"}
    properties = [("verdict", str(result.verdict)), ("points", f"{result.points}/{result.max_points}")]
    if result.cause:
        properties += [("reason", result.cause.reason), ("cause", result.cause.message)]
    told: Any = _told(result)
    if outcome == "skipped":
        told = (location[0], (location[1] or 0) + 1, f"Skipped: {result.observed}")
    return [
        pytest.TestReport(
            *(nodeid, location, {}, said, None if said == "passed" else told, phase),  # type: ignore[arg-type]
            duration=result.seconds if phase == when else 0,
            user_properties=properties,
        )
        for phase, said in phases.items()
    ]


def _told(result: CheckResult) -> str:
    """What the board says below a check."""
    text = io.StringIO()
    Board(Console(file=text, width=200), again="").check(result)
    return textwrap.dedent(text.getvalue().partition("\n")[2])


def _with_needs(items: list[pytest.Item]) -> list[pytest.Item]:
    """The checks and all that they need, in the order in which they are run."""
    module = items[0].getparent(pytest.Module)
    known = {spec_of(item).id: item for item in _all_of(module) if _is_check(item)} if module else {}
    known |= {spec_of(item).id: item for item in items}
    wanted: dict[str, pytest.Item] = {}
    for item in items:
        for needed in needs_first(known, spec_of(item).id):
            wanted[spec_of(needed).id] = needed
    return list(wanted.values())


def _all_of(collector: pytest.Collector) -> list[pytest.Item]:
    found: list[pytest.Item] = []
    for node in collector.collect():
        if isinstance(node, pytest.Collector):
            found += _all_of(node)
        elif isinstance(node, pytest.Item):
            found.append(node)
    return found


def _is_check(item: pytest.Item) -> bool:
    return item.path.parent.name == "validators" and hasattr(getattr(item, "obj", None), SPEC)
