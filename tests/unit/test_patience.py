"""The loop that waits for what no watch tells."""

from __future__ import annotations

from operator import not_

from kindlabs.patience import poll


def test_it_ends_with_what_is_wanted() -> None:
    """Looks go on until one is as wanted, which is given back."""
    seen = iter(["", "", "signed", "never seen"])
    assert poll(lambda: next(seen), 10, 0) == "signed"
    faults = iter(["not ready", None])
    assert poll(lambda: next(faults), 10, 0, until=not_) is None


def test_it_ends_when_time_is_over() -> None:
    """There is one look at least; the last one is given back, as it is."""
    assert poll(lambda: 0, 0, 0) == 0
    assert poll(lambda: "not ready", 0.01, 0.001, until=not_) == "not ready"
