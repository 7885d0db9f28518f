"""JUnit's XML, as continuous integration reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from kindlabs.record import Verdict
from kindlabs.reports import telling
from kindlabs.reports.telling import Told
from kindlabs.terminal import printable

OUTCOMES = {
    Verdict.FAILED: "failure",
    Verdict.BLOCKED: "skipped",
    Verdict.LAB_ERROR: "error",
    Verdict.INFRA_ERROR: "error",
}


@dataclass(frozen=True)
class Case:
    """One test case; ``outcome`` is failure, error, skipped, or empty for a pass; ``kind`` is the type of a failure."""

    name: str
    seconds: float = 0
    outcome: str = ""
    message: str = ""
    text: str = ""
    kind: str = ""


def of_record(record: Told) -> str:
    """A record as one suite, its checks as the cases."""
    cases = [_case(check) for check in telling.shown(record)]
    return document("lab check", {record["lab"]["id"]: cases}, telling.seconds(record))


def document(name: str, suites: Mapping[str, Sequence[Case]], seconds: float) -> str:
    """The XML of *suites*, by their names; *seconds* is what all of it took."""
    root = ElementTree.Element("testsuites", name=name, time=f"{seconds:.3f}")
    for suite, cases in suites.items():
        counts = {kind: sum(case.outcome == kind for case in cases) for kind in ("failure", "error", "skipped")}
        below = ElementTree.SubElement(
            root,
            "testsuite",
            name=printable(suite),
            tests=str(len(cases)),
            failures=str(counts["failure"]),
            errors=str(counts["error"]),
            skipped=str(counts["skipped"]),
            time=f"{sum(case.seconds for case in cases):.3f}",
        )
        for case in cases:
            _add(below, suite, case)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(check: Told) -> Case:
    text = "\n".join(f"{label}: {words}" for label, words in telling.details(check).items())
    outcome = OUTCOMES.get(check["verdict"], "")
    kind = check["cause"]["reason"] if check["cause"] else check["verdict"]
    why = (outcome, telling.said(check), text, kind) if outcome else ()
    return Case(f"{check['id']}: {check['title']}", check["seconds"], *why)


def _add(suite: ElementTree.Element, classname: str, case: Case) -> None:
    element = ElementTree.SubElement(
        suite, "testcase", classname=printable(classname), name=printable(case.name), time=f"{case.seconds:.3f}"
    )
    if case.outcome:
        bad = ElementTree.SubElement(element, case.outcome, message=printable(case.message))
        if case.kind:
            bad.set("type", printable(case.kind))
        bad.text = printable(case.text)
