"""The pages say what is so: links lead somewhere, the README's lists are the course's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from kindlabs import course
from kindlabs.record import EXIT_CODES, Verdict

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """Each link that is not an address names a file that is there."""
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_readme_lists_every_lab() -> None:
    """The README's table has each lab with its title and minutes, in order, and no other."""
    rows = re.findall(r"^\| \[(\d\d-[^]]+)\]\(([^)]+)\) \| (.+) \| (\d+) \|$", README, re.MULTILINE)
    labs = course.find(ROOT).labs()
    assert rows == [(lab.id, f"labs/{lab.id}/README.md", lab.title, str(lab.minutes)) for lab in labs]


def test_readme_lists_every_verdict_and_exit_code() -> None:
    """The README knows each verdict and each exit code that a verdict leads to."""
    assert all(f"| `{verdict}` |" in README for verdict in Verdict)
    assert all(f"\n| {code} |" in README for code in {*EXIT_CODES.values(), 2, 130})


def test_readme_lists_every_setting() -> None:
    """Each variable that the code reads and a person may set is in the README, and the other way round."""
    code = "".join(path.read_text() for path in [ROOT / "Makefile", *(ROOT / "kindlabs").rglob("*.py")])
    table = README.partition("## Settings")[2].partition("## ")[0]
    documented = {
        name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"[A-Z_]+", row)
    }
    assert all(name in code for name in documented)
    assert (
        set(re.findall(r'environ\.get\("((?!PATH)[A-Z_]+)"', code)) | set(re.findall(r"KINDLABS_[A-Z_]+", code))
        <= documented
    )


def test_the_tour_names_what_is_there() -> None:
    """Each function and class of the architecture page's tour is defined in the file beside it."""
    stops = re.findall(r"\]\(\.\./([^)]+)\)((?:, `[^`]+`)+)", (ROOT / "docs" / "architecture.md").read_text())
    names = [(file, name) for file, said in stops for name in re.findall(r"`(?:\w+\.)?(\w+)`", said)]
    assert names
    missing = [
        (f, n)
        for f, n in names
        if not re.search(rf"^ *(?:def |class )?{n}\b[(:]", (ROOT / f).read_text(), re.MULTILINE)
    ]
    assert missing == []


def test_lock_names_no_address() -> None:
    """requirements.lock has a hash for each package, and no place where it came from."""
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", lock.strip()) if "==" in block)


def test_changelog_knows_the_version() -> None:
    """A version that is no longer 0.1.0 has its own heading in the changelog."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version == "0.1.0" or f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
