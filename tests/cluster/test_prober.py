"""The prober in a real cluster: sessions that are lost, several askers at once, and requests from inside a Pod."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube import probing
from kindlabs.kube.api import ApiError, ApiUnreachable, Object
from kindlabs.kube.objects import is_ready
from kindlabs.kube.streams import Unended, run

EAR = probing.host_of("probe")
SPACE = "kl-guests"


@pytest.fixture(scope="module")
def pod(cluster: Cluster) -> Iterator[Object]:
    """A Pod in a namespace where Pod Security is as strict as it can be."""
    api, labels = cluster.api, {"pod-security.kubernetes.io/enforce": "restricted"}
    mouth = api.get("Pod", probing.MOUTH, probing.NAMESPACE) or {}
    (like,) = mouth["spec"]["containers"]
    container = {key: like[key] for key in ("image", "imagePullPolicy", "securityContext")} | {"name": "app"}
    spec = {"containers": [container | {"args": ["serve-hostname", "--port=8080"]}], "terminationGracePeriodSeconds": 0}
    api.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE, "labels": labels}}, manager="kind-labs"
    )
    account = time.monotonic() + 10
    while api.get("ServiceAccount", "default", SPACE) is None and time.monotonic() < account:
        time.sleep(0.1)
    meta = {"name": "app", "namespace": SPACE}
    api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}, manager="kind-labs")
    until = time.monotonic() + 60
    while not is_ready(found := api.get("Pod", "app", SPACE) or {}):
        assert time.monotonic() < until, found.get("status")
        time.sleep(0.1)
    yield found
    api.delete("Namespace", SPACE)


def test_a_lost_session_is_opened_again(cluster: Cluster) -> None:
    """A shell that ended between two requests, or in the middle of one, costs no answer."""
    shells = probing.mouth(cluster.api)
    assert probing.dial(cluster.api, EAR, 80, timeout=5)["responses"]
    with pytest.raises(ApiUnreachable):
        shells.ask("kill -9 $$", "", timeout=5, limit=100)
    assert probing.dial(cluster.api, EAR, 80, timeout=5)["responses"]


def test_several_ask_at_once(cluster: Cluster) -> None:
    """Nobody waits for somebody else's silence, and each gets its own answer."""
    silent = "10.255.255.1"  # nobody's; packets go nowhere, or are refused

    def ask(number: int) -> str:
        host = silent if number % 2 else EAR
        try:
            return str(probing.dial(cluster.api, host, 80, timeout=10))
        except ApiUnreachable as error:
            return error.message

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert all("probe-" in answers[number] for number in (0, 2)), answers
    assert all("probe-" not in answers[number] for number in (1, 3)), answers


def test_a_command_ends(cluster: Cluster, pod: Object) -> None:
    """What a container says has its code and both outputs; one that never ends, or never stops, does."""
    place = (cluster.api, pod["metadata"]["name"], SPACE, "app")
    assert run(*place, ["sh", "-c", "echo out; echo err >&2; exit 3"], 20, 100) == (3, "out\n", "err\n")
    with pytest.raises(Unended, match="had not ended"):
        run(*place, ["sleep", "60"], 1, 100)
    with pytest.raises(Unended, match="more than 1000 bytes"):
        run(*place, ["yes"], 20, 1000)
    with pytest.raises(ApiError):
        run(*place, ["no-such-program"], 20, 100)


def test_a_request_starts_inside_a_pod(cluster: Cluster, pod: Object) -> None:
    """The Pod's own loopback answers, its container does not restart, and the second request needs nothing new."""
    ask = (cluster.api, pod, "127.0.0.1", 8080)
    assert probing.dial_from(*ask, timeout=10)["responses"] == ["app"]
    assert probing.dial_from(*ask, tries=3, timeout=10)["responses"] == ["app"] * 3
    now = cluster.api.get("Pod", "app", SPACE) or {}
    assert len(now["spec"]["ephemeralContainers"]) == 1
    assert now["status"]["containerStatuses"][0]["restartCount"] == 0
