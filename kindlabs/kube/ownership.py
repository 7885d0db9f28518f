"""Who wrote which field of an object, as the API server notes it for server-side apply."""

from __future__ import annotations

import json
from typing import Any

from kindlabs.kube.api import Object


def clings(manifest: Object, before: Object, after: Object, manager: str) -> bool:
    """Whether the server keeps a value of ``spec`` that *manager* wrote once and *manifest* no longer names.

    It does so with a Service's ``clusterIP``, and with ``serviceAccountName``, whose old name remembers the value.
    """
    for entry in before["metadata"].get("managedFields") or []:
        if entry.get("manager") == manager and not entry.get("subresource"):
            own = (entry.get("fieldsV1") or {}).get("f:spec") or {}
            if _clings(own, manifest.get("spec"), before.get("spec"), after.get("spec")):
                return True
    return False


def _clings(own: Object, written: Any, before: Any, after: Any) -> bool:
    """The same for one level of the tree of owned fields."""
    for key, below in own.items():
        wanted, had, has = (_at(part, key) for part in (written, before, after))
        if had is None or has is None:
            continue
        if (wanted is None and had == has) or (wanted is not None and _clings(below, wanted, had, has)):
            return True
    return False


def _at(part: Any, key: str) -> Any:
    """What stands at a key of the tree: ``f:name`` in a mapping, ``k:{"name":"web"}`` in a list; None for nothing.

    The form is fieldsV1 (sigs.k8s.io/structured-merge-diff/fieldpath).
    """
    kind, _, rest = key.partition(":")
    if kind == "f" and isinstance(part, dict):
        return part.get(rest)
    if kind == "k" and isinstance(part, list):
        wanted = json.loads(rest)
        return next((item for item in part if all(item.get(k, v) == v for k, v in wanted.items())), None)
    return None
