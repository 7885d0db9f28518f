"""A script is replayed in the cluster as the learner: what it does, may not do, where it fails, and that it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.kube import hands
from kindlabs.kube.hands import Played, replay
from kindlabs.kube.namespaces import namespace
from kindlabs.perimeter import Space

SPACE = "lab-script"
ENDS_SECONDS = 40.0
"""A script that is stopped after 3 s is over by then, on a busy machine too; the Pod would be so a minute later."""


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[str]:
    """A lab's namespace."""
    namespace(cluster.api, Space(SPACE), "script")
    yield SPACE
    cluster.api.delete("Namespace", SPACE)


def play(cluster: Cluster, *lines: str, **beside: bytes) -> Played:
    """What comes of these lines."""
    return replay(cluster.api, "\n".join(lines), beside, SPACE)


def test_it_acts_as_the_learner(cluster: Cluster, space: str) -> None:
    """It has kubectl, the files beside it and the lab's namespace; what it said is kept with its lines."""
    played = play(cluster, "# first", "kubectl create configmap one --from-file=note", "echo done", note=b"hello")
    assert (played.failed, played.line) == ("", 0)
    made = cluster.api.get("ConfigMap", "one", space)
    assert made is not None
    assert made["data"] == {"note": "hello"}
    assert "2$ kubectl create configmap one" in played.output
    assert "\ndone" in played.output


def test_its_kubeconfig_is_its_own(cluster: Cluster, space: str) -> None:
    """What a script changes in it holds for its next line, and for no other run."""
    played = play(cluster, "kubectl config set-context --current --namespace=elsewhere", "kubectl get pods")
    assert 'in the namespace "elsewhere"' in played.failed
    assert play(cluster, "kubectl get pods").failed == ""


def test_a_line_that_fails(cluster: Cluster, space: str) -> None:
    """The first command that fails ends it, and is told with its line and with what it said."""
    played = play(cluster, "true", "", "kubectl get pod nobody", "echo never")
    assert played.line == 3
    assert played.failed.startswith("`kubectl get pod nobody` ended with code 1: ")
    assert 'pods "nobody" not found' in played.failed
    assert "never" not in played.output


def test_what_the_shell_does_not_read(cluster: Cluster, space: str) -> None:
    """A quote that nobody closes is told with its line, in the shell's words."""
    played = play(cluster, "true", "echo 'open")
    assert played.failed.startswith("the shell says: ")
    assert played.line in (2, 3)


def test_rights_are_the_learners(cluster: Cluster, space: str) -> None:
    """What the learner may not do, her script may not either; the Pod that runs it has no account of its own."""
    played = play(cluster, "kubectl -n kube-system get secrets")
    assert 'User "learner" cannot list resource "secrets"' in played.failed
    assert "ended with code" in play(cluster, "cat /var/run/secrets/kubernetes.io/serviceaccount/token").failed


@pytest.mark.parametrize("loop", ["while true; do sleep 0.1; done", "while :; do :; done", "sleep 1000 & wait"])
def test_a_loop_ends(cluster: Cluster, space: str, monkeypatch: pytest.MonkeyPatch, loop: str) -> None:
    """A script that does not end is stopped, and its line is told with the seconds that it had."""
    monkeypatch.setattr(hands, "SECONDS", 3)
    begun = time.monotonic()
    played = play(cluster, "echo begins", loop)
    assert time.monotonic() - begun < ENDS_SECONDS
    assert "the script had not ended after 3 s, and was stopped at `" in played.failed
    assert ("times" in played.failed) == ("while" in loop)
    assert played.line == 2
    assert cluster.api.get("Pod", hands.NAME, hands.NAMESPACE) is None
