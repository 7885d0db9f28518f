"""What the environment's variables ask of clusters, images and engine; a word that asks for nothing is told at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kindlabs.errors import InfraError, UsageError
from kindlabs.patience import ENGINE_SECONDS

START_ENGINE = "Start that engine, or unset the variable to use the machine's own."


def images() -> str:
    """What IMAGES says: ``pull``, ``build`` or ``auto``, which is the default and takes what the engine has already.

    Raises: UsageError for another word.
    """
    said = os.environ.get("IMAGES") or "auto"
    if said not in ("pull", "build", "auto"):
        raise UsageError(
            f"Expected IMAGES=pull, build or auto, found IMAGES={said}.", "Set it to one of them, or unset it."
        )
    return said


def egress() -> str | None:
    """What the variable EGRESS asks of clusters, ``none`` or ``open``; None when it asks nothing.

    Raises: UsageError for another word.
    """
    said = os.environ.get("EGRESS") or None
    if said not in (None, "none", "open"):
        raise UsageError(f"Expected EGRESS=none or EGRESS=open, found EGRESS={said}.", "Set it to one, or unset it.")
    return said


def kubernetes(versions: Sequence[str]) -> str | None:
    """Which of the *versions* of Kubernetes KUBERNETES asks for, ``1.37``; None when it asks nothing.

    Raises: UsageError for another one.
    """
    said = os.environ.get("KUBERNETES") or None
    if said not in (None, *versions):
        known = " or ".join(f"KUBERNETES={version}" for version in versions)
        raise UsageError(f"Expected {known}, found KUBERNETES={said}.", "Set it to one of them, or unset it.")
    return said


def engine() -> str | None:
    """The engine that a variable names, with the variable's name; None when it is left to the current context."""
    names = ("DOCKER_HOST", "DOCKER_CONTEXT")
    return next((f"{os.environ[name]}, which {name} names" for name in names if os.environ.get(name)), None)


def refuse_wrong() -> None:
    """See that each variable asks for something that there is: a warm cluster alone would not notice.

    Raises: UsageError for a word that nobody knows, InfraError for an engine that does not answer.
    """
    images()
    egress()
    if engine() is None:
        return
    from kindlabs.machine.engine import find  # brings the Docker client, which a warm run does without

    client = find(timeout=ENGINE_SECONDS)
    if client is None:
        raise no_engine()
    client.close()


def no_engine() -> InfraError:
    """Nothing answers at the engine that a variable names."""
    return InfraError(f"Expected a Docker engine at {engine()}; nothing answers there.", START_ENGINE)
