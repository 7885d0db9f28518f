"""What is said where no engine answers: each machine gets the sentence that helps there."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kindlabs.errors import InfraError
from kindlabs.machine import engine, own_engine
from kindlabs.progress import Steps


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No engine, no variable that names one, and questions that may not be asked."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setattr(engine, "find", lambda: None)
    monkeypatch.setattr(own_engine, "SOCKET", str(tmp_path / "docker.sock"))


def ensure() -> InfraError:
    """The error of a machine that gets no engine."""
    with pytest.raises(InfraError) as error:
        engine.ensure(Steps(), lambda question: pytest.fail(f"asked: {question}"))
    return error.value


def test_a_named_engine_that_is_silent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set DOCKER_HOST wants that engine, and no other is started behind their back."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://build:2375")
    assert "tcp://build:2375" in ensure().message


@pytest.mark.parametrize("host", ["nonsense", "tcp://127.0.0.1:99999", "http://[::1"])
def test_a_variable_that_makes_no_sense(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """A DOCKER_HOST that cannot be an address is an engine that does not answer."""
    monkeypatch.undo()
    monkeypatch.setenv("DOCKER_HOST", host)
    assert engine.find(timeout=1) is None


def test_a_context_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_CONTEXT is told apart from DOCKER_HOST."""
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    assert "nowhere, which DOCKER_CONTEXT names" in ensure().message


def test_a_mac_is_told_of_docker_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS nothing is installed; Docker Desktop is to be started."""
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert "Docker Desktop" in ensure().next_step


def test_a_user_without_the_group_is_told_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is there and may not be used is a matter of the group docker."""
    Path(own_engine.SOCKET).touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "usermod -aG docker" in ensure().next_step


def test_a_user_who_is_not_root_is_told_what_root_would_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root nothing is installed or started."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "only root can start one" in ensure().message


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"OSType": "windows"}, "Linux containers"),
        ({"OSType": "linux", "SecurityOptions": ["name=rootless"], "CgroupVersion": "1"}, "cgroup v2"),
    ],
)
def test_an_engine_that_kind_cannot_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], words: str
) -> None:
    """Windows containers, and rootless on cgroup v1, end before kind would fail on them."""
    monkeypatch.setattr(engine, "find", lambda: SimpleNamespace(info=lambda: info))
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/docker")
    assert words in ensure().message


@pytest.mark.parametrize(
    ("release", "packages"),
    [
        (("debian", 12), ["docker.io/trixie", "containerd/trixie", "docker-cli/trixie", "iptables"]),
        (("debian", 13), ["docker.io", "containerd", "docker-cli", "iptables"]),
        (("ubuntu", 24), ["docker.io", "iptables"]),
    ],
)
def test_each_distribution_has_its_packages(
    monkeypatch: pytest.MonkeyPatch, release: tuple[str, int], packages: list[str]
) -> None:
    """Debian 12 takes the engine of Debian 13; Ubuntu's brings its command along."""
    monkeypatch.setattr(own_engine, "distribution", lambda: release)
    assert own_engine.engine_packages() == packages


def test_an_unknown_distribution_is_told_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere than on Debian and Ubuntu nothing is installed."""
    monkeypatch.setattr(own_engine, "distribution", lambda: None)
    with pytest.raises(InfraError, match="neither Debian nor Ubuntu") as error:
        own_engine.engine_packages()
    assert "docs.docker.com" in error.value.next_step


def test_a_pid_file_of_somebody_else_goes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A number that now belongs to another process is no engine; one of a process of that name stays."""
    mine, name = tmp_path / "mine.pid", Path("/proc/self/comm").read_text().strip()
    other, gone = tmp_path / "other.pid", tmp_path / "gone.pid"
    for file in (mine, other):
        file.write_text(str(os.getpid()))
    gone.write_text("4194305")  # above the kernel's largest process number
    for program, file, stays in ((name, mine, True), ("dockerd", other, False), ("dockerd", gone, False)):
        monkeypatch.setattr(own_engine, "PID_FILES", {program: file})
        own_engine._forget_dead_engine()
        assert file.exists() is stays


@pytest.mark.parametrize(("ours", "asked"), [(True, 0), (False, 1)])
def test_an_engine_of_ours_is_started_without_a_question(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ours: bool, asked: int
) -> None:
    """One that was started by us comes back by itself; whether another one that was stopped may run, is asked."""
    monkeypatch.setattr(own_engine, "STATE", tmp_path)
    monkeypatch.setattr(own_engine, "STARTED", tmp_path / "dockerd.pid")
    monkeypatch.setattr(own_engine, "_answers", lambda: False)
    monkeypatch.setattr(own_engine, "_dockerd", lambda: "/usr/sbin/dockerd")
    started: list[Steps] = []
    monkeypatch.setattr(own_engine, "_start", started.append)
    questions: list[str] = []
    if ours:
        own_engine.STARTED.touch()
    own_engine.bring_up(Steps(), lambda question: not questions.append(question))
    assert (len(started), len(questions)) == (1, asked)
    if not ours:
        with pytest.raises(InfraError, match="none was to be started"):
            own_engine.bring_up(Steps(), lambda _: False)
