"""Findings about the machine: what counts as too little, and that each trouble comes with advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindlabs.clusters import doctor
from kindlabs.clusters.cluster import Cluster, Facts

GIB = 2**30


@pytest.mark.parametrize(("memory", "state"), [(1, "bad"), (3, "warn"), (16, "ok")])
def test_memory(memory: int, state: str) -> None:
    """Little memory is a warning, too little a fault; both say how to get more."""
    finding = doctor._memory({"MemTotal": memory * GIB})
    assert finding.state == state
    assert bool(finding.advice) == (state != "ok")


@pytest.mark.parametrize(("version", "state"), [("1", "warn"), ("2", "ok"), ("", "warn")])
def test_cgroups(version: str, state: str) -> None:
    """Cgroup v1 works with a warning, v2 is fine, and an engine that is silent leaves it unknown."""
    assert doctor._cgroups({"CgroupVersion": version}).state == state


def test_no_engine_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine nothing works, and the advice says who can start one."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    finding = doctor._engine({})
    assert finding.state == "bad"
    assert "start docker" in finding.advice


def test_the_engine_that_a_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set DOCKER_HOST is told that it is why no engine is found."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://build:2375")
    finding = doctor._engine({})
    assert "tcp://build:2375, which DOCKER_HOST names" in finding.found
    assert "unset" in finding.advice


def test_proxy_on_the_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy at localhost is another machine's for the nodes; a proxy elsewhere is fine."""
    for name in doctor.PROXIES:
        monkeypatch.delenv(name, raising=False)
    assert doctor._proxies().state == "ok"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert doctor._proxies().state == "ok"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert doctor._proxies().state == "warn"


def test_cluster_out_of_reach(tmp_path: Path) -> None:
    """A cluster that is too old for kubectl is named, with what to do."""
    for profile, version in (("single", "v1.36.3"), ("three-nodes", "v1.33.0")):
        cluster = Cluster.of(tmp_path, profile)
        cluster.facts = Facts(profile, "made", version)
        cluster.remember()
    finding = doctor._skew(tmp_path)
    assert finding.state == "warn"
    assert "v1.33.0" in finding.found
    assert "v1.36.3" not in finding.found


def test_ports_of_clusters_and_the_next(tmp_path: Path) -> None:
    """The ports of this checkout's clusters are listed, and which are free next."""
    cluster = Cluster.of(tmp_path, "single")
    cluster.facts.ports = {"http": 9080, "https": 9443}
    cluster.remember()
    finding = doctor._ports(tmp_path)
    assert f"{cluster.name} has 9080 and 9443" in finding.found
    assert "next free" in finding.found


def test_wrong_word_for_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that IMAGES cannot be is found here, before a command stumbles over it."""
    monkeypatch.setenv("IMAGES", "borrow")
    assert doctor._images().state == "bad"


@pytest.mark.parametrize(
    ("word", "state", "found"),
    [
        ("", "ok", "1.36; KUBERNETES=1.37 asks for another"),
        ("1.37", "ok", "1.37; KUBERNETES=1.36 asks for another"),
        ("1.12", "bad", "Expected KUBERNETES=1.36 or KUBERNETES=1.37, found KUBERNETES=1.12."),
    ],
)
def test_which_kubernetes(word: str, state: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version of the next cluster, and the others; a version that there is not is found here."""
    monkeypatch.setenv("KUBERNETES", word)
    finding = doctor._kubernetes(Path(__file__).parents[2])
    assert (finding.state, finding.found) == (state, found)
    assert bool(finding.advice) == (state == "bad")
