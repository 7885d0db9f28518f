"""Where clusters keep what must outlive a command: kubeconfigs, facts, locks."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def of_checkout(course_root: Path) -> Path:
    """The folder of a checkout's clusters; each has a folder of its name in it."""
    return course_root / ".labs" / "clusters"


def of_nobody(name: str) -> Path:
    """The folder of a cluster that belongs to no checkout: the same from every working directory."""
    return Path(platformdirs.user_state_dir("kind-labs")) / "clusters" / name
