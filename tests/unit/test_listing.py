"""Clusters of a checkout where no engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindlabs.clusters import listing
from kindlabs.clusters.cluster import Cluster
from kindlabs.errors import InfraError
from kindlabs.machine import engine
from kindlabs.progress import Steps


def test_what_nobody_can_remove_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine a cluster stays, with its state, and the command says so; with no cluster there is no fault."""
    monkeypatch.setattr(engine, "find", lambda timeout: None)
    assert listing.remove(tmp_path, Steps()) == []
    cluster = Cluster.of(tmp_path, "single")
    cluster.remember()
    with pytest.raises(InfraError, match=f"nothing of {cluster.name} is removed"):
        listing.remove(tmp_path, Steps())
    assert [row.name for row in listing.list_clusters(tmp_path)] == [cluster.name]
