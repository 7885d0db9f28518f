"""What this machine has and lacks for clusters; each finding that is not ok says what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kindlabs.clusters import profiles, state, tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.errors import InfraError, LabError, UsageError
from kindlabs.images import gobuild, registry
from kindlabs.images.lock import Lock
from kindlabs.machine import engine, settings
from kindlabs.patience import ENGINE_SECONDS

GIB = 2**30
MEMORY_LEAST, MEMORY_WANTED = 2 * GIB, 4 * GIB
"""A cluster of one node with all add-ons uses 0.8 GiB when nothing is asked of it."""

DISK_LEAST, DISK_WANTED = 4 * GIB, 15 * GIB
"""Images and one cluster take about 4 GiB; building the images takes 10 more while it lasts."""

INOTIFY_INSTANCES, INOTIFY_WATCHES = 128, 8192
"""What Linux gives by itself is enough for four nodes; kind's "known issues" page has what to raise it to."""

PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")


@dataclass(frozen=True)
class Finding:
    """One look at the machine: what was *found*; unless ``state`` is ``ok``, *advice* says what to do."""

    name: str
    state: Literal["ok", "warn", "bad"]
    found: str
    advice: str = ""


def findings(course_root: Path) -> list[Finding]:
    """Look at everything that clusters need of this machine; changes nothing, takes about 3 seconds."""
    client = engine.find(timeout=ENGINE_SECONDS)
    info: dict[str, Any] = client.info() if client else {}
    looks: list[Callable[[], Finding]] = [
        lambda: _engine(info),
        _docker_command,
        lambda: _cgroups(info),
        lambda: _memory(info),
        lambda: _disk(info),
        lambda: _ports(course_root),
        lambda: _tool("kind", tools.kind_fits, tools.KIND),
        lambda: _tool("kubectl", tools.kubectl_fits, tools.KUBECTL),
        lambda: _skew(course_root),
        _inotify,
        _proxies,
        _images,
        lambda: _kubernetes(course_root),
    ]
    with ThreadPoolExecutor(max_workers=len(looks)) as pool:
        return [done.result() for done in [pool.submit(look) for look in looks]]


def _engine(info: dict[str, Any]) -> Finding:
    if not info and (named := settings.engine()):
        return Finding("engine", "bad", f"no Docker engine answers at {named}", settings.START_ENGINE)
    if not info:
        advice = (
            "Start it (Docker Desktop, or: sudo systemctl start docker); on Debian or Ubuntu as root, make check does."
        )
        return Finding("engine", "bad", "no Docker engine answers", advice)
    if info.get("OSType") != "linux":
        return Finding("engine", "bad", f"it runs {info.get('OSType')} containers", "Switch it to Linux containers.")
    return Finding("engine", "ok", f"Docker {info['ServerVersion']}, {info['OperatingSystem']}, {info['Architecture']}")


def _docker_command() -> Finding:
    if found := shutil.which("docker"):
        return Finding("docker command", "ok", found)
    return Finding("docker command", "bad", "not on PATH, and kind needs it", "Install docker-cli.")


def _cgroups(info: dict[str, Any]) -> Finding:
    version = str(info.get("CgroupVersion", ""))
    if version == "1":
        found = "version 1: works today, and Kubernetes will drop it"
        return Finding("cgroups", "warn", found, "Nothing now; later boot with systemd.unified_cgroup_hierarchy=1.")
    return Finding("cgroups", "ok", f"version {version}") if version else _unknown("cgroups")


def _memory(info: dict[str, Any]) -> Finding:
    total = int(info.get("MemTotal", 0))
    if not total:
        return _unknown("memory")
    advice = "Give the engine more memory (Docker Desktop: Settings, Resources), or close other programs."
    return _amount("memory", total, "for the engine", MEMORY_LEAST, MEMORY_WANTED, advice)


def _disk(info: dict[str, Any]) -> Finding:
    folder = Path(str(info.get("DockerRootDir") or Path.cwd()))
    if not folder.is_dir():  # the engine runs in a machine of its own
        folder = Path.cwd()
    advice = "Free some space; docker system prune removes images and containers that nothing uses."
    return _amount("disk", shutil.disk_usage(folder).free, f"free at {folder}", DISK_LEAST, DISK_WANTED, advice)


def _amount(name: str, found: int, where: str, least: int, wanted: int, advice: str) -> Finding:
    text = f"{found / GIB:.0f} GiB {where}"
    if found < least:
        return Finding(name, "bad", f"{text}; at least {least / GIB:.0f} are needed", advice)
    if found < wanted:
        return Finding(name, "warn", f"{text}; {wanted / GIB:.0f} are better", advice)
    return Finding(name, "ok", text)


def _ports(course_root: Path) -> Finding:
    files = sorted(state.of_checkout(course_root).glob("*/cluster.json"))
    in_use = [f"{file.parent.name} has {_listed(Cluster(file.parent, '').ports)}" for file in files]
    try:
        return Finding("ports", "ok", "; ".join([*in_use, f"next free on 127.0.0.1: {_listed(profiles.free_ports())}"]))
    except InfraError as error:
        return Finding("ports", "bad", error.message, "End some of the programs that listen there.")


def _listed(ports: profiles.Ports) -> str:
    return " and ".join(str(port) for port in ports.values())


def _tool(name: str, fits: Callable[[str], bool], wanted: str) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, "ok", f"not on PATH; {wanted} is fetched when it is needed")
    version = tools.version_of(name, path)
    if version and fits(version):
        return Finding(name, "ok", f"{version} at {path}")
    found = f"{version or 'a program that tells no version'} at {path} is passed over"
    return Finding(name, "warn", f"{found}; {wanted} is used", f"Nothing for labs; for your own use install {wanted}.")


def _skew(course_root: Path) -> Finding:
    """Clusters outlive upgrades of the tools: each must still be within kubectl's reach."""
    made = [Cluster(file.parent, "") for file in state.of_checkout(course_root).glob("*/cluster.json")]
    far = [c for c in made if c.version and not tools.kubectl_fits(c.version.removeprefix("v"))]
    if far:
        found = ", ".join(f"{cluster.name} runs {cluster.version}" for cluster in far)
        return Finding("version skew", "warn", f"{found}, too far from kubectl {tools.KUBECTL}", "make clean")
    return Finding("version skew", "ok", f"kubectl {tools.KUBECTL} may speak with every cluster of this checkout")


def _inotify() -> Finding:
    folder = Path("/proc/sys/fs/inotify")
    if not folder.is_dir():
        return Finding("inotify limits", "ok", "the engine runs in a machine of its own")
    instances, watches = (int((folder / name).read_text()) for name in ("max_user_instances", "max_user_watches"))
    found = f"{instances} instances, {watches} watches for each user"
    if instances < INOTIFY_INSTANCES or watches < INOTIFY_WATCHES:
        advice = "sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288"
        return Finding("inotify limits", "warn", f"{found}: Pods may fail with 'too many open files'", advice)
    return Finding("inotify limits", "ok", found)


def _proxies() -> Finding:
    said = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    here = [name for name, url in said.items() if any(host in url for host in ("localhost", "127.0.0.1", "[::1]"))]
    if here:
        found = f"{here[0]} leads to this machine's own loopback, which is not the nodes'"
        return Finding("proxies", "warn", found, f"Let {here[0]} name an address that containers reach too.")
    return Finding("proxies", "ok", f"{', '.join(said)}: handed on to the nodes" if said else "none")


def _images() -> Finding:
    try:
        if registry.source() == "pull":
            return Finding("images", "ok", f"pulled from {registry.mirror() or 'their own registries'}")
        return Finding("images", "ok", f"built from packages, with {gobuild.go_program()}")
    except (UsageError, InfraError) as error:
        return Finding("images", "bad", error.message, error.next_step)


def _kubernetes(course_root: Path) -> Finding:
    """Which version the next cluster gets, and how one asks for another."""
    try:
        lock = Lock.load(course_root)
        version = lock.asked_for()
    except (UsageError, LabError) as error:
        return Finding("kubernetes", "bad", error.message, error.next_step)
    others = [f"KUBERNETES={other}" for other in lock.nodes if other != version]
    return Finding("kubernetes", "ok", "; ".join([version, *(f"{other} asks for another" for other in others)]))


def _unknown(name: str) -> Finding:
    return Finding(name, "warn", "unknown, since no engine answers", "Start the engine, then: make doctor")
