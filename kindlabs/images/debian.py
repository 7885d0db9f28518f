"""The Debian that node images stand on, and that other images take files from: made once a release by debootstrap."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from docker.errors import NotFound

from kindlabs.asking import Ask
from kindlabs.errors import InfraError
from kindlabs.images import gobuild
from kindlabs.images.lock import Debian
from kindlabs.machine import own_engine
from kindlabs.progress import Step, Steps

KEY_LABEL = "kind-labs.key"
"""Label of every built image: digest of its inputs. Published images do not have it."""
PHASES = ("Retrieving", "Unpacking", "Configuring")
"""What debootstrap does with each package; it writes a line for each."""

LINES = 560
"""About as many lines as debootstrap writes for the packages of the lock file; what the progress bar is measured by."""

NEEDLESS = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def key(system: Debian, arch: str) -> str:
    """A digest of what goes in: suite, packages, processor."""
    return hashlib.sha256("\0".join([system.suite, arch, *system.packages]).encode()).hexdigest()[:16]


def prepare(system: Debian, client: docker.DockerClient, arch: str, steps: Steps, ask: Ask) -> None:
    """See, before anything is built, that the Debian image is there or can be made, with what that needs installed.

    Raises:
        InfraError: why it cannot be made here; or debootstrap is missing, and *ask* said no.
    """
    if _is_there(system, client, arch):
        return
    _refuse_where_impossible(arch)
    if shutil.which("debootstrap") is None:
        own_engine.install(steps, ask, ["debootstrap", "debian-archive-keyring"])


def ensure(system: Debian, client: docker.DockerClient, arch: str, steps: Steps) -> None:
    """Have the Debian image in the engine; :func:`prepare` comes first.

    Raises:
        InfraError: debootstrap failed.
    """
    if _is_there(system, client, arch):
        return
    kept = gobuild.cache_dir() / "debs"
    kept.mkdir(parents=True, exist_ok=True)
    with steps.step(f"Make a Debian {system.suite} root file system", LINES) as step, _empty_root() as root:
        _debootstrap(system, arch, root, kept, step)
        step.note("importing it")
        _import(root, system, arch, client)


@contextmanager
def _empty_root() -> Iterator[Path]:
    """A folder for a root file system; it goes at the end, and so does what a killed command left."""
    for left in gobuild.cache_dir().glob("debian-*"):
        _remove(left)
    root = Path(tempfile.mkdtemp(dir=gobuild.cache_dir(), prefix="debian-"))
    root.chmod(0o755)  # it becomes the image's /
    try:
        yield root
    finally:
        _remove(root)


def _remove(root: Path) -> None:
    """Debootstrap mounts /proc and /sys inside while it works; a killed one leaves them mounted."""
    for mounted in ("proc", "sys"):
        subprocess.run(["umount", "--quiet", "--lazy", str(root / mounted)], capture_output=True, check=False)
    shutil.rmtree(root, ignore_errors=True)


def _is_there(system: Debian, client: docker.DockerClient, arch: str) -> bool:
    with suppress(NotFound):
        return bool(client.images.get(system.reference).labels.get(KEY_LABEL) == key(system, arch))
    return False


def _refuse_where_impossible(arch: str) -> None:
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    why = ""
    if platform.system() != "Linux" or own_engine.distribution() is None:
        why = f"this is {platform.system()}"
    elif os.geteuid() != 0:
        why = "you are not root"
    elif here != arch:
        why = f"this machine is {here} and the engine {arch}"
    if why:
        raise InfraError(
            f"No image registry can be reached, and node images are built on Debian or Ubuntu as root only; {why}.",
            "Set KINDLABS_REGISTRY_MIRROR to a registry that holds the images, or docker load them.",
        )


def _debootstrap(system: Debian, arch: str, root: Path, kept: Path, step: Step) -> None:
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--arch={arch}",
        f"--cache-dir={kept}",
        f"--include={','.join(system.packages)}",
        system.suite,
        str(root),
    ]
    mirror = own_engine.debian_mirror()
    if mirror:
        command.append(mirror)  # otherwise debootstrap's own default
    lines: list[str] = []
    told: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        for line in run.stdout or []:
            lines.append(line.rstrip())
            phase = next((phase for phase in PHASES if line.startswith(f"I: {phase}") and phase not in told), "")
            told.add(phase)
            step.advance(note=phase.lower())
    if run.returncode != 0:
        said = "\n  ".join(lines[-5:])
        raise InfraError(f"debootstrap failed:\n  {said}", "Run the same command again; what is downloaded is kept.")


def _import(root: Path, system: Debian, arch: str, client: docker.DockerClient) -> None:
    for needless in NEEDLESS:
        shutil.rmtree(root / needless, ignore_errors=True)
    repository, _, tag = system.reference.partition(":")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        client.api.import_image_from_stream(
            tar.stdout, repository=repository, tag=tag, changes=[f"LABEL {KEY_LABEL}={key(system, arch)}"]
        )
