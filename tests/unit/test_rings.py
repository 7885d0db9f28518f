"""The guard around tests that need no cluster, and the marker of those that do."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.mark.parametrize("program", ["docker", "kind", "/usr/local/bin/kubectl"])
def test_programs_of_a_cluster_do_not_start(program: str) -> None:
    """A test without the marker cannot start docker, kind or kubectl."""
    with pytest.raises(pytest.fail.Exception, match="not marked `cluster`"):
        subprocess.run([program, "version"], check=False)


def test_engine_socket_is_not_reached() -> None:
    """A test without the marker cannot speak with the Docker engine either, whichever library it uses."""
    with socket.socket(socket.AF_UNIX) as engine, pytest.raises(pytest.fail.Exception, match="about to connect"):
        engine.connect("/var/run/docker.sock")


def test_other_programs_start() -> None:
    """The guard leaves everything else alone."""
    assert subprocess.run(["true"], check=False).returncode == 0


@pytest.fixture
def collected(pytester: pytest.Pytester) -> Callable[[str], str]:
    """Tests of every ring; says which of them a marker selects."""
    pytester.makeconftest(CONFTEST.read_text().replace('pytest_plugins = ["pytester"]', ""))
    pytester.makepyfile(test_fixture="def test_asks(kind_cluster): pass\n\ndef test_plain(): pass")
    for ring, more in (("cluster", "(cluster): pass\n\ndef test_beside"), ("e2e", "")):
        pytester.mkdir(ring)
        (pytester.path / ring / f"test_{ring}.py").write_text(f"def test_in_{ring}{more}(): pass\n")
    options = ["-o", "markers=cluster: real\napart: lane", "-p", "no:cacheprovider", "--collect-only", "-q"]
    return lambda marker: pytester.runpytest_subprocess(*options, "-m", marker).stdout.str()


def test_marker_comes_by_itself(collected: Callable[[str], str]) -> None:
    """Whatever asks for a cluster fixture, or lives in a real ring, is marked; nothing else is."""
    marked = collected("cluster")
    assert all(name in marked for name in ("test_asks", "test_in_cluster", "test_beside", "test_in_e2e"))
    assert "test_plain" not in marked


def test_lanes_come_by_themselves(collected: Callable[[str], str]) -> None:
    """A file of the real rings is apart as long as none of its tests uses the warm cluster."""
    apart = collected("apart")
    assert "test_in_e2e" in apart
    assert not any(name in apart for name in ("test_in_cluster", "test_beside", "test_plain"))
