"""``python -m tests.bench [start-up|tails|hopeless|requests|cold ...]``: measure, and print a table; or all."""

from __future__ import annotations

import sys
from pathlib import Path

from kindlabs.progress import Steps
from tests.bench.cold import cold
from tests.bench.measure import Row, hopeless, requests, start_up, tails
from tests.bench.stage import Stage

MEASUREMENTS = {"start-up": start_up, "tails": tails, "hopeless": hopeless, "requests": requests, "cold": cold}


def main(words: list[str]) -> None:
    """Measure what *words* name, and print it as Markdown."""
    unknown = set(words) - set(MEASUREMENTS)
    if unknown:
        sys.exit(f"bench: no measurement {', '.join(unknown)}; there are {', '.join(MEASUREMENTS)}")
    checkout = Path(__file__).parents[2]
    with Steps() as steps:
        stage = Stage(checkout, steps)
        try:
            rows = [row for word in words or MEASUREMENTS for row in MEASUREMENTS[word](stage)]
        finally:
            stage.remove_cluster()
    sys.stdout.write(table(rows) + "\n")


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table; seconds, but for requests."""
    lines = ["| seconds | median | min | max | n | goal |", "|---|--:|--:|--:|--:|--:|"]
    for row in rows:
        goal = "" if row.goal is None else f"≤ {row.goal:g} {'✓' if row.median <= row.goal else '✗'}"
        low, high, n = min(row.samples), max(row.samples), len(row.samples)
        lines.append(f"| {row.title} | {row.median:.2f} | {low:.2f} | {high:.2f} | {n} | {goal} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
