"""The page "A new expectation in forty lines" says what is so: its example runs, and its names are there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from worlds import thing

from kindlabs.waiting import Unmet
from labs import lab_with

PAGE = (Path(__file__).parents[2] / "docs" / "a-new-expectation.md").read_text()
EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
BUDGET = thing(
    "PodDisruptionBudget", "web", spec={"selector": {"matchLabels": {"app": "web"}}}, status={"disruptionsAllowed": 1}
)


@pytest.fixture
def budget() -> Any:
    """The page's class."""
    names: dict[str, Any] = {}
    exec(EXAMPLE, names)
    return names["Budget"]


def test_the_example_is_as_short_as_it_says() -> None:
    """Forty lines, but for what is empty."""
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 40


def test_the_example_passes_and_asserts(budget: Any) -> None:
    """An outcome that is there is met, and counts as asserted."""
    lab = lab_with(BUDGET)
    budget(lab, "web", "lab-02").allows(1)
    assert lab.asserted == 1


def test_the_example_explains(budget: Any) -> None:
    """One that is not there is unmet: expected, observed and the cause, with its field."""
    with pytest.raises(Unmet) as caught:
        budget(lab_with(BUDGET), "web", "lab-02").allows(2)
    assert caught.value.expected == "PodDisruptionBudget web allows 2 disruptions"
    assert caught.value.observed == "it allows 1"
    cause = caught.value.cause
    assert cause is not None
    assert (cause.reason, cause.field, cause.final) == ("SelectsNoPod", ("spec", "selector"), True)


def test_the_example_says_what_is_absent(budget: Any) -> None:
    """An object that nobody handed in is its own cause."""
    with pytest.raises(Unmet, match="no PodDisruptionBudget web") as caught:
        budget(lab_with(), "web", "lab-02").allows(1)
    assert caught.value.cause is not None
    assert caught.value.cause.reason == "NotFound"
