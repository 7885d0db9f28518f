"""Runs cases: an order for each, to the workers."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from kindlabs.progress import Steps
from kindlabs.verifying.assertions import course_without
from kindlabs.verifying.cases import Case
from kindlabs.workers import pool
from kindlabs.workers.order import Order


def run(
    course_root: Path, cases: list[Case], jobs: int, steps: Steps
) -> Generator[tuple[Case, dict[str, Any]], None, None]:
    """Run *cases* and give each with its record, in the order in which they end."""
    with ExitStack() as courses:
        orders = [_order(case, courses) for case in cases]
        with closing(pool.run(course_root, orders, jobs, steps)) as answers:
            for answer in answers:
                yield cases[answer.place], answer.record


def _order(case: Case, courses: ExitStack) -> Order:
    """The order for a case; a validator that lacks an assertion lies in a course of its own until *courses* close."""
    if case.without is None:
        return Order(case.lab, case.word)
    course = courses.enter_context(course_without(case.lab, case.without))
    return Order(course.lab(case.lab.id), case.word)
