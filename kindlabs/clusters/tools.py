"""kind and kubectl: the ones on PATH where their versions fit, otherwise of our own, in a cache for all checkouts."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from kindlabs.errors import InfraError
from kindlabs.images import gobuild
from kindlabs.images.lock import Lock, course_root
from kindlabs.progress import Step, Steps

KIND = "0.33.0"
KUBECTL = "1.36.4"
KIND_RELEASES = "https://github.com/kubernetes-sigs/kind/releases/download"
KUBERNETES_RELEASES = "https://dl.k8s.io/release"
KUBECTL_PACKAGE = "k8s.io/kubernetes/cmd/kubectl"
SKEW = 1
"""Minor versions that kubectl may differ from the API server, older or newer.
Source: https://kubernetes.io/releases/version-skew-policy/#kubectl"""

ANSWER_SECONDS = 10.0


def kind(steps: Steps) -> Path:
    """Kind of the pinned minor version: from PATH, from the cache, by ``go install``, or downloaded and verified.

    Raises:
        InfraError: none of these ways works here; says why.
    """
    cached = _cached("kind", KIND)
    return (
        _found("kind", kind_fits) or _existing("kind", cached) or _get(cached, [_install_kind, _download_kind], steps)
    )


def kubectl(steps: Steps) -> Path:
    """Kubectl within one minor version of the clusters': from PATH, from the cache, downloaded and verified, or built.

    Raises:
        InfraError: none of these ways works here; says why.
    """
    ways = [_take_built_kubectl, _download_kubectl, _build_kubectl]
    return kubectl_at_hand() or _get(_cached("kubectl", KUBECTL), ways, steps)


def kubectl_at_hand() -> Path | None:
    """A kubectl that fits and that nothing has to be done for; None when there is none."""
    return _found("kubectl", kubectl_fits) or _existing("kubectl", _cached("kubectl", KUBECTL))


def kind_fits(version: str) -> bool:
    """Whether kind of *version*, ``0.33.1``, can be used: node images and config are made for one minor version."""
    return version.split(".")[:2] == KIND.split(".")[:2]


def kubectl_fits(version: str) -> bool:
    """Whether kubectl of *version*, ``1.35.2``, may speak with the clusters' API servers."""
    major, minor = (int(part) for part in version.split(".")[:2])
    wanted = [int(part) for part in KUBECTL.split(".")[:2]]
    return major == wanted[0] and abs(minor - wanted[1]) <= SKEW


def version_of(name: str, path: str) -> str | None:
    """What kind or kubectl says about itself, ``0.33.0``; None when it says nothing that can be read."""
    arguments = ["version", "-q"] if name == "kind" else ["version", "--client", "-o", "json"]
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True)
        said = done.stdout if name == "kind" else json.loads(done.stdout)["clientVersion"]["gitVersion"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None
    match = re.match(r"v?(\d+\.\d+\.\d+)", str(said).strip())
    return match[1] if match else None


def _found(name: str, fits: Callable[[str], bool]) -> Path | None:
    path = shutil.which(name)
    version = version_of(name, path) if path else None
    return Path(path) if path and version and fits(version) else None


def _cached(name: str, version: str) -> Path:
    return gobuild.cache_dir() / "tools" / f"{name}-{version}" / name


def _existing(name: str, path: Path) -> Path | None:
    """The program at *path* if it works; one that was cut short, by a full disk, is made again."""
    return path if version_of(name, str(path)) else None


Way = Callable[[Path, Steps, Step], None]


def _get(cached: Path, ways: Sequence[Way], steps: Steps) -> Path:
    """Try each way to *cached* until one works."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    with steps.step(f"Get {cached.parent.name.replace('-', ' ')}") as step:
        for way in ways:
            partial = cached.with_name(f"{cached.name}.{os.getpid()}.partial")
            try:
                way(partial, steps, step)
                partial.chmod(0o755)
                partial.rename(cached)
            except InfraError as error:
                reasons.append(error.message)
            else:
                return cached
            finally:
                partial.unlink(missing_ok=True)
        raise InfraError(
            f"No usable {cached.name} on PATH, and none can be had:\n  " + "\n  ".join(reasons),
            f"Install {cached.parent.name.replace('-', ' ')} and put it on PATH.",
        )


def _install_kind(target: Path, _steps: Steps, step: Step) -> None:
    go = gobuild.go_program()
    step.note("go install")
    folder = target.with_name(f"{target.name}.d")
    environment = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH", "GOFLAGS")}
    environment |= {"GOBIN": str(folder), "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "install", f"sigs.k8s.io/kind@v{KIND}"], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InfraError("go install: " + " ".join(done.stderr.strip().splitlines()[-1:]))
    (folder / "kind").rename(target)
    folder.rmdir()


def _download_kind(target: Path, _steps: Steps, step: Step) -> None:
    address = f"{KIND_RELEASES}/v{KIND}/kind-{'-'.join(_machine())}"
    _download(address, f"{address}.sha256sum", target, step)


def _download_kubectl(target: Path, _steps: Steps, step: Step) -> None:
    address = f"{KUBERNETES_RELEASES}/v{KUBECTL}/bin/{'/'.join(_machine())}/kubectl"
    _download(address, f"{address}.sha256", target, step)


def _take_built_kubectl(target: Path, _steps: Steps, _step: Step) -> None:
    """The one that a node image was built with, if this machine built one."""
    system, arch = _machine()
    built = gobuild.place(Lock.load(course_root()), KUBECTL_PACKAGE, arch)
    if system != "linux" or not built.exists():
        raise InfraError("no kubectl was built here")
    shutil.copyfile(built, target)


def _build_kubectl(target: Path, steps: Steps, step: Step) -> None:
    system, arch = _machine()
    if system != "linux":
        raise InfraError("kubectl is built for Linux only")
    built = gobuild.programs(Lock.load(course_root()), [KUBECTL_PACKAGE], arch, steps)
    step.note("built")
    shutil.copyfile(built[KUBECTL_PACKAGE], target)


def _machine() -> tuple[str, str]:
    """This machine in the words of releases: ``("darwin", "arm64")``."""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return platform.system().lower(), arch


def _download(address: str, checksum_address: str, target: Path, step: Step) -> None:
    """Download a program and hold it to the checksum that its publisher gives.

    Raises:
        InfraError: it cannot be had, or is not the one that was published.
    """
    step.note("downloading")
    try:
        published = _fetch(checksum_address).text.split()[0]
        content = _fetch(address).content
    except (httpx.HTTPError, IndexError) as error:
        raise InfraError(f"{address}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != published:
        raise InfraError(f"{address}: expected the published checksum {published}, found {found}")
    target.write_bytes(content)


def _fetch(address: str) -> httpx.Response:
    return httpx.get(address, follow_redirects=True, timeout=30).raise_for_status()
