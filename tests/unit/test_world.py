"""What was seen of a cluster is current, or known not to be: a server on loopback plays an API server with troubles."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiserver import END, GROUP, POD, Server, api_of, serving

from kindlabs.kube import world as module
from kindlabs.kube.api import ApiTimeout, ApiUnreachable
from kindlabs.kube.world import World

WIDGETS = "/apis/example.org/v1/widgets"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A sound server; the world's patience is short."""
    monkeypatch.setattr(module, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr(module, "UNSERVED_SECONDS", 0.02)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    with serving() as made:
        yield made


@pytest.fixture
def world(server: Server, tmp_path: Path) -> Iterator[World]:
    """What is seen of it."""
    with World(api_of(server, tmp_path)) as seen:
        yield seen


def watched(world: World) -> bool:
    """Whether every kind is; without asking the server."""
    return not any(kind.stale_since for kind in world._kinds.values())


def until(true: Callable[[], bool]) -> None:
    """Return when it is true."""
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize("trouble", [(500, "{}"), (503, "not now"), (403, "{}"), (200, "[1]"), (200, "no JSON")])
def test_what_cannot_be_listed_is_unreachable(trouble: tuple[int, str], server: Server, world: World) -> None:
    """A server that refuses for ever, or answers nonsense, leaves nobody waiting for a first look."""
    server.trouble = trouble
    with pytest.raises(ApiUnreachable):
        world.list("Pod")


def test_a_lost_watch_is_out_of_date_until_it_is_back(server: Server, world: World) -> None:
    """When the watch ends and the server refuses another one, nothing is current, and a wait says so; then it mends."""
    assert [pod["metadata"]["name"] for pod in world.list("Pod")] == ["web"]
    assert world.is_current()
    server.trouble = (500, "{}")
    server.cut.set()
    until(lambda: not watched(world))
    time.sleep(module.SILENT_SECONDS)
    with pytest.raises(ApiUnreachable, match="Pod"):
        world.wait(world.revision, 0.01)
    server.cut.clear()
    server.trouble = None
    until(lambda: watched(world))
    world.wait(world.revision, 0)


def test_what_is_gone_is_remembered(server: Server, world: World) -> None:
    """An object that was deleted is there no more, and can still be asked who owned it."""
    server.events = ({"type": "DELETED", "object": POD | {"status": {"phase": "Pending"}}},)
    world.list("Pod")
    until(lambda: world.get("Pod", "web", "lab") is None)
    assert world.last("Pod", "web", "lab") == POD | {"status": {"phase": "Pending"}}
    assert world.last("Pod", "never", "lab") is None


def test_nonsense_in_a_watch_does_not_end_it(server: Server, world: World) -> None:
    """An event of which nothing can be made is no reason to show for ever what was there before."""
    server.kinds["/api/v1/pods"] = [POD, {"metadata": {}}]
    with pytest.raises(ApiUnreachable):
        world.list("Pod")
    server.kinds["/api/v1/pods"] = []
    until(lambda: watched(world))
    assert world.list("Pod") == []


def test_a_server_that_was_silent_for_long_is_asked(server: Server, world: World) -> None:
    """A watch that is open and hears nothing is no proof: a server that is gone meanwhile leaves nothing current."""
    world.list("Pod")
    time.sleep(module.SILENT_SECONDS + 0.05)
    assert world.is_current()
    server.trouble = (500, "[-]etcd failed")
    time.sleep(module.SILENT_SECONDS + 0.05)
    with pytest.raises(ApiUnreachable, match="etcd"):
        world.is_current()


def test_a_pass_is_confirmed(server: Server, world: World) -> None:
    """What was seen is confirmed by a server that answers, and not by one that has fallen silent or unready."""
    world.list("Pod")
    world.confirm()
    server.trouble = (500, "[-]etcd failed")
    with pytest.raises(ApiUnreachable, match="etcd"):
        world.confirm()


def test_a_kind_that_comes_later_is_found(server: Server, world: World) -> None:
    """A kind that is not served at the first look has no objects then, and has them once it is."""
    assert world.list("Widget.example.org") == []
    server.kinds[WIDGETS], server.groups = [POD], [GROUP]
    until(lambda: len(world.list("Widget.example.org")) == 1)


@pytest.mark.parametrize("named", [[GROUP], []], ids=["still named", "named no more"])
def test_a_kind_that_goes_has_no_objects(named: list[Any], server: Server, world: World) -> None:
    """A kind whose definition is deleted has none, also while the server still names it; it may come back."""
    server.kinds[WIDGETS], server.groups = [POD], [GROUP]
    assert len(world.list("Widget.example.org")) == 1
    del server.kinds[WIDGETS]
    server.groups = named
    server.cut.set()
    until(lambda: world.list("Widget.example.org") == [])
    end = time.monotonic() + 2 * module.SILENT_SECONDS
    while time.monotonic() < end:
        world.wait(world.revision, 0.01)  # nobody says that the server is not there
    assert world.ever("Widget.example.org") == [POD]
    server.kinds[WIDGETS], server.groups = [POD], [GROUP]
    until(lambda: len(world.list("Widget.example.org")) == 1)


def test_a_list_without_an_end(server: Server, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was listed by half counts for nothing; a server that never ends it does not answer."""
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    server.end = False
    with pytest.raises(ApiTimeout, match="Pod"):
        world.list("Pod")


def test_what_changes_during_the_list(server: Server, world: World) -> None:
    """A server whose cache is behind tells what was there, then what became of it, and then that this is all."""
    other = POD | {"metadata": POD["metadata"] | {"name": "other", "uid": "2"}}
    changes = ({"type": "ADDED", "object": other}, {"type": "DELETED", "object": POD})
    server.end, server.events = False, (*changes, END)
    assert [pod["metadata"]["name"] for pod in world.list("Pod")] == ["other"]


def test_nobody_watches_for_who_has_gone(server: Server, world: World) -> None:
    """A world that is closed while a watch begins leaves no thread that would read it to its end."""
    server.opens.clear()
    world.expect("Pod")
    server.asked.wait(5)
    world.close()
    server.opens.set()
    until(lambda: not any(kind.is_alive() for kind in world._kinds.values()))


def test_what_ever_was_there(server: Server, world: World) -> None:
    """Objects that are gone are among those that ever were, as they were last."""
    server.events = ({"type": "DELETED", "object": POD | {"status": {"phase": "Succeeded"}}},)
    until(lambda: world.list("Pod") == [])
    assert world.ever("Pod", "lab") == [POD | {"status": {"phase": "Succeeded"}}]
    assert world.ever("Pod", "other") == []
