"""Pages that open offline: one file each, its style and script in it, and nothing fetched.

Templates escape whatever they show; a policy in each page lets its own style and script count, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from kindlabs.progress import duration
from kindlabs.record import Verdict
from kindlabs.reports import telling
from kindlabs.reports.telling import Told
from kindlabs.terminal import printable

WORDS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.BLOCKED: "blocked",
    Verdict.LAB_ERROR: "no verdict: lab broken",
    Verdict.INFRA_ERROR: "no verdict: infrastructure",
    "missing": "nothing handed in",
}


def of_record(record: Told) -> str:
    """A record as a page."""
    return page("record.html", run=record)


def page(template: str, script: str = "", **values: Any) -> str:
    """The page that a template of ``templates/`` makes of *values*; *script* names a file beside it."""
    style, code = _file("style.css"), _file(script) if script else Markup("")
    allowed = {"default-src": "'none'", "style-src": _digest(style), "base-uri": "'none'", "form-action": "'none'"}
    if code:
        allowed["script-src"] = _digest(code)
    policy = "; ".join(f"{what} {source}" for what, source in allowed.items())
    return _environment().get_template(template).render(policy=policy, style=style, script=code, **values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("kindlabs.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"sentence": _sentence, "duration": duration}
    made.globals |= {"telling": telling, "marks": telling.MARKS | {"missing": "-"}, "words": WORDS}
    return made


def _shown(value: Any) -> Any:
    """What a template puts into a page: text without what nobody can see and everybody obeys."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sentence(text: str) -> Markup:
    """A sentence of the lab's, what stands in backticks as code."""
    parts = re.split(r"`([^`]+)`", printable(text))
    shown = [Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)]
    return Markup("").join(shown)


@cache
def _file(name: str) -> Markup:
    text = resources.files("kindlabs.reports").joinpath("templates", name).read_text(encoding="utf-8")
    return Markup(f"\n{text}")  # noqa: S704 (a file of ours)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
