"""What learning platforms call the files that learners hand in: Moodle, Canvas and GitHub Classroom.

Sources: mod/assign/classes/downloader.php of Moodle; lib/content_zipper.rb of Canvas;
cmd/gh-classroom/clone/student-repos of github/gh-classroom.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kindlabs.course import CourseLab

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")
OTHER_ARCHIVES = (".7z", ".rar", ".gz", ".bz2", ".xz", ".zst")
MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<plugin>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL)
"""``Anna Alm_1017_assignsubmission_file``, with a ``_`` at its end in older versions; a group has no number at times.
Without folders the file's own name follows. Anonymous ones are ``Participant_1017_…``."""
CANVAS = re.compile(
    r"(?:(?P<late_anon>LATE_)?(?P<anonymous>anon_[A-Za-z0-9]+)|(?P<name>.+?)_(?P<late>LATE_)?(?P<id>\d+))"
    r"_(?:\d+_(?P<file>.+\.\w+)|(?P<typed>text|link)\.html)",
    re.DOTALL,
)
"""``almanna_LATE_1017_67890_lab.zip``: a file a name, so several of them may be one learner's."""


@dataclass(frozen=True)
class Named:
    """What the name of a file or folder says.

    ``key``: what the platform knows the learner by. ``file``: what the learner called the file. ``unusable``: why there
    is nothing in it to judge.
    """

    key: str
    name: str = ""
    late: bool = False
    file: str = ""
    unusable: str = ""


def read_name(name: str, prefixes: Iterable[str], *, is_folder: bool) -> Named:
    """What *name*, of a file or folder of a class, says; *prefixes* are what repositories of learners begin with."""
    if found := MOODLE.fullmatch(name):
        typed = "" if found["plugin"] == "file" else f"no files, but what Moodle calls {found['plugin']}"
        who = found["name"].replace("_", " ")
        return Named(found["id"] or who, who, file="" if is_folder else found["file"] or "", unusable=typed)
    if not is_folder and (found := CANVAS.fullmatch(name)):
        typed = f"no files, but a {found['typed']} that was typed into Canvas" if found["typed"] else ""
        key = found["anonymous"] or found["id"]
        return Named(key, found["name"] or "", bool(found["late"] or found["late_anon"]), found["file"] or "", typed)
    stem = without_suffix(name)
    for prefix in prefixes:
        if stem.lower().startswith(prefix) and len(stem) > len(prefix):
            return Named(stem[len(prefix) :].removesuffix(".git"))
    return Named(stem.removesuffix(".git"))


def prefixes(lab: CourseLab, folder: str) -> list[str]:
    """What repositories of GitHub Classroom begin with, in a folder of that name: the assignment, and ``-``.

    ``gh classroom clone`` puts them into a folder ``<assignment>-submissions``.
    """
    assignment = [folder.lower().removesuffix("-submissions")] if folder.lower().endswith("-submissions") else []
    return [f"{name}-" for name in [*assignment, lab.id, f"lab-{lab.number}", f"lab{lab.number}"] if name]


def is_archive(name: str) -> bool:
    """Whether a file of that name can be unpacked here."""
    return name.lower().endswith(ARCHIVES)


def without_suffix(name: str) -> str:
    """*name* without what says that it is an archive."""
    suffix = next((suffix for suffix in ARCHIVES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]
