"""How long who is waited for, in seconds: one table; and the one loop for what no watch tells.

The limits of single requests and programs stand where these are sent and started.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(look: Callable[[], T], seconds: float, every: float, until: Callable[[T], object] = bool) -> T:
    """Look until what is seen is as wanted, or *seconds* are over; what was seen last.

    Args:
        every: seconds between two looks.
        until: whether it is as wanted; by default what is true is.
    """
    end = time.monotonic() + seconds
    while not until(seen := look()) and time.monotonic() < end:
        time.sleep(every)
    return seen


# Between two looks
LOOK_AGAIN = 0.05
"""At what comes within a second, and costs milliseconds to look at."""
LOOK_LATER = 0.2
"""At what takes seconds, or costs many requests or a process to look at."""

# What a run grants
READY_SECONDS = 30.0
"""What Pods may take to become Ready, however late in a run they are asked."""
ASKING_SECONDS = 3.0
"""What requests get at least, however late in a run they are sent: a check that was not asked has not failed."""
ACTION_SECONDS = 60.0
"""What a check that disturbs something on purpose may wait for the recovery."""

# What a submission gets, before somebody is blamed
APPLIED_SECONDS = 2.0
"""What a Pod names may be applied so long after it."""
NOBODY_SECONDS = 3.0
"""A Pod that uses a claim is applied so long after it at most."""
FIRST_WORD_SECONDS = 2.0
"""What the scheduler says first may pass: an old Pod may still hold the room that the new one needs."""
MADE_SECONDS = 5.0
"""A controller that is well makes what is due sooner."""
GATE_SECONDS = 2.0
"""A controller that opens a readiness gate has done so by then."""
INIT_SECONDS = 2.0
"""An init container that runs for so long has not ended at once."""
HOOK_SECONDS = 2.0
"""A usual hook has ended by then."""
LISTENS_SECONDS = 2.0
"""A process that opens ports has opened them by then, on a machine that is not too busy."""
START_SECONDS = 10.0
"""A process on a busy machine may take so long from its start to its first open port; nobody is blamed before."""
SPEAKS_SECONDS = 10.0
"""What listens for so long and does not speak gRPC speaks something else."""
CRASH_SECONDS = 4.0
"""One crash may be a start-up race; no new start for so long, or a second crash, is not."""
ENDS_SECONDS = 4.0
"""A process that was asked to end, and said something instead, is seen to run on after so long."""

# Before something counts as steady
UNPROBED_SECONDS = 3.0
"""A container without a readiness probe is Ready as soon as it runs; the first crash shows after 1.3 s."""
RECENT_SECONDS = 15.0
"""A Pod whose readiness went within so many seconds may lose it again."""
OUTLIVE_SECONDS = 20.0
"""A restarted container must run longer than before its restart, at most this long, to count as steady."""

# What cluster and machine get, before they are doubted
COMES_SECONDS = 30.0
"""Something new in a cluster: a second or three where it is well, more on a busy machine."""
TAKEN_IN_SECONDS = 30.0
"""What we give the API server to serve, to enforce or to sign; a second or two are usual."""
OURS_SECONDS = 60.0
"""Objects that a lab brings along, and Pods of our own, to become ready."""
ENGINE_SECONDS = 10.0
"""A Docker engine to answer; one that is there takes milliseconds."""
