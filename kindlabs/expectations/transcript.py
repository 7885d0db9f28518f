"""The requests of a run and their answers, in order; the same answer to the same request again raises its count."""

from __future__ import annotations

from collections import deque
from typing import Any

ENTRIES, CHARACTERS = 50, 300


class Transcript:
    """The newest ENTRIES exchanges; each answer is cut at CHARACTERS."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=ENTRIES)

    def note(self, request: str, answer: str) -> None:
        """Add one exchange."""
        answer = answer[:CHARACTERS]
        last = self._entries[-1] if self._entries else {}
        if (last.get("request"), last.get("answer")) == (request, answer):
            last["times"] += 1
        else:
            self._entries.append({"request": request, "answer": answer, "times": 1})

    def as_list(self) -> list[dict[str, Any]]:
        """The exchanges, oldest first: [{request, answer, times}]."""
        return list(self._entries)
