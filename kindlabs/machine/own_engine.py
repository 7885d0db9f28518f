"""An engine of our own making: Docker from the distribution's packages, started by hand where no init system does.

Its state is the machine's, not the checkout's: pid file and lock in ``/run/kind-labs``, log in ``/var/log``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import docker
from docker.errors import DockerException
from filelock import FileLock

from kindlabs.asking import Ask
from kindlabs.errors import InfraError
from kindlabs.patience import LOOK_LATER, poll
from kindlabs.progress import Steps

SOCKET = "/var/run/docker.sock"
STATE = Path("/run/kind-labs")
STARTED = STATE / "dockerd.pid"
"""Says that the engine is of our starting, and may be started again without a question."""
LOG = Path("/var/log/kind-labs-dockerd.log")
PID_FILES = {
    "dockerd": Path("/var/run/docker.pid"),
    "containerd": Path("/var/run/docker/containerd/containerd.pid"),
}
APT_SOURCE = Path("/etc/apt/sources.list.d/kind-labs.sources")
APT_PIN = Path("/etc/apt/preferences.d/kind-labs")
START_TIMEOUT = 60
"""Seconds until dockerd's socket must answer; 2 s are usual, a full image store on a slow disk takes longer."""
INOTIFY_INSTANCES = 512


def bring_up(steps: Steps, ask: Ask) -> None:
    """Start the machine's dockerd, installed first where it is missing, once *ask* says yes. Needs root.

    Raises:
        InfraError: the answer was no, the distribution is unknown, or dockerd ends at once.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    with FileLock(STATE / "engine.lock"):
        if _answers():
            return  # another command was faster
        if _dockerd() is None:
            install(steps, ask, engine_packages())
        elif not STARTED.exists() and not ask("No Docker engine runs. Start the one that is installed?"):
            raise InfraError("No Docker engine runs, and none was to be started.", "Start dockerd, or set CI=true.")
        if not _answers():
            _start(steps)


def distribution() -> tuple[str, int] | None:
    """``("debian", 12)`` or ``("ubuntu", 24)`` of this machine; None elsewhere. Source: os-release(5)."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    release = dict(line.split("=", 1) for line in lines if "=" in line)
    name, version = release.get("ID", ""), release.get("VERSION_ID", "").strip('"').split(".")[0]
    return (name, int(version)) if name in ("debian", "ubuntu") and version.isdigit() else None


def engine_packages() -> list[str]:
    """What to install for an engine on this distribution.

    Debian 12's own engine, 20.10, cannot give a container all capabilities on a new kernel, so there it comes from
    Debian 13.

    Raises:
        InfraError: neither Debian nor Ubuntu.
    """
    known = distribution()
    if known is None:
        raise InfraError(
            "No Docker engine is installed, and this is neither Debian nor Ubuntu.",
            "Install Docker Engine: https://docs.docker.com/engine/install/",
        )
    if known[0] == "ubuntu":
        return ["docker.io", "iptables"]
    suite = "/trixie" if known[1] == 12 else ""
    return [f"docker.io{suite}", f"containerd{suite}", f"docker-cli{suite}", "iptables"]


def install(steps: Steps, ask: Ask, packages: Sequence[str]) -> None:
    """Install *packages* by apt, once *ask* says yes.

    Raises:
        InfraError: the answer was no, or apt failed.
    """
    names = " ".join(package.split("/")[0] for package in packages)
    if not ask(f"Install {names} from this machine's own package sources?"):
        raise InfraError(
            f"Needed and not installed: {names}.", "Run the same command again and say yes, or set CI=true."
        )
    with steps.step(f"Install {names}") as step:
        step.note("reading the package lists")
        _apt("update")
        if any(package.endswith("/trixie") for package in packages):
            _add_newer_suite()
            _apt("update")
        step.note("installing")
        _apt("install", "--yes", "--no-install-recommends", *packages)


def _add_newer_suite() -> None:
    """Debian 13 beside Debian 12, at so low a priority that nothing comes from it unasked."""
    mirror = debian_mirror()
    if mirror is None:
        raise InfraError("No apt source of this machine serves Debian itself.", "Add one to /etc/apt/sources.list.d.")
    APT_SOURCE.write_text(
        f"Types: deb\nURIs: {mirror}\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
    APT_PIN.write_text("Package: *\nPin: release n=trixie\nPin-Priority: 50\n")


def debian_mirror() -> str | None:
    """Where this machine's own apt sources get Debian from; None where they name none (Ubuntu). Needs root.

    Raises:
        InfraError: the package lists cannot be read from there.
    """
    known = distribution()
    if known is None or known[0] != "debian":
        return None
    if (mirror := _listed_mirror()) is None:
        _apt("update")  # without lists apt does not know which of its sources is Debian
        mirror = _listed_mirror()
    return mirror


def _listed_mirror() -> str | None:
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)"], capture_output=True, text=True, check=False
    )
    targets = (line.split("|", 1) for line in listed.stdout.splitlines() if "|" in line)
    return next((uri for label, uri in targets if label == "Debian"), None)


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["apt-get", "-qq", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise InfraError(
            f"apt-get {arguments[0]} failed:\n  " + "\n  ".join(said), "apt-get update, and read its words"
        )


def _dockerd() -> str | None:
    return shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")


def _answers() -> bool:
    try:
        client = docker.DockerClient(base_url=f"unix://{SOCKET}", timeout=10)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (DockerException, OSError):
        return False


def _start(steps: Steps) -> None:
    with steps.step("Start the Docker engine"):
        if Path("/run/systemd/system").is_dir():
            subprocess.run(["systemctl", "start", "docker"], capture_output=True, check=False)
            _wait(None)
            return
        _forget_dead_engine()
        _raise_inotify_limit()
        environment = os.environ | {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}
        with LOG.open("ab") as log:
            engine = subprocess.Popen(
                [_dockerd() or "dockerd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it outlives this command
                env=environment,
                cwd="/",
            )
        STARTED.write_text(str(engine.pid))
        _wait(engine)


def _raise_inotify_limit() -> None:
    """Let several nodes run: each takes some 25 inotify instances, the kernel's default gives root 128 in all.

    Source: https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files
    """
    limit = Path("/proc/sys/fs/inotify/max_user_instances")
    with contextlib.suppress(OSError, ValueError):
        if int(limit.read_text()) < INOTIFY_INSTANCES:
            limit.write_text(str(INOTIFY_INSTANCES))


def _forget_dead_engine() -> None:
    """Remove pid files of a dead engine: dockerd takes whoever has the number now, or a zombie, for its old self."""
    for program, file in PID_FILES.items():
        try:
            status = Path(f"/proc/{int(file.read_text())}/status").read_text(encoding="utf-8")
        except (OSError, ValueError):
            status = ""
        if f"Name:\t{program}\n" not in status or "State:\tZ" in status:
            file.unlink(missing_ok=True)


def _wait(engine: subprocess.Popen[bytes] | None) -> None:
    poll(lambda: _answers() or (engine and engine.poll() is not None), START_TIMEOUT, LOOK_LATER)
    if _answers():
        return
    where = "journalctl -u docker" if engine is None else f"tail {LOG}"
    words = "" if engine is None else "\n  " + "\n  ".join(LOG.read_text(errors="replace").splitlines()[-3:])
    raise InfraError(f"dockerd was started, but its socket {SOCKET} does not answer.{words}", where)
