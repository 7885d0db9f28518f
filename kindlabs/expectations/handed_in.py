"""Expectations on what was handed in beside objects: answers, and files by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kindlabs.diagnosis.cause import NOT_HANDED_IN, Cause
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

Explain = Callable[[Any], str | None]
"""Why a wrong answer is wrong, in one sentence, where a validator knows this one; else None."""
SHOWN = 80
"""Characters of an answer that a learner is shown of her own."""


class HandedIn:
    """One answer or one file: ``value`` is what was handed in, None where it was not.

    Args:
        kind, name: as the parts of a submission name it in ``source``: ``("answer", "crash_code")``.
        where: how a learner calls it.
    """

    def __init__(self, lab: Lab, kind: str, name: str, where: str, value: Any) -> None:
        self.lab, self.kind, self.name, self.where, self.value = lab, kind, name, where, value

    def is_(self, expected: Any, why: Explain = lambda _value: None) -> None:
        """It is just *expected*; texts are compared without the white space around them."""

        def look() -> Look:
            return Look(self.value is not None and _plain(self.value) == _plain(expected), self._shown())

        self.satisfies(f"{self.where} as the cluster has it", look, why)

    def satisfies(self, expected: str, look: Callable[[], Look], why: Explain = lambda _value: None) -> None:
        """It is as *look* wants it; *expected* says how in words that give nothing away."""

        def explain() -> Cause:
            if self.value is None:
                return self._cause(NOT_HANDED_IN, f"{self.where} was not handed in.")
            return self._cause(
                "WrongAnswer", why(self.value) or f"{self.where} is {self._shown()}, which is not right."
            )

        self.lab.expect(expected, look, explain)

    def _cause(self, reason: str, message: str) -> Cause:
        return Cause(reason, self.kind, self.name, "", message, written=True)

    def _shown(self) -> str:
        if self.value is None:
            return "nothing"
        text = str(self.value).strip()
        return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def _plain(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
