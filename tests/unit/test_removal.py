"""Who is not waited for when something goes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest
from apiserver import api_of, serving

from kindlabs.errors import InfraError
from kindlabs.kube import removal
from kindlabs.kube import world as world_module
from kindlabs.kube.api import Api, ApiUnreachable
from kindlabs.kube.removal import press, until_done
from kindlabs.kube.world import World

LONG_AGO, IN_TIME = "2026-11-25T23:00:00Z", "2999-01-01T00:00:00Z"


class Server:
    """Has one node, and notes what it is asked to delete at once."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The node, by its name."""
        return {"kind": kind} if name == "node-1" else None

    def patch(self, kind: str, name: str, namespace: str, patch: dict[str, Any]) -> None:
        """Note what is let go, and what still holds it."""
        self.forgotten.append(f"{kind} {name} {patch['metadata']['finalizers']}")

    def delete(self, kind: str, name: str, namespace: str, *, grace: int) -> None:
        """Note a Pod that is not waited for."""
        assert (kind, namespace, grace) == ("Pod", "lab-01", 0)
        self.forgotten.append(name)


@pytest.mark.parametrize(
    ("node", "ends_by", "late", "forgotten"),
    [
        ("node-1", IN_TIME, True, []),
        ("node-1", LONG_AGO, True, ["hello"]),
        ("no-such-node", IN_TIME, True, ["hello"]),
        ("no-such-node", IN_TIME, False, []),
    ],
    ids=["it may still end", "its hook hangs", "its node is not there", "not yet"],
)
def test_a_pod_that_nobody_ends_is_not_waited_for(node: str, ends_by: str, late: bool, forgotten: list[str]) -> None:
    """A kubelet that is not there, or that waits for a postStart hook, never says that a Pod has ended."""
    server = Server()
    meta = {"name": "hello", "namespace": "lab-01", "deletionTimestamp": ends_by, "deletionGracePeriodSeconds": 1}
    press(cast("Api", server), "Pod", {"kind": "Pod", "metadata": meta, "spec": {"nodeName": node}}, late=late)
    assert server.forgotten == forgotten


@pytest.mark.parametrize(
    ("kind", "known", "forgotten"),
    [
        ("ReplicaSet.apps", 1, []),
        ("ReplicaSet.apps", 2, ["ReplicaSet.apps web ['example.kubernetes.io/mine']"]),
        ("Job.batch", 2, []),
    ],
    ids=["its controller may make one more Pod", "its controller has heard", "its controller does not say"],
)
def test_an_owner_is_let_go_once_its_controller_has_heard(kind: str, known: int, forgotten: list[str]) -> None:
    """Nobody waits for the garbage collector to find that an owner owns nothing any more; others are waited for."""
    server, finalizers = Server(), ["foregroundDeletion", "example.kubernetes.io/mine"]
    meta = {
        "name": "web",
        "namespace": "lab-01",
        "deletionTimestamp": IN_TIME,
        "generation": 2,
        "finalizers": finalizers,
    }
    press(cast("Api", server), kind, {"metadata": meta, "status": {"observedGeneration": known}})
    assert server.forgotten == forgotten


def test_what_becomes_less_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as something goes nobody gives up, however long it takes in all; when nothing more goes, it is said."""
    now = [0.0]
    monkeypatch.setattr(removal.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(removal.time, "sleep", lambda _: now.__setitem__(0, now[0] + removal.GONE_SECONDS / 2))
    counts = iter([4, 4, 3, 2, 2, 1, 0])
    until_done(lambda _late: next(counts), "all to go")
    assert now[0] == 3 * removal.GONE_SECONDS
    with pytest.raises(InfraError, match="waited 90 s for the last one to go, in vain"):
        until_done(lambda _late: 1, "the last one to go")


@pytest.mark.parametrize("left", [1, 0], ids=["something is left", "nothing is left, as far as was seen"])
def test_a_server_that_is_gone_ends_the_wait(left: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A wait by watches hears when the API server falls silent, and believes nothing that was seen before."""
    monkeypatch.setattr(world_module, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(world_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(removal, "GONE_SECONDS", 3.0)  # whoever asks nobody gives up then
    with serving() as server, World(api_of(server, tmp_path)) as world:
        until_done(lambda _: len(world.list("Pod")) - 1, "nothing", world)
        server.trouble = (500, "[-]etcd failed")
        if left == 0:
            server.cut.set()
            while not any(kind.stale_since for kind in world._kinds.values()):
                time.sleep(0.005)
        with pytest.raises(ApiUnreachable):
            until_done(lambda _: left, "the rest to go", world)
