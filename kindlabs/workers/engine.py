"""What a verdict comes from beside the lab and the submission."""

from __future__ import annotations

import hashlib
from pathlib import Path

import kindlabs
from kindlabs.filetree import digest_of, files_below
from kindlabs.images.lock import Lock


def digest(course_root: Path) -> str:
    """sha256 over the engine's code, what clusters are made of and their Kubernetes version, as ``sha256:…``.

    Profiles and add-ons are in the digest of the labs that use them.
    """
    package, clusters = Path(kindlabs.__file__).parent, course_root / "clusters"
    of_labs = (clusters / "profiles", clusters / "addons")
    data = [file for file in files_below(clusters) if not any(map(file.is_relative_to, of_labs))]
    version = Lock.load(course_root).asked_for()
    return combined(digest_of(files_below(package), package), digest_of(data, course_root), version)


def combined(*digests: str) -> str:
    """One digest of several texts."""
    return f"sha256:{hashlib.sha256(' '.join(digests).encode()).hexdigest()}"
