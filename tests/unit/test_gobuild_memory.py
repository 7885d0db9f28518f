"""How much memory a compiler may take before it collects garbage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kindlabs.images import gobuild


@pytest.mark.parametrize(
    ("free_mib", "cores", "expected"),
    [
        (16000, 2, {"GOGC": "off", "GOMEMLIMIT": "6000MiB"}),
        (8000, 2, {"GOGC": "off", "GOMEMLIMIT": "3000MiB"}),
        (16000, 8, {}),
        (3000, 2, {}),
    ],
)
def test_a_compiler_gets_its_share(
    free_mib: int, cores: int, expected: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each core's compiler gets an equal part of three quarters of what is free; too small a part changes nothing."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemTotal: 99999999 kB\nMemAvailable: {free_mib * 1024} kB\nSwapTotal: 0 kB\n")
    monkeypatch.setattr(gobuild, "MEMINFO", meminfo)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert gobuild.collector() == expected


def test_elsewhere_go_decides_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not say what is free, nothing is set."""
    monkeypatch.setattr(gobuild, "MEMINFO", tmp_path / "none")
    assert gobuild.collector() == {}
