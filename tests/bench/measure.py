"""What is measured on the warm cluster; each measurement yields rows of the table."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kindlabs.clusters import tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.machine import engine
from tests.bench.stage import Stage, forwarded

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
COMMAND_SECONDS = 120.0
LAST_LINES = 30
START_ROUNDS, TAIL_ROUNDS, HOPELESS_ROUNDS, REQUEST_ROUNDS = 10, 5, 3, 3
HOPELESS = ("no-such-tag", "crashes", "asks-too-much", "missing-secret", "wrong-class", "unknown-issuer")


@dataclass
class Row:
    """One figure: its samples in seconds, and what their median is to be at most."""

    title: str
    goal: float | None = None
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median of the samples."""
        return statistics.median(self.samples)


def start_up(stage: Stage) -> Iterator[Row]:
    """From the start of ``lab check`` to the first bytes that reach the API server."""
    row = Row("`lab check`: start to first API request", goal=1.0)
    with stage.steps.step("Start-up", total=START_ROUNDS) as step, forwarded(stage.cluster()) as forwarder:
        _lab(stage, "solution")  # what is not warm yet gets warm
        for _ in range(START_ROUNDS):
            forwarder.reset()
            started = time.monotonic()
            _lab(stage, "solution")
            if forwarder.first_bytes is None:
                raise LookupError("lab check sent no request")
            row.samples.append(forwarder.first_bytes - started)
            step.advance()
    yield row


def tails(stage: Stage) -> Iterator[Row]:
    """Exit minus the moment when the observer had seen all outcomes: of ``lab check`` and two usual validators."""
    cluster, kubectl = stage.cluster(), tools.kubectl(stage.steps)
    contenders: dict[str, Callable[[], None]] = {
        "`lab check`": lambda: _lab(stage, "solution"),
        "bash: `kubectl wait`, curl": lambda: _usual(_bash(stage, cluster), stage, cluster, kubectl),
        "pytest: looks each second": lambda: _usual(_pytest(stage), stage, cluster, kubectl),
    }
    rows = {name: Row(f"tail of {name}", 0.3 if "lab" in name else None) for name in contenders}
    with stage.steps.step("Tails", total=TAIL_ROUNDS * len(contenders)) as step:
        for _ in range(TAIL_ROUNDS):
            for name, contender in contenders.items():
                stage.begin_empty(cluster)
                with _observer(cluster, "outcomes") as moments:
                    contender()
                    ended = time.monotonic()
                rows[name].samples.append(ended - max(moments().values()))
                step.advance()
    yield from rows.values()


def hopeless(stage: Stage) -> Iterator[Row]:
    """Submissions that cannot work: from the first sign in the API to exit, and the whole command."""
    rows = {name: (Row(f"`{name}`: first sign to exit", 5.0), Row(f"`{name}`: whole command")) for name in HOPELESS}
    cluster = stage.cluster()
    with stage.steps.step("Hopeless submissions", total=HOPELESS_ROUNDS * len(rows)) as step:
        for _ in range(HOPELESS_ROUNDS):
            for name, (from_sign, whole) in rows.items():
                stage.begin_empty(cluster)
                with _observer(cluster, name) as moments:
                    started = time.monotonic()
                    _lab(stage, name, code=1)
                    ended = time.monotonic()
                from_sign.samples.append(ended - moments()[name])
                whole.samples.append(ended - started)
                step.advance()
    for pair in rows.values():
        yield from pair


def requests(stage: Stage) -> Iterator[Row]:
    """What a run asks of the API server, by its own count, and what it costs node and process together."""
    ways = {
        "`--fresh`": (["--fresh"], 200.0, 6.0),
        "unchanged": ([], 100.0, None),
    }
    cluster = stage.cluster()
    rows = {
        name: (Row(f"API requests, {name}", asked), Row(f"core-seconds, {name}", cost))
        for name, (_, asked, cost) in ways.items()
    }
    node = Cpu(f"{cluster.name}-control-plane")
    with stage.steps.step("Requests", total=REQUEST_ROUNDS * len(ways)) as step:
        for _ in range(REQUEST_ROUNDS):
            for name, (options, _asked, _cost) in ways.items():
                asked, spent = served(cluster), node.seconds()
                _lab(stage, "solution", *options)
                rows[name][0].samples.append(served(cluster) - asked)
                rows[name][1].samples.append(node.seconds() - spent)
                step.advance()
    for pair in rows.values():
        yield from pair


def served(cluster: Cluster) -> float:
    """How many requests the API server has answered, the cluster's own among them (``apiserver_request_total``)."""
    lines = cluster.api.text("GET", "/metrics").splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("apiserver_request_total{"))


class Cpu:
    """Core-seconds of a node's container and of this process's children."""

    def __init__(self, container: str) -> None:
        found = engine.find()
        if found is None:
            raise LookupError("no Docker engine")
        self._node = found.containers.get(container)

    def seconds(self) -> float:
        """Used so far."""
        usage = self._node.stats(stream=False)["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return float(usage) + own.ru_utime + own.ru_stime


def run(command: Sequence[str | Path], *, code: int = 0, cwd: Path | None = None, **environment: str) -> None:
    """Run a command that must end with *code*. Raises: RuntimeError with what it wrote."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if done.returncode != code:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-LAST_LINES:])
        raise RuntimeError(f"{[str(word) for word in command]} ended with {done.returncode}, not {code}:\n{last}")


def _lab(stage: Stage, submission: str, *options: str, code: int = 0) -> None:
    run([BIN / "lab", "check", "03", "--submission", submission, *options], code=code, cwd=stage.root)


def _bash(stage: Stage, cluster: Cluster) -> list[str | Path]:
    return ["bash", HERE / "usual_bash.sh", stage.lab.solution, str(cluster.ports["https"])]


def _pytest(stage: Stage) -> list[str | Path]:
    """Without this project's own pytest settings."""
    return [BIN / "pytest", "-q", "--noconftest", "--rootdir", stage.root, "-c", os.devnull, HERE / "usual_pytest.py"]


def _usual(command: Sequence[str | Path], stage: Stage, cluster: Cluster, kubectl: Path) -> None:
    run(
        command,
        PATH=f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}",
        KUBECONFIG=str(cluster.kubeconfig_path),
        MANIFESTS=str(stage.lab.solution),
        HTTPS_PORT=str(cluster.ports["https"]),
    )


@contextmanager
def _observer(cluster: Cluster, what: str) -> Iterator[Callable[[], dict[str, float]]]:
    """An observer that looks while the block runs; what it yields tells the moments, once they are all there."""
    arguments = [str(cluster.kubeconfig_path), str(cluster.ports["https"]), what]
    command = [sys.executable, "-m", "tests.bench.observer", *arguments]
    with subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != "ready":
                raise RuntimeError("the observer does not start")
            said: list[str] = []
            yield lambda: json.loads(said[0])
            said.append(process.communicate(timeout=COMMAND_SECONDS)[0])
        finally:
            process.kill()
