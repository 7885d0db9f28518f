"""Expectations on who reaches whom: requests from inside Pods of the lab, by a container of our own in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.connections import why_not_reached, why_not_resolved, why_reached
from kindlabs.errors import LabError
from kindlabs.expectations.answers import Text, describe, says
from kindlabs.kube.api import Object
from kindlabs.patience import ACTION_SECONDS
from kindlabs.waiting import Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab
    from kindlabs.expectations.workloads import Workload

ANSWERS, DENIALS = 5, 3
"""So many requests have to be answered where a way is open, and to stay without an answer where it is closed: one may
be lost."""
AT_ONCE = 8
"""Requests of a matrix that are under way together."""


class Arrow(NamedTuple):
    """From each Pod of a workload to a URL, and whether the way is open; and what the answer says, if that counts."""

    source: Workload
    url: str
    open: bool
    saying: Text | None = None

    def __str__(self) -> str:
        said = f", which says {describe(self.saying)}" if self.saying is not None else ""
        return f"{self.source} {'reaches' if self.open else 'does not reach'} {self.url}{said}"


def expect_connections(lab: Lab, matrix: Mapping[Workload, Mapping[str, bool]], within: float | None = None) -> None:
    """Each Pod reaches the URLs that are True for it, and is left without an answer by those that are False.

    Raises: LabError for a URL that is False for some and that nobody has reached: a target that is dead is silent too.
    """
    arrows = [Arrow(source, url, is_open) for source, row in matrix.items() for url, is_open in row.items()]
    open_to_somebody = {arrow.url for arrow in arrows if arrow.open} | lab.reached
    for arrow in arrows:
        if arrow.url not in open_to_somebody:
            raise LabError(f"{arrow.url} is closed to every Pod of the matrix: say who reaches it")
    _expect(lab, arrows, within)


def expect_arrow(arrow: Arrow, within: float | None) -> None:
    """One way is open, or closed.

    Raises: LabError for a closed one to what no check has seen answer: a target that is dead is silent too.
    """
    lab = arrow.source.lab
    if not arrow.open and arrow.url not in lab.reached:
        raise LabError(f"nobody has reached {arrow.url} yet: say first who does")
    _expect(lab, [arrow], within)


def expect_resolved(lab: Lab, name: str, sources: Iterable[Workload], within: float | None = None) -> None:
    """Each Pod of *sources* finds an address for *name*."""
    asking = list(sources)
    unable: list[Object] = []

    def look() -> Look:
        unable.clear()
        for source in asking:
            if not source.pods:
                return Look(False, f"no Pod of {source}")
            unable[:] = [pod for pod in source.pods if not lab.probe.resolves_from(pod, name)]
            if unable:
                return Look(False, f"Pod {unable[0]['metadata']['name']} finds no address for {name}")
        return Look(True, "so they do")

    def why() -> Cause | None:
        return _missing(asking) or next(filter(None, (why_not_resolved(lab.scene, pod) for pod in unable)), None)

    lab.deadline.grant(ACTION_SECONDS)
    lab.expect_traffic(f"{name} resolves in {', '.join(map(str, asking))}", look, why, within=within)


def _expect(lab: Lab, arrows: list[Arrow], within: float | None) -> None:
    wrong: list[tuple[Arrow, Object]] = []

    def look() -> Look:
        wrong.clear()
        for is_open in (True, False):  # what nobody reaches is closed to nobody
            mine = [arrow for arrow in arrows if arrow.open is is_open]
            for arrow in mine:
                if not arrow.source.pods:
                    return Look(False, f"no Pod of {arrow.source}")
            tries = [(arrow, pod) for arrow in mine for pod in arrow.source.pods]
            faults = [(one, fault) for one, fault in zip(tries, _ask(tries), strict=True) if fault]
            if faults:
                wrong[:] = [one for one, _ in faults]
                return Look(False, faults[0][1])
            lab.reached.update(arrow.url for arrow in mine if arrow.open)
        return Look(True, "so it is")

    def why() -> Cause | None:
        walks = {True: why_not_reached, False: why_reached}
        found = (walks[arrow.open](lab.scene, pod, arrow.url) for arrow, pod in wrong)
        return _missing(arrow.source for arrow in arrows) or next(filter(None, found), None)

    lab.deadline.grant(ACTION_SECONDS)
    lab.expect_traffic("; ".join(map(str, arrows)), look, why, within=within)


def _missing(sources: Iterable[Workload]) -> Cause | None:
    """The first of them that is not there."""
    gone = (one for one in sources if one.find() is None)
    return next((one.lab.scene.missing(one.kind, one.name, one.namespace) for one in gone), None)


def _ask(tries: list[tuple[Arrow, Object]]) -> Iterable[str]:
    """What is not as it should be of each of *tries*, in words; empty where all is."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda one: _fault(*one), tries))


def _fault(arrow: Arrow, pod: Object) -> str:
    for _ in range(ANSWERS if arrow.open else DENIALS):
        replies = arrow.source.lab.probe.get_from(pod, arrow.url)
        reached = not replies.errors and says(replies.bodies[0], arrow.saying)
        if not (reached if arrow.open else replies.silent):
            said = (*replies.errors, *replies.bodies)[0].strip()[:80]
            return f"Pod {pod['metadata']['name']}, {arrow.url}: {said}"
    return ""
