"""Expectations on a kubeconfig that was handed in: which namespace a plain command with it would ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kindlabs import yamlsource
from kindlabs.diagnosis.cause import NOT_HANDED_IN, Cause
from kindlabs.expectations.handed_in import HandedIn
from kindlabs.waiting import Look
from kindlabs.yamlsource import Document, YamlFault

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab

DEFAULT = "default"
"""The namespace of a context that names none."""


class Kubeconfig(HandedIn):
    """A file that kubectl takes as its configuration.

    Its server and keys are those of the learner's own cluster: they are looked at, and not used.
    """

    def __init__(self, lab: Lab, name: str, text: str | None) -> None:
        super().__init__(lab, "file", name, name, text)

    def asks(self, namespace: str, by_context: str) -> None:
        """Its current context is *by_context*, is whole, and asks *namespace* where a command names none."""

        def look() -> Look:
            fault = self._fault(namespace, by_context)
            return Look(fault is None, fault.message if fault else f"context {by_context}, namespace {namespace}")

        expected = f"{self.name} with the current context {by_context}, which asks {namespace}"
        self.lab.expect(expected, look, lambda: self._fault(namespace, by_context))

    def _fault(self, namespace: str, wanted: str) -> Cause | None:
        if self.value is None:
            return self._cause(NOT_HANDED_IN, f"{self.name} was not handed in.")
        try:
            documents = yamlsource.read(self.value)
        except YamlFault as fault:
            return self._at(fault.line, f"{self.name} is no kubeconfig: {fault.reason}.")
        config = documents[0] if documents else Document({}, {(): 1})
        if not isinstance(config.value, dict):
            return self._at(1, f"{self.name} is no kubeconfig: expected clusters, users and contexts.")
        return self._wrong_context(config, wanted) or self._wrong_namespace(config, namespace, wanted)

    def _wrong_context(self, config: Document, wanted: str) -> Cause | None:
        names = _names(config.value, "contexts")
        if wanted not in names:
            return self._at(config.line_of("contexts"), f"{self.name} has no context {wanted}{_there(names)}.")
        current = config.value.get("current-context")
        if current != wanted:
            text = f"The current context is {current}, not {wanted}." if current else "No context is the current one."
            return self._at(config.line_of("current-context"), text)
        return None

    def _wrong_namespace(self, config: Document, namespace: str, wanted: str) -> Cause | None:
        at = ("contexts", _names(config.value, "contexts").index(wanted), "context")
        context = config.value["contexts"][at[1]].get("context") or {}
        for part in ("cluster", "user"):
            names, named = _names(config.value, f"{part}s"), context.get(part)
            if named not in names:
                text = f"Context {wanted} names {part} {named}, and there is none of that name{_there(names)}."
                return self._at(config.line_of(*at, part), text)
        found = context.get("namespace") or DEFAULT
        text = f"Context {wanted} points at namespace {found}."
        return None if found == namespace else self._at(config.line_of(*at, "namespace"), text)

    def _at(self, line: int, message: str) -> Cause:
        return Cause("WrongKubeconfig", self.kind, self.name, "", message, (line,), written=True)


def _names(config: dict[str, Any], part: str) -> list[Any]:
    entries = config.get(part)
    return [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _there(names: list[Any]) -> str:
    return f"; there is {', '.join(map(str, names))}" if names else ""
