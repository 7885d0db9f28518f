"""Questions about the machine: whether something may be installed on it, or an engine started."""

from __future__ import annotations

import os
from collections.abc import Callable

Ask = Callable[[str], bool]
"""Puts a question; whether the answer is yes."""


def nobody(_question: str) -> bool:
    """The answer where nobody can be asked: no, unless ``CI=true`` says yes to everything."""
    return os.environ.get("CI") == "true"
