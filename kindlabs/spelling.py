"""Near matches of a word that is not known: what somebody may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], most: int = 3) -> str:
    """`` Did you mean a, b?`` with up to *most* near matches; empty when nothing is near."""
    known = list(known)
    near = difflib.get_close_matches(word.lower(), known, 3, 0.5)
    near += [name for name in known if word and word.lower() in name and name not in near]
    return f" Did you mean {', '.join(near[:most])}?" if near else ""
