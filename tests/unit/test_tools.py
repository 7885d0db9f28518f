"""kind and kubectl: which versions fit, and where they come from when none does."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from kindlabs.clusters import tools
from kindlabs.errors import InfraError
from kindlabs.images import gobuild
from kindlabs.progress import Steps

PROGRAM = b"""#!/bin/sh
if [ "$2" = -q ]; then echo 0.33.0; else echo '{"clientVersion": {"gitVersion": "v1.36.4"}}'; fi
"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and writes no log."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that stands for the publishers' release pages; no tool on PATH, none in the cache, no Go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(gobuild, "go_program", _no_go)
    folder = tmp_path / "releases"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(tools, "KIND_RELEASES", address)
        monkeypatch.setattr(tools, "KUBERNETES_RELEASES", address)
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield folder
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("version", "fits"), [("0.33.0", True), ("0.33.2", True), ("0.32.0", False), ("0.34.0", False)]
)
def test_kind_of_the_pinned_minor_version_fits(version: str, fits: bool) -> None:
    """Node images and config are made for one minor version of kind."""
    assert tools.kind_fits(version) is fits


@pytest.mark.parametrize(
    ("version", "fits"), [("1.34.9", False), ("1.35.0", True), ("1.36.4", True), ("1.37.1", True), ("1.38.0", False)]
)
def test_kubectl_may_differ_by_one_minor_version(version: str, fits: bool) -> None:
    """Kubernetes' own skew policy."""
    assert tools.kubectl_fits(version) is fits


def test_a_program_that_says_nonsense_has_no_version(tmp_path: Path) -> None:
    """A broken or strange program on PATH is passed over, not believed."""
    strange = tmp_path / "strange"
    strange.write_text("#!/bin/sh\necho I am a wrapper\n")
    strange.chmod(0o755)
    assert tools.version_of("kind", str(strange)) is None
    assert tools.version_of("kubectl", str(strange)) is None
    assert tools.version_of("kind", str(tmp_path / "nothing")) is None


@pytest.mark.parametrize("machine", [("linux", "amd64"), ("darwin", "arm64")])
def test_a_download_is_the_machines_own(
    releases: Path, monkeypatch: pytest.MonkeyPatch, machine: tuple[str, str]
) -> None:
    """Each system and processor gets the release made for it, executable, and once."""
    monkeypatch.setattr(tools, "_machine", lambda: machine)
    _publish(releases / f"v{tools.KIND}" / f"kind-{machine[0]}-{machine[1]}", ".sha256sum")
    _publish(releases / f"v{tools.KUBECTL}" / "bin" / machine[0] / machine[1] / "kubectl", ".sha256")
    for get in (tools.kind, tools.kubectl):
        program = get(Steps())
        assert program.read_bytes() == PROGRAM
        assert program.stat().st_mode & 0o111
        made = program.stat().st_mtime_ns
        assert get(Steps()).stat().st_mtime_ns == made


def test_what_was_cut_short_is_got_again(releases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the cache that a power cut left empty is no dead end."""
    monkeypatch.setattr(tools, "_machine", lambda: ("linux", "amd64"))
    _publish(releases / f"v{tools.KIND}" / "kind-linux-amd64", ".sha256sum")
    program = tools.kind(Steps())
    program.write_bytes(b"")
    assert tools.kind(Steps()).read_bytes() == PROGRAM


def test_a_download_of_another_content_is_refused(releases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What differs from the published checksum is neither kept nor used."""
    monkeypatch.setattr(tools, "_machine", lambda: ("linux", "amd64"))
    release = releases / f"v{tools.KIND}" / "kind-linux-amd64"
    _publish(release, ".sha256sum")
    release.write_bytes(PROGRAM + b"evil\n")
    with pytest.raises(InfraError, match="expected the published checksum"):
        tools.kind(Steps())
    assert not [path for path in gobuild.cache_dir().rglob("*") if path.is_file()]


def test_every_way_that_failed_is_told(releases: Path) -> None:
    """Without any way to kind, the error says why each failed, and what to install."""
    with pytest.raises(InfraError, match="no Go here") as error:
        tools.kind(Steps())
    assert "404" in error.value.message
    assert "kind 0.33.0" in error.value.next_step
    assert releases.exists()


def _publish(path: Path, checksum_ending: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PROGRAM)
    checksum = hashlib.sha256(PROGRAM).hexdigest()
    path.with_name(path.name + checksum_ending).write_text(f"{checksum}  {path.name}\n")


def _no_go() -> str:
    raise InfraError("no Go here")
