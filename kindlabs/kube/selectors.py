"""Label selectors, as the API server reads them (apimachinery, LabelSelector): an empty one selects everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kindlabs.kube.api import Object


def selects(selector: Object, labels: Mapping[str, str] | None) -> bool:
    """Whether *selector* fits *labels*: all of its matchLabels, and all of its matchExpressions."""
    own = labels or {}
    same = all(own.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return same and all(_holds(expression, own) for expression in selector.get("matchExpressions") or [])


def selector_text(selector: Object) -> str:
    """A selector as kubectl writes it: ``app=web,tier in (a, b),!old``; ``everything`` for an empty one."""
    labels = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    return ",".join(labels + [_text(e) for e in selector.get("matchExpressions") or []]) or "everything"


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _text(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ", ".join(expression.get("values") or [])
    said: dict[str, str] = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
    return said.get(str(expression["operator"]), f"!{key}")
