"""Who holds the judge's own Pods busy: connections, as the kernel counts them in their network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kindlabs.diagnosis.cause import Cause, about
from kindlabs.kube.api import Api, Object
from kindlabs.kube.objects import dig
from kindlabs.kube.probing import NAMESPACE, PROBE
from kindlabs.kube.streams import run

HELD = 50
"""Connections of one Pod to ours that are no accident: no lab asks for any."""
TABLES = ("/proc/net/tcp6", "/proc/net/tcp")
LOOK_SECONDS, TABLE_BYTES = 5.0, 2**22


def why_flooded(api: Api, pods: Iterable[Object]) -> Cause | None:
    """The first of *pods* that holds many connections to ours, by which the cluster is proven.

    Raises: ApiError, ApiUnreachable, Unended when nobody can look.
    """
    ours = api.list("Pod", NAMESPACE, ",".join(f"{key}={value}" for key, value in PROBE.items()))
    held = Counter(address for own in ours for address in _peers(api, own["metadata"]["name"]))
    for pod in pods:
        count = held[dig(pod, "status", "podIP")]
        if count >= HELD:
            text = f"Pod {pod['metadata']['name']} holds {count} connections to Pods in {NAMESPACE}"
            return about(pod, "FloodsTheJudge", f"{text}, by which the cluster is proven; no lab asks for any.")
    return None


def _peers(api: Api, pod: str) -> Iterator[str]:
    """The IPv4 address of each connection's other end."""
    said = run(api, pod, NAMESPACE, "", ["cat", *TABLES], LOOK_SECONDS, TABLE_BYTES).stdout
    for line in said.splitlines():
        fields = line.split()
        if len(fields) > 2 and ":" in fields[2]:
            yield address_in(fields[2])


def address_in(remote: str) -> str:
    """``0500F40A:9C40`` of /proc/net/tcp, or the same at the end of an IPv6 address, as ``10.244.0.5``.

    Source: proc_net_tcp.txt in the kernel's documentation; the bytes of each word are the machine's, so turned round.
    """
    word = remote.partition(":")[0][-8:]
    return ".".join(str(byte) for byte in reversed(bytes.fromhex(word)))
