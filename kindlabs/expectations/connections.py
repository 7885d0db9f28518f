"""Expectations on who reaches whom: requests from inside Pods of the lab, by a container of our own in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from kindlabs.diagnosis.cause import Cause
from kindlabs.diagnosis.connections import why_not_reached
from kindlabs.errors import LabError
from kindlabs.expectations.answers import Text, describe, says
from kindlabs.waiting import ACTION_SECONDS, Look

if TYPE_CHECKING:
    from kindlabs.expectations.lab import Lab
    from kindlabs.expectations.pods import Pod

DENIALS = 3
"""So many requests have to stay without an answer: one may be lost."""
AT_ONCE = 8
"""Requests of a matrix that are under way together."""


class Arrow(NamedTuple):
    """From a Pod to a URL, and whether the way is open; with what the answer says where that is asked."""

    pod: Pod
    url: str
    open: bool
    saying: Text | None = None

    def __str__(self) -> str:
        said = f", which says {describe(self.saying)}" if self.saying is not None else ""
        return f"{self.pod} {'reaches' if self.open else 'does not reach'} {self.url}{said}"


def expect_connections(lab: Lab, matrix: Mapping[Pod, Mapping[str, bool]], within: float | None = None) -> None:
    """Each Pod reaches the URLs that are True for it, and is left without an answer by those that are False.

    Raises: LabError for a URL that is False for some and True for nobody: a target that is dead is silent too.
    """
    arrows = [Arrow(pod, url, is_open) for pod, row in matrix.items() for url, is_open in row.items()]
    open_to_somebody = {arrow.url for arrow in arrows if arrow.open}
    for arrow in arrows:
        if arrow.url not in open_to_somebody:
            raise LabError(f"{arrow.url} is closed to every Pod of the matrix: say who reaches it")
    _expect(lab, arrows, within)


def expect_arrow(arrow: Arrow, within: float | None) -> None:
    """One way is open, or closed.

    Raises: LabError for a closed one to what no check has seen answer: a target that is dead is silent too.
    """
    lab = arrow.pod.lab
    if not arrow.open and arrow.url not in lab.reached:
        raise LabError(f"nobody has reached {arrow.url} yet: say first who does")
    _expect(lab, [arrow], within)


def _expect(lab: Lab, arrows: list[Arrow], within: float | None) -> None:
    wrong: list[Arrow] = []

    def look() -> Look:
        wrong.clear()
        for is_open in (True, False):  # what nobody reaches is closed to nobody
            mine = [arrow for arrow in arrows if arrow.open is is_open]
            faults = [(arrow, fault) for arrow, fault in zip(mine, _ask(mine), strict=True) if fault]
            if faults:
                wrong[:] = [arrow for arrow, _ in faults]
                return Look(False, faults[0][1])
            lab.reached.update(arrow.url for arrow in mine if arrow.open)
        return Look(True, "so it is")

    def why() -> Cause | None:
        for arrow in wrong:
            found = arrow.pod.find()
            if found is None:
                return lab.scene.missing("Pod", arrow.pod.name, arrow.pod.namespace)
            cause = why_not_reached(lab.scene, found, arrow.url) if arrow.open else None
            if cause:
                return cause
        return None

    lab.deadline.grant(ACTION_SECONDS)
    lab.expect_traffic("; ".join(map(str, arrows)), look, why, within=within)


def _ask(arrows: list[Arrow]) -> Iterable[str]:
    """What is not as it should be of each of *arrows*, in words; empty where all is."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(_fault, arrows))


def _fault(arrow: Arrow) -> str:
    found = arrow.pod.find()
    if found is None or not found.get("status", {}).get("podIP"):
        return f"no {arrow.pod} that has an address"
    for _ in range(1 if arrow.open else DENIALS):
        replies = arrow.pod.lab.probe.get_from(found, arrow.url)
        reached = not replies.errors and says(replies.bodies[0], arrow.saying)
        if not (reached if arrow.open else replies.silent):
            return f"{arrow.pod}, {arrow.url}: {(*replies.errors, *replies.bodies)[0].strip()[:80]}"
    return ""
