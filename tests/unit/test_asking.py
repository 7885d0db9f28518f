"""Nothing is installed on the machine without a yes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import NotFound

from kindlabs.asking import nobody
from kindlabs.errors import InfraError
from kindlabs.images import debian
from kindlabs.images.lock import Lock
from kindlabs.machine import own_engine
from kindlabs.progress import Steps

DEBIAN = Lock.load(Path(__file__).parents[2]).debian["bookworm"]


def engine_with(labels: dict[str, str] | None) -> Any:
    """An engine that has a Debian image with these labels, or none."""

    def get(_: str) -> Any:
        if labels is None:
            raise NotFound("no such image")
        return SimpleNamespace(labels=labels)

    return SimpleNamespace(images=SimpleNamespace(get=get))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What apt was told, on a Debian of root's that has no debootstrap."""
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(own_engine, "_apt", lambda *arguments: told.append(arguments))
    monkeypatch.setattr(own_engine, "distribution", lambda: ("debian", 12))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    return told


@pytest.mark.parametrize(("word", "said"), [("true", True), ("", False), ("false", False)])
def test_nobody_says_yes_in_ci_alone(word: str, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can be asked the answer is no, unless the environment gave it beforehand."""
    monkeypatch.setenv("CI", word)
    assert nobody("Install docker.io?") is said


def test_what_a_build_needs_is_asked_for(installed: list[tuple[str, ...]]) -> None:
    """With a no, debootstrap is not installed, and the sentence says what to do; with a yes it is."""
    with pytest.raises(InfraError, match="not installed: debootstrap") as error:
        debian.prepare(DEBIAN, engine_with(None), "amd64", Steps(), lambda _: False)
    assert "CI=true" in error.value.next_step
    assert installed == []
    debian.prepare(DEBIAN, engine_with(None), "amd64", Steps(), lambda question: "debootstrap" in question)
    assert "debootstrap" in installed[-1]


def test_nothing_is_asked_for_what_is_there(installed: list[tuple[str, ...]]) -> None:
    """Where the engine has the Debian image nothing more is needed."""
    there = engine_with({debian.KEY_LABEL: debian.key(DEBIAN, "amd64")})
    debian.prepare(DEBIAN, there, "amd64", Steps(), lambda question: pytest.fail(f"asked: {question}"))
    assert installed == []
