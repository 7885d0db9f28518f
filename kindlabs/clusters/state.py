"""Where clusters keep what must outlive a command: kubeconfigs, facts, locks."""

from __future__ import annotations

from pathlib import Path

import platformdirs


def of_checkout(course_root: Path) -> Path:
    """The folder of a checkout's clusters; each has a folder of its name in it."""
    return course_root / ".labs" / "clusters"


def write_whole(path: Path, text: str) -> None:
    """Write a file of which no reader sees half."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def of_nobody(name: str) -> Path:
    """The folder of a cluster that belongs to no checkout: the same from every working directory."""
    return Path(platformdirs.user_state_dir("kind-labs")) / "clusters" / name
