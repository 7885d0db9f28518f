"""A command that is ended from outside ends what it has started, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from kindlabs import interrupt

PROGRAM = """
import subprocess, threading
from kindlabs import interrupt
from kindlabs.clusters.commands import follow
interrupt.heed()
child = ["sh", "-c", "echo $$ >&2; exec sleep 60"]
def tell(line):
    print(line, flush=True)
"""
FOLLOWED = "follow(child, tell, timeout=60)"
IN_A_THREAD = (
    "work = threading.Thread(target=follow, args=[child, tell], kwargs={'timeout': 60}); work.start(); work.join()"
)
ITS_OWN_SESSION = """
engine = subprocess.Popen(["sleep", "60"], stdout=-3, stderr=-3, start_new_session=True)
tell(engine.pid)
engine.wait()
"""


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc, as the product does")


def lives(process: int) -> bool:
    """Whether a process goes on; one that has ended may be there until its parent, or init, has looked."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@needs_proc
@pytest.mark.parametrize("number", interrupt.SIGNALS)
@pytest.mark.parametrize(("does", "stays"), [(FOLLOWED, False), (IN_A_THREAD, False), (ITS_OWN_SESSION, True)])
def test_what_was_started_ends_too(number: signal.Signals, does: str, stays: bool) -> None:
    """SIGTERM or SIGHUP to the command alone ends its children, an engine in a session of its own excepted."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM + does], stdout=PIPE, stderr=PIPE) as running:
        assert running.stdout
        child = int(running.stdout.readline())
        running.send_signal(number)
        _, err = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in err
    assert lives(child) is stays
    if stays:
        os.kill(child, signal.SIGKILL)


@needs_proc
def test_what_a_script_has_put_aside_ends_too() -> None:
    """What a script starts with & hears no SIGINT, and neither does what it starts."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)" + PROGRAM + IN_A_THREAD
    with subprocess.Popen([sys.executable, "-c", program], stdout=PIPE, stderr=PIPE) as running:
        assert running.stdout
        child = int(running.stdout.readline())
        running.terminate()
        running.communicate(timeout=30)
    assert not lives(child)


def test_nohup_is_respected() -> None:
    """A signal that was ignored when the command began stays ignored."""
    text = (
        "import signal; from kindlabs import interrupt; interrupt.heed(); print(signal.getsignal(signal.SIGHUP).name)"
    )
    command = ["nohup", sys.executable, "-c", text]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "SIG_IGN\n"
