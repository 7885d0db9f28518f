"""The YAML files that a lab's author writes, held to a JSON Schema, with file and line in every complaint."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from kindlabs import manifests, yamlsource
from kindlabs.errors import UnreadableLab, UnreadableSubmission
from kindlabs.yamlsource import Document, YamlFault

_ID = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
_TEXT = {"type": "string", "minLength": 1}

_TEXTS = {"type": "array", "items": _TEXT}
_KIND = r"[A-Z][A-Za-z0-9]*(\.[a-z0-9.-]+)?"
_OBJECT = {"type": "string", "pattern": f"^{_KIND}/[a-z0-9.:-]+$"}
_FILE = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*$"}
ANSWER_TYPES = ("string", "integer", "number", "boolean", "list")


def _mapping(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": properties,
    }


# The admission policy for learners knows the accounts of their Pods by it (clusters/addons/probe/learners.yaml).
_SPACE = {"type": "string", "pattern": "^lab-[a-z0-9]+(-[a-z0-9]+)*$"}
_NAMESPACE = _mapping(
    {
        "name": _SPACE,
        "pod_security": {"enum": ["privileged", "baseline", "restricted"]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "name",
)
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
_TAINT = {"type": "string", "pattern": r"^[^=:]+(=[^:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$"}
_NODE = _mapping(
    {"selector": _LABELS, "labels": _LABELS, "taints": {"type": "array", "items": _TAINT, "minItems": 1}}, "selector"
)
_RULE = _mapping(
    {"apiGroups": {"type": "array", "items": {"type": "string"}}, "resources": _TEXTS, "verbs": _TEXTS},
    *("apiGroups", "resources", "verbs"),
)
_HANDIN = _mapping(
    {
        "manifests": _mapping({"stages": {"type": "array", "items": _FILE}, "optional": {"type": "boolean"}}),
        "answers": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
            "additionalProperties": {"enum": list(ANSWER_TYPES)},
            "minProperties": 1,
        },
        "files": {"type": "array", "items": _FILE, "minItems": 1},
        "script": _FILE,
    }
)

LAB_SCHEMA = _mapping(
    {
        "version": {"const": "kind-labs/lab/v2"},
        "title": _TEXT,
        "minutes": {"type": "integer", "minimum": 1},
        "profile": _ID,
        "addons": {"type": "array", "items": _ID},
        "requires": {"type": "array", "items": _ID},
        "breaks": {"type": "array", "items": _ID},
        "namespaces": {"type": "array", "items": {"anyOf": [_SPACE, _NAMESPACE]}, "minItems": 1},
        "nodes": {"type": "array", "items": _NODE, "minItems": 1},
        "images": _TEXTS,
        "deadline": {"type": "number", "exclusiveMinimum": 0},
        "start": _mapping({"points": {"type": "integer", "minimum": 0}}),
        "handin": _HANDIN | {"minProperties": 1},
        "rights": _mapping(
            {
                "rules": {"type": "array", "items": _RULE},
                "cluster": {"type": "array", "items": _OBJECT},
                "given": {"type": "array", "items": _OBJECT},
            }
        ),
        "hints": {
            "type": "object",
            "propertyNames": _ID,
            "additionalProperties": {"type": "array", "items": _TEXT, "minItems": 1},
        },
    },
    "version",
    "title",
    "minutes",
) | {"dependentRequired": {"nodes": ["breaks"]}}  # whoever puts the nodes back learns of it there


def read_labfile(path: Path) -> dict[str, Any]:
    """The values of a ``lab.yaml``, without ``version``. Raises: UnreadableLab."""
    values: dict[str, Any] = read_checked(path, LAB_SCHEMA).value
    return {key: value for key, value in values.items() if key != "version"}


def read_checked(path: Path, schema: dict[str, Any]) -> Document:
    """A file's only document, valid by *schema*. Raises: UnreadableLab with file:line."""
    try:
        documents = yamlsource.read(manifests.read_text(path))
    except OSError as error:
        raise UnreadableLab(f"{path}: {error.strerror}.", "docs/writing-a-lab.md says which files a lab has") from None
    except UnreadableSubmission as error:
        raise UnreadableLab(error.message, error.next_step) from None
    except YamlFault as fault:
        raise UnreadableLab(f"{path}:{fault.line}:{fault.column}: {fault.reason}.") from None
    document = documents[0] if documents else Document(None, {(): 1})
    _validate(document, schema, path)
    return document


def _validate(document: Document, schema: dict[str, Any], path: Path) -> None:
    import jsonschema  # here, because it takes a tenth of a second and most modules that import this one never validate

    errors = jsonschema.Draft202012Validator(schema).iter_errors(document.value)
    # A misspelt key comes first: it is why another one is missing.
    order = sorted(errors, key=lambda e: (e.validator != "additionalProperties", document.line_of(*e.absolute_path)))
    for error in order:
        at = tuple(error.absolute_path)
        complaint = error.message
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            allowed = list(error.schema["properties"])
            unknown = next(key for key in error.instance if key not in allowed)
            at = (*at, unknown)
            near = difflib.get_close_matches(unknown, allowed, 1)
            complaint = f"unknown key {unknown!r}" + (f", did you mean {near[0]!r}?" if near else "")
            complaint += f" (known: {', '.join(allowed)})"
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        prefix = f"{field.lstrip('.')}: " if field else ""
        raise UnreadableLab(
            f"{path}:{document.line_of(*at)}: {prefix}{complaint}", "docs/writing-a-lab.md lists the keys"
        )
