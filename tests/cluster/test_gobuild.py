"""Programs from a Go module, by a real compiler: kept by what went in, resumed after a kill, explained when broken."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from kindlabs.errors import InfraError
from kindlabs.images import gobuild
from kindlabs.images.lock import Lock
from kindlabs.progress import Steps

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from dataclasses import replace
from pathlib import Path
from kindlabs.images import gobuild
from kindlabs.images.lock import Lock
from kindlabs.progress import Steps
lock = replace(Lock.load(Path(sys.argv[1])), course_root=Path(sys.argv[2]))
gobuild.programs(lock, ["./hello"], "amd64", Steps())
"""

needs_go = pytest.mark.skipif(
    shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin") is None, reason="needs Go"
)


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """A course whose Go module has one small program, and a cache of its own; the compiler keeps its usual one."""
    if "GOCACHE" not in os.environ:
        monkeypatch.setenv("GOCACHE", str(Path(platformdirs.user_cache_dir("go-build"))))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module = tmp_path / "clusters" / "images"
    (module / "hello").mkdir(parents=True)
    (module / "go.mod").write_text("module example.org/hello\n\ngo 1.22\n")
    (module / "go.sum").touch()
    (module / "hello" / "main.go").write_text('package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n')
    return replace(Lock.load(ROOT), course_root=tmp_path)


@needs_go
def test_a_program_is_built_once(lock: Lock) -> None:
    """The second time the file is there already; another source is another file."""
    first = gobuild.programs(lock, ["./hello"], "amd64", Steps())["./hello"]
    made = first.stat().st_mtime_ns
    assert gobuild.programs(lock, ["./hello"], "amd64", Steps())["./hello"].stat().st_mtime_ns == made
    (lock.recipes / "hello" / "main.go").write_text("package main\n\nfunc main() {}\n")
    assert gobuild.programs(lock, ["./hello"], "amd64", Steps())["./hello"] != first


@needs_go
def test_a_version_is_built_in_its_own_module(lock: Lock) -> None:
    """A package of a Kubernetes version comes from that version's module, which tells the programs which one it is."""
    module = lock.recipes / "kubernetes-1.37"
    shutil.copytree(lock.recipes / "hello", module / "hello")
    (module / "go.mod").write_text("module example.org/other\n\ngo 1.22\n")
    (module / "go.sum").touch()
    (module / "hello" / "main.go").write_text('package main\n\nfunc main() { println("other") }\n')
    built = gobuild.programs(lock, ["./hello", "./hello@1.37"], "amd64", Steps())
    said = [subprocess.run([program], capture_output=True, text=True, check=True) for program in built.values()]
    assert [done.stdout + done.stderr for done in said] == ["hello\n", "other\n"]


@needs_go
def test_a_program_is_for_the_asked_processor(lock: Lock) -> None:
    """Programs are Linux's, for the engine's processor, whatever this machine is."""
    program = gobuild.programs(lock, ["./hello"], "arm64", Steps())["./hello"].read_bytes()
    assert program[:4] == b"\x7fELF"
    assert program[18] == 0xB7  # EM_AARCH64, elf(5)


@needs_go
def test_a_killed_build_leaves_nothing_behind(lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build killed while it compiles leaves no program; the next command builds it and clears the remains away."""
    with monkeypatch.context() as cold:
        cold.setenv("GOCACHE", str(tmp_path / "gocache"))  # so that there is something to compile
        build = subprocess.Popen([sys.executable, "-c", BUILD, ROOT, tmp_path], start_new_session=True)
        deadline = time.monotonic() + 30
        while not list(tmp_path.rglob("partial-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(build.pid, signal.SIGKILL)
        assert build.wait() == -signal.SIGKILL
    place = gobuild.place(lock, "./hello", "amd64")
    assert list(tmp_path.rglob("partial-*"))
    assert not place.exists()
    assert gobuild.programs(lock, ["./hello"], "amd64", Steps()) == {"./hello": place}
    assert place.exists()
    assert not list(tmp_path.rglob("partial-*"))


@needs_go
def test_the_compilers_words_reach_the_user(lock: Lock) -> None:
    """A program that does not compile is an infrastructure error with the compiler's own line."""
    (lock.recipes / "hello" / "main.go").write_text("package main\n\nfunc main() { undefinedName() }\n")
    with pytest.raises(InfraError, match="undefined: undefinedName"):
        gobuild.programs(lock, ["./hello"], "amd64", Steps())


def test_without_go_it_says_what_to_install(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Go is missing the error names it, and the way out by a registry."""
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(InfraError, match="needs Go") as error:
        gobuild.programs(lock, ["./hello"], "amd64", Steps())
    assert "KINDLABS_REGISTRY_MIRROR" in error.value.next_step
