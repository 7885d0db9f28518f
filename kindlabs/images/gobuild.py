"""Linux programs from ordinary Go modules: one module for nearly all of them, one cache for all checkouts."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT

import platformdirs
from filelock import FileLock

from kindlabs.errors import InfraError
from kindlabs.images.lock import Lock, path_of, program_of
from kindlabs.progress import Step, Steps

TAGS = "no_btrfs no_zfs no_aufs no_devmapper"
COLLIDING = ("github.com/rancher/local-path-provisioner",)
"""Packages that import logrus as Sirupsen: go refuses to build them together with any that writes sirupsen."""

MEMINFO = Path("/proc/meminfo")
LARGEST_PACKAGE = 2560
"""MiB that a compiler may need."""


def cache_dir() -> Path:
    """Where built programs and downloads are kept: ``~/.cache/kind-labs`` on Linux."""
    return Path(platformdirs.user_cache_dir("kind-labs"))


def programs(lock: Lock, packages: Iterable[str], arch: str, steps: Steps) -> dict[str, Path]:
    """The programs of these Go packages for Linux on *arch*, built where the cache has none of the same inputs.

    Args:
        lock: whose Go modules are built.
        packages: import paths; ``./name`` for a folder of the module itself; ``@1.37`` at the end for another module.
        arch: ``amd64`` or ``arm64``.
        steps: where the progress goes.

    Returns:
        package → file.

    Raises:
        InfraError: Go is missing, or its build failed; with the compiler's own words.
    """
    places = {package: place(lock, package, arch) for package in dict.fromkeys(packages)}
    if all(path.exists() for path in places.values()):
        return places
    cache_dir().mkdir(parents=True, exist_ok=True)
    with FileLock(cache_dir() / "go.lock"):  # two builds at once would compile the same packages twice
        missing = {package: path for package, path in places.items() if not path.exists()}
        alone = [{package: missing.pop(package)} for package in COLLIDING if package in missing]
        for batch in [*_by_module(lock, missing), *alone]:
            _build(lock, batch, arch, steps)
    return places


def _by_module(lock: Lock, missing: dict[str, Path]) -> list[dict[str, Path]]:
    batches: dict[Path, dict[str, Path]] = {}
    for package, path in missing.items():
        batches.setdefault(lock.module(package), {})[package] = path
    return list(batches.values())


def place(lock: Lock, package: str, arch: str) -> Path:
    """Where the program of *package* is kept; the path names a digest of everything that goes into it."""
    return cache_dir() / "programs" / f"linux-{arch}" / key(lock, package) / program_of(package)


def key(lock: Lock, package: str) -> str:
    """A digest of what a program is built from: the module's versions, the flags, this project's own source."""
    digest = hashlib.sha256("\0".join([package, TAGS, ldflags(lock, package)]).encode())
    module = lock.module(package)
    own = sorted((module / path_of(package)).glob("*.go")) if package.startswith("./") else []
    for path in [module / "go.mod", module / "go.sum", *own]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def ldflags(lock: Lock, package: str) -> str:
    """No debugging symbols, and the versions that programs tell when asked: Kubernetes' in the package's module."""
    version = lock.node(package.partition("@")[2] or lock.default).version
    told = {
        "k8s.io/component-base/version.gitVersion": version,
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }
    return "-s -w " + " ".join(f"-X {variable}={value}" for variable, value in told.items())


def _build(lock: Lock, missing: dict[str, Path], arch: str, steps: Steps) -> None:
    environment = (
        collector() | os.environ | {"GOOS": "linux", "GOARCH": arch, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    )
    what = ", ".join(sorted(program_of(package) for package in missing))
    one = next(iter(missing))  # they are of one module, and so of one version
    module, paths = lock.module(one), [path_of(package) for package in missing]
    total = _count_packages(module, paths, environment, steps)
    flags = ["-trimpath", "-tags", TAGS, "-ldflags", ldflags(lock, one)]
    with _partial_folder() as partial, steps.step(f"Compile {what}", total=total) as step:
        _run(["build", "-v", *flags, "-o", f"{partial}/", *paths], module, environment, step)
        for package, path in missing.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            (partial / program_of(package)).rename(path)


def collector() -> dict[str, str]:
    """Go's variables for its garbage collector: none before a compiler has its share of the memory that is free.

    A fifth of the time goes into collecting otherwise. The largest package (aws-sdk-go-v2/service/ec2) takes
    2.3 GiB without; where a compiler's share is less, each gets the collector that it has by itself.
    """
    try:
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text(encoding="ascii").splitlines())
        free = int(fields["MemAvailable"].split()[0]) // 1024
    except (OSError, ValueError, KeyError):  # not Linux
        return {}
    share = free * 3 // 4 // (os.cpu_count() or 1)
    return {"GOGC": "off", "GOMEMLIMIT": f"{share}MiB"} if share >= LARGEST_PACKAGE else {}


@contextmanager
def _partial_folder() -> Iterator[Path]:
    """A folder on the cache's own disk, so that a finished program moves in one step; what a killed build left goes."""
    cache = cache_dir() / "programs"
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob("partial-*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="partial-") as folder:
        yield Path(folder)


def _count_packages(module: Path, paths: Iterable[str], environment: dict[str, str], steps: Steps) -> int:
    """How many packages the compiler may have to see; downloads the modules that hold them."""
    with steps.step("Download Go modules") as step:
        arguments = ["list", "-deps", "-f", "{{.ImportPath}}", *paths]
        return len(_run(arguments, module, environment, step))


def go_program() -> str:
    """The go command.

    Raises:
        InfraError: it is not installed.
    """
    found = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if found is None:
        raise InfraError(
            "No image registry can be reached, so images are built, and that needs Go; it is not on PATH.",
            "Install Go 1.26 or newer (https://go.dev/doc/install), or set KINDLABS_REGISTRY_MIRROR to a registry.",
        )
    return found


def _run(arguments: list[str], module: Path, environment: dict[str, str], step: Step) -> list[str]:
    """Run go and return the packages that it names, each one unit of the step's work.

    Raises:
        InfraError: with go's last words, when it fails.
    """
    packages, words = [], []
    with subprocess.Popen(
        [go_program(), *arguments], cwd=module, env=environment, stdout=PIPE, stderr=STDOUT, text=True
    ) as go:
        for line in go.stdout or []:
            if " " in line.strip():
                words.append(line.rstrip())
            else:
                packages.append(line.rstrip())
                step.advance()
    if go.returncode != 0:
        said = "\n  ".join(words[-8:])
        raise InfraError(
            f"go {arguments[0]} failed:\n  {said}", "Run the same command again; what is compiled is kept."
        )
    return packages
