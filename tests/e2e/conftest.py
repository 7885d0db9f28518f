"""Commands as a person types them, in this checkout or in a fresh copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typing_in import CHECKOUT, Type, type_in


@pytest.fixture
def typed() -> Type:
    """Type a command in this checkout: ``typed("make", "list")``."""
    return lambda *words, **options: type_in(CHECKOUT, *words, **options)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of this checkout as a clone would have them, changes that are not committed yet included."""
    listed = type_in(CHECKOUT, "git", "ls-files", "--cached", "--others", "--exclude-standard").out.splitlines()
    for name in filter(lambda name: (CHECKOUT / name).is_file(), listed):
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, tmp_path / "copy" / name)
    return tmp_path / "copy"
