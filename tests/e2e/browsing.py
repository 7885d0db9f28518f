"""A headless Chromium, driven by its debugging protocol: what a person does with a page, and what comes of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGE = "chromium-headless-shell"
PATIENCE = 120
"""Seconds that it gets for a start or a page, on a machine that makes clusters meanwhile."""
KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " "), "Backspace": (8, "")}


class Browser:
    """One tab."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._calls = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, file: Path) -> None:
        """Open a file, and wait until it is loaded, its script run."""
        self._call("Page.navigate", url=file.as_uri())
        deadline = time.monotonic() + PATIENCE
        while self.run("document.readyState + location.href") != f"complete{file.as_uri()}":
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """One key: one of KEYS, or a character."""
        code, text = KEYS.get(key, (0, key))
        name = " " if key == "Space" else key
        for kind, typed in (("keyDown", text), ("keyUp", "")):
            self._call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, text=typed)

    def tab_to(self, wanted: str) -> None:
        """Press Tab until an expression of what has the focus, ``it``, holds."""
        for _ in range(100):
            self.press("Tab")
            if self.run(f"(it => Boolean({wanted}))(document.activeElement)"):
                return
        pytest.fail(f"Tab never led to {wanted}")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while (told := json.loads(self._socket.recv())).get("id") != self._calls:
            self.events.append(told)
        assert "error" not in told, told
        return dict(told["result"])


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in *folder*, gone afterwards."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--remote-allow-origins=*"]
    command = [_chromium(), *options, f"--user-data-dir={folder}", "about:blank"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)  # a script, as a rule, and its children
    try:
        with closing(websocket.create_connection(_tab(folder), timeout=PATIENCE)) as socket:
            yield Browser(socket)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _tab(folder: Path) -> str:
    """The address at which the first tab listens, once it does."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, IndexError, httpx.HTTPError):
            port = (folder / "DevToolsActivePort").read_text().split()[0]
            tabs = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
            return next(str(tab["webSocketDebuggerUrl"]) for tab in tabs if tab["type"] == "page")
        time.sleep(0.1)
    pytest.fail(f"Chromium did not start within {PATIENCE} s")


def _chromium() -> str:
    """The program; on Debian as root it is installed where there is none."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    if not shutil.which("apt-get") or os.geteuid() != 0:
        pytest.skip(f"there is no Chromium (one of {', '.join(NAMES)})")
    subprocess.run(["apt-get", "update", "-qq"], check=False, capture_output=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", PACKAGE]
    if subprocess.run(install, check=False, capture_output=True).returncode != 0:
        pytest.skip(f"there is no Chromium, and apt-get has no {PACKAGE}")
    return PACKAGE
