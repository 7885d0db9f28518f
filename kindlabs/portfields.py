"""Ports by number and by name: which fields take which of the two, and what is written where the other one belongs."""

from __future__ import annotations

import re
from typing import Any

from kindlabs.tree import Path, leaves

GROUPS = {"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1", "discovery.k8s.io/v1"}
"""Of other kinds nobody knows what their fields mean."""
PARTS = ("spec", "ports", "subsets")
"""Where these have ports."""
NUMBER, NAME, EITHER, WORD, BACKEND = range(5)
PLACES = {
    r"[bB]ackend\.service\.port": BACKEND,
    r"[bB]ackend\.service\.port\.number": NUMBER,
    r"[bB]ackend\.service\.port\.name|ontainers\.ports\.name": NAME,
    r"ports\.name": WORD,
    r"ports\.(containerPort|hostPort|nodePort|endPort)|grpc\.port": NUMBER,
    r"(httpGet|tcpSocket)\.port|ports\.targetPort|gress\.ports\.port": EITHER,
    r"ports\.port": NUMBER,
}
"""What a field takes, by the end of its path: a name has at least one letter (k8s.io/apimachinery,
pkg/util/validation, IsValidPortName), but for those of Services, where ``"80"`` is a word too."""


def misnamed(document: dict[str, Any]) -> tuple[str, Path] | None:
    """The first port of a built-in kind that is a text for a number, or a number for a name, and its field.

    What it says to write, the API server takes.
    """
    if document.get("apiVersion") not in GROUPS:
        return None
    for field, value in leaves({part: document[part] for part in PARTS if part in document}):
        path = ".".join(str(step) for step in field if isinstance(step, str))
        form = next((form for end, form in PLACES.items() if re.search(rf"({end})$", path)), None)
        if form is not None and (why := _fault(form, field, value)):
            return why, field
    return None


def _fault(form: int, field: Path, value: Any) -> str | None:
    """What is wrong with *value*, and what to write; None where it fits, or is wrong in another way."""
    key, text = field[-1], str(value).strip()
    quoted = isinstance(value, str)
    if isinstance(value, bool) or value is None or not text:
        return None
    if form == BACKEND:
        return f"found {text}, expected a mapping; write port: {{{'number' if text.isdigit() else 'name'}: {text}}}"
    if text.isdigit() and (form == NAME or (form == WORD and not quoted)):
        instead = f"number: {text} in its place" if "service" in field else "a word, such as name: http"
        return f"{text} is a number, and a port's name has a letter; write {instead}"
    if text.isdigit() and quoted and form in (NUMBER, EITHER):
        return f"{value!r} in quotes is a text; write the number {text} without quotes"
    if form == NUMBER and quoted:
        instead = f"name: {text} in its place" if key == "number" else f"a number, such as {key}: 8080"
        return f"{text} is a name, and this takes a number only; write {instead}"
    return None
