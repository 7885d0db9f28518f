"""What is measured on the warm cluster; each measurement yields rows of the table."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kindlabs.clusters import tools
from kindlabs.clusters.cluster import Cluster
from kindlabs.machine import engine
from tests.bench.stage import Stage, forwarded

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
COMMAND_SECONDS = 120.0
LAST_LINES = 30
SETTLE_SECONDS, IDLE_SECONDS = 3.0, 20.0
FLOWS = "apiserver_flowcontrol_dispatched_requests_total{"
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
    """What a run causes: requests, by the API server's own count, and core-seconds of node and process together.

    All of it is what came between a moment before the run and one SETTLE_SECONDS after its end, when controllers are
    done with what it left them, less what the cluster asks and costs in as much time when nobody uses it. What the run
    sends itself is counted apart: it is alone in flow schema ``global-default``.
    """
    ways = {
        "`--fresh`": (["--fresh"], 200.0, 6.0),
        "unchanged": ([], 100.0, None),
    }
    meter = Meter(stage.cluster())
    rows = {
        name: (
            Row(f"{name}: API requests, with those of controllers", asked),
            Row(f"{name}: API requests that it sends itself"),
            Row(f"{name}: core-seconds", cost),
        )
        for name, (_, asked, cost) in ways.items()
    }
    idle = tuple(Row(f"an idle cluster, in a second: {what}") for what in ("API requests", "core-seconds"))
    with stage.steps.step("Requests", total=REQUEST_ROUNDS * (len(ways) + 1)) as step:
        _lab(stage, "solution")  # what is not warm yet gets warm
        for _ in range(REQUEST_ROUNDS):
            time.sleep(SETTLE_SECONDS)
            quiet = meter.spent(lambda: time.sleep(IDLE_SECONDS))
            idle[0].samples.append(quiet.requests / quiet.seconds)
            idle[1].samples.append(quiet.cores / quiet.seconds)
            step.advance()
            for name, (options, _asked, _cost) in ways.items():
                spent = meter.spent(partial(_lab_settled, stage, *options))
                share = spent.seconds / quiet.seconds
                for row, used, unused in zip(rows[name], spent[1:], quiet[1:], strict=True):
                    row.samples.append(used - unused * share)
                step.advance()
    for group in (*rows.values(), idle):
        yield from group


class Spent(NamedTuple):
    """What something took: seconds, requests, how many of them it sent itself, and core-seconds."""

    seconds: float
    requests: float
    sent: float
    cores: float


class Meter:
    """Requests to a cluster's API server, and core-seconds of its node's container and of this process's children."""

    def __init__(self, cluster: Cluster) -> None:
        found = engine.find()
        if found is None:
            raise LookupError("no Docker engine")
        self._cluster, self._node = cluster, found.containers.get(f"{cluster.name}-control-plane")

    def spent(self, what: Callable[[], None]) -> Spent:
        """What *what* takes."""
        before = self._counts()
        begun, used = time.monotonic(), self._core_seconds()
        what()
        seconds, cores = time.monotonic() - begun, self._core_seconds() - used
        # One of each count was the question itself.
        asked, sent = (after - known - 1 for after, known in zip(self._counts(), before, strict=True))
        return Spent(seconds, asked, sent, cores)

    def _counts(self) -> tuple[float, float]:
        """How many requests the API server has answered, and how many of them were nobody's whom it knows."""
        lines = self._cluster.api.text("GET", "/metrics").splitlines()
        return _sum(lines, "apiserver_request_total{"), _sum(lines, FLOWS, 'flow_schema="global-default"')

    def _core_seconds(self) -> float:
        usage = self._node.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return float(usage) + own.ru_utime + own.ru_stime


def _sum(lines: Iterable[str], metric: str, label: str = "") -> float:
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric) and label in line)


def _lab_settled(stage: Stage, *options: str) -> None:
    _lab(stage, "solution", *options)
    time.sleep(SETTLE_SECONDS)


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
