"""The rings of tests: what uses a cluster is marked ``cluster`` by itself; what is not marked cannot reach one.

The real rings run in two lanes at once, each a pytest of its own: what uses the warm cluster, and what is ``apart``.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
REAL_RINGS = (HERE / "cluster", HERE / "e2e")
PROGRAMS = {"docker", "dockerd", "kind", "kubectl"}
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.exec"}

WARM = {"cluster", "leased", "typed"}
"""Fixtures that take the warm cluster, or type commands that do."""

running: pytest.Item | None = None
"""The test that runs now, where it must not reach a cluster."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lives in a real ring, or asks for a fixture whose name says cluster; and what needs no warm one."""
    warm = {item.path for item in items if WARM & _fixtures(item)}
    for item in items:
        in_ring = any(item.path.is_relative_to(ring) for ring in REAL_RINGS)
        if in_ring or any("cluster" in name for name in _fixtures(item)):
            item.add_marker(pytest.mark.cluster)
        if in_ring and item.path not in warm:
            item.add_marker(pytest.mark.apart)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", []))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Guard a test that is not marked for as long as it runs, fixtures included."""
    global running
    running = None if item.get_closest_marker("cluster") else item
    try:
        return (yield)
    finally:
        running = None


def is_real(program: Path) -> bool:
    """Whether it is one of PROGRAMS, and not a fake one that a test has written into its own folder."""
    return program.name in PROGRAMS and not program.is_relative_to(tempfile.gettempdir())


def guard(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail the running test when Python is about to start one of PROGRAMS, or to connect to an engine's socket.

    An audit hook sees every way in, libraries' included.
    Source: "Audit events table", docs.python.org/3/library/audit_events.html
    """
    if running is None:
        return
    if event in STARTS and is_real(Path(os.fsdecode(arguments[0]))):
        reached = f"start {os.fsdecode(arguments[0])}"
    elif event == "socket.connect" and str(arguments[1]).endswith("docker.sock"):
        reached = f"connect to {arguments[1]}"
    else:
        return
    pytest.fail(f"{running.nodeid} is not marked `cluster`, and was about to {reached}", pytrace=False)


sys.addaudithook(guard)
# What a script starts with & ignores Ctrl-C, and so would the commands that tests start, and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
