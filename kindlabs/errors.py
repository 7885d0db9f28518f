"""What can go wrong before or beside a verdict; each class knows the exit code that its situation has.

A submission that fails a check is not an error: see :mod:`kindlabs.record`.
"""

from __future__ import annotations

import errno


class KindLabsError(Exception):
    """Something that its reader can act on: what was found, and what to do next.

    Args:
        message: one or more lines; what was expected and what was found.
        next_step: a command or a sentence; what to do now.
    """

    exit_code = 3

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  next  {self.next_step}" if self.next_step else self.message


class UsageError(KindLabsError):
    """The command was asked for something that does not exist or makes no sense (exit code 2)."""

    exit_code = 2


class UnreadableSubmission(UsageError):
    """The submission's files cannot be read: not a folder, not UTF-8, not YAML, too large (exit code 2)."""


class LabError(KindLabsError):
    """The lab itself is broken: its lab.yaml, its setup or its validator (exit code 3, never the learner's fault)."""


class UnreadableLab(LabError):
    """A file of the lab or the course cannot be read or is not valid: nothing was judged (exit code 2)."""

    exit_code = 2


class InfraError(KindLabsError):
    """The cluster, the Docker engine or the machine broke (exit code 3, never the learner's fault)."""


OWN_FAULT = "a fault of kind-labs itself, not of yours"
NO_REGISTRY = "No registry gives"
NOT_THE_CLUSTERS = (OWN_FAULT, NO_REGISTRY)
"""How the message of an InfraError begins that is nothing against the cluster: to make it anew would mend nothing."""


ENGINE_CLIENTS = ("docker", "requests", "urllib3")
"""The packages whose errors tell that a Docker engine went, or hung up: by name, because loading them takes time."""


def of_machine(error: Exception) -> InfraError | None:
    """What the machine or its engine did, as an InfraError with advice; None for any other error: it may be our bug."""
    if type(error).__module__.partition(".")[0] in ENGINE_CLIENTS:
        return InfraError(f"The Docker engine does not do what it is asked: {error}", "make doctor")
    advice = {
        errno.ENOSPC: "Free some space, then run the same command again; make doctor says how much there is.",
        errno.EDQUOT: "Free some space, then run the same command again.",
        errno.EROFS: "Work in a copy that can be written.",
        errno.EACCES: "Make it yours (chown), or work as its owner.",
        errno.EPERM: "Make it yours (chown), or work as its owner.",
        errno.EMFILE: "Close some programs, or raise the limit: ulimit -n 4096",
        errno.ENFILE: "Close some programs.",
    }
    if not isinstance(error, OSError) or error.errno not in advice:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return InfraError(f"{where}{error.strerror}.", advice[error.errno])
