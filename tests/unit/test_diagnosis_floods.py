"""Who is said to hold the judge's own Pods busy, from tables as the kernel writes them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from kindlabs.diagnosis import floods
from kindlabs.kube.api import Api, Object
from kindlabs.kube.streams import Ran

HEAD = "  sl  local_address                         remote_address                        st tx_queue rx_queue"
LISTENS = "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000"
HELD = "   1: 0000000000000000FFFF00000200F40A:1F90 0000000000000000FFFF00000900F40A:{0:04X} 01 00000000:00000000"


def pod(name: str, address: str) -> Object:
    """A Pod with an address."""
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "lab-02"}, "status": {"podIP": address}}


@pytest.mark.parametrize(("connections", "is_told"), [(floods.HELD, True), (floods.HELD - 1, False)])
def test_who_holds_many_connections_is_told(connections: int, is_told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Pod whose address many connections have is named, one with a few is not, and nor is its neighbour."""
    table = "\n".join([HEAD, LISTENS, *(HELD.format(port) for port in range(40000, 40000 + connections))])
    monkeypatch.setattr(floods, "run", lambda *_: Ran(0, table, ""))
    api = cast("Api", SimpleNamespace(list=lambda *_: [pod("probe-1", "10.244.0.2")]))
    cause = floods.why_flooded(api, [pod("web", "10.244.0.8"), pod("flood", "10.244.0.9")])
    assert (cause is not None) == is_told
    if cause:
        assert cause.message.startswith(f"Pod flood holds {connections} connections to Pods in kl-probe")
