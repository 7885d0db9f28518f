"""Takes a class in: from what learners, or a learning platform, left in a folder to one submission for each learner."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kindlabs.course import CourseLab
from kindlabs.errors import UnreadableSubmission, UsageError
from kindlabs.filetree import digest_of, safe_files
from kindlabs.grading.archives import ASK, OF_A_CLASS, is_hidden, is_of_machine, unpack
from kindlabs.grading.exports import OTHER_ARCHIVES, Named, is_archive, prefixes, read_name
from kindlabs.grading.learner import Learner, readable
from kindlabs.grading.repositories import is_bare, unpack_repository
from kindlabs.grading.roster import Row
from kindlabs.workers.engine import combined

DEEPEST = 5
"""So many folders and archives in each other are opened before the files."""


@dataclass(frozen=True)
class Note:
    """What did not fit: who or which file it is about, what was found, and what was done about it."""

    about: str
    found: str
    done: str


@dataclass
class Taken:
    """One learner's submission: ``folder`` is to be judged, unless ``fault`` says why it cannot be.

    ``origin``: where it came from. ``files``: how many there are. ``digest``: sha256 over what is judged.
    """

    learner: Learner
    origin: str
    folder: Path
    fault: UnreadableSubmission | None = None
    files: int = 0
    digest: str = ""

    def read(self) -> None:
        """Count the files and take their digest; what a run will find unreadable has that for a digest."""
        try:
            if self.fault:
                raise self.fault
            found = safe_files(self.folder)
            self.files, content = len(found), digest_of(found, self.folder)
        except UnreadableSubmission as error:
            content = str(error)
        self.digest = combined(content)


@dataclass
class Intake:
    """A class: its submissions, what did not fit, and who of the roster handed nothing in."""

    taken: list[Taken] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    missing: list[Learner] = field(default_factory=list)

    def note(self, about: str, found: str, done: str) -> None:
        """Note what did not fit, once."""
        if (note := Note(about, found, done)) not in self.notes:
            self.notes.append(note)


Source = tuple[Path, Named]
"""A file or folder of the class, and what its name says."""


def take_in(lab: CourseLab, source: Path, roster: Sequence[Row] | None, place: Path, out: Path | None = None) -> Intake:
    """Take in the class in *source*, a folder or an archive of one.

    Args:
        roster: who is in the class; None for whoever handed something in.
        place: an empty folder, for what has to be unpacked.
        out: a folder that belongs to nobody, should it lie in *source*.

    Raises: UsageError (no such folder, no submission in it), InfraError.
    """
    intake = Intake()
    folder = _opened(source, place, intake)
    sources = _by_learner(lab, folder, intake, out)
    if roster is None:
        learners = [(Learner(key, named[0][1].name), named) for key, named in sources.items()]
    else:
        learners = _of_roster(roster, sources, folder, intake)
    for learner, found in learners:
        late = learner.late or any(named.late for _, named in found)
        _take(replace(learner, late=late), found, place, intake)
    if not intake.taken and not intake.missing:
        others = ", ".join(note.about for note in intake.notes[:5])
        raise UsageError(
            f"{source}: no submission in it" + (f", but {others}." if others else "."),
            "A class is a folder for each learner, or what Moodle, Canvas or GitHub Classroom gives: docs/grading.md",
        )
    intake.taken.sort(key=lambda taken: taken.learner.id.lower())
    return intake


def _opened(source: Path, place: Path, intake: Intake) -> Path:
    """The folder of a class, unpacked where it is an archive, without a folder around it."""
    if source.is_dir():
        return source
    if not source.is_file() or not is_archive(source.name):
        what = "it is no folder" if source.exists() else "there is no such folder"
        raise UsageError(f"{source}: {what}.", "Name the folder, .zip or .tar.gz of a class with --submissions.")
    folder = place / ".class"
    try:
        left_out = unpack(source, folder, OF_A_CLASS)
    except UnreadableSubmission as error:
        raise UsageError(error.message, "Unpack it yourself, and name the folder.") from None
    for name in left_out:
        intake.note(name, f"in {readable(source.name)}", "left out")
    inside = _visible(folder)
    within = _visible(inside[0]) if len(inside) == 1 and inside[0].is_dir() else []
    is_around = len(within) > 1 and all(path.is_dir() or is_archive(path.name) for path in within)
    return inside[0] if is_around else folder


def _by_learner(lab: CourseLab, folder: Path, intake: Intake, out: Path | None) -> dict[str, list[Source]]:
    """What is in the class's folder, by what its learners are called."""
    found: dict[str, list[Source]] = defaultdict(list)
    known: dict[str, str] = {}
    begin = prefixes(lab, folder.resolve().name)
    for path in _visible(folder):
        named = read_name(readable(path.name), begin, is_folder=path.is_dir())
        shown = readable(path.name)
        if out is not None and path.resolve() == out.resolve():
            continue
        if path.is_symlink():
            intake.note(shown, "a link", "passed over: put the folder itself there")
        elif named.unusable:
            intake.note(shown, named.unusable, "passed over")
        elif path.is_dir() or (path.is_file() and (is_archive(path.name) or named.file)):
            found[known.setdefault(named.key.lower(), named.key)].append((path, named))
        else:
            intake.note(shown, *_nobodys(path))
    return found


def _nobodys(path: Path) -> tuple[str, str]:
    if path.name.lower().endswith(".csv"):
        return "a file of nobody", "passed over: if it is the roster, name it with --roster"
    if path.name.lower().endswith(OTHER_ARCHIVES):
        return "an archive of a kind that is not unpacked here", "passed over: unpack it into a folder of that name"
    return "a file of nobody", "passed over: a submission is a folder or an archive"


def _of_roster(
    roster: Sequence[Row], sources: dict[str, list[Source]], folder: Path, intake: Intake
) -> list[tuple[Learner, list[Source]]]:
    """Who of the roster handed in what; what nobody of it handed in is passed over."""
    by_key = {key.lower(): key for key in sources}
    left, found = dict(sources), []
    for row in roster:
        if row.path:
            mine = _at_path(row, folder, left)
        else:
            mine = [one for key in sorted(row.keys & set(by_key)) for one in left.pop(by_key[key], [])]
        if mine:
            found.append((row.learner, mine))
        else:
            why = f"no files at {row.path}" if row.path else "on the roster, without files"
            intake.note(row.learner.id, why, "in the gradebook as missing")
            intake.missing.append(row.learner)
    for path, _ in (one for those in left.values() for one in those):
        intake.note(readable(path.name), "of nobody on the roster", "not graded: add a row for it")
    return found


def _at_path(row: Row, folder: Path, left: dict[str, list[Source]]) -> list[Source]:
    """What is at a path that the roster names: relative to the class's folder, or absolute."""
    path = folder / row.path
    for key, those in list(left.items()):
        if any(one.resolve() == path.resolve() for one, _ in those):
            del left[key]
    return [(path, Named(row.learner.id))] if path.is_dir() or (path.is_file() and is_archive(path.name)) else []


def _take(learner: Learner, sources: list[Source], place: Path, intake: Intake) -> None:
    """Make one submission of what a learner handed in."""
    own = place / learner.folder
    origin = ", ".join(readable(path.name) for path, _ in sources)
    taken = Taken(learner, origin, own)
    try:
        taken.folder = _opened_up(learner.id, _together(learner.id, sources, own, intake), own, intake)
        if not _visible(taken.folder):
            intake.note(learner.id, f"no files in {origin}", "in the gradebook as missing")
            intake.missing.append(learner)
            return
    except UnreadableSubmission as error:
        taken.fault = error
        shutil.rmtree(own, ignore_errors=True)  # a part of it is nothing to judge
        intake.note(learner.id, error.message.rstrip("."), "graded as files that cannot be read: no points")
    taken.read()
    intake.taken.append(taken)


def _together(who: str, sources: list[Source], own: Path, intake: Intake) -> Path:
    """One folder or archive: the one that there is, or a folder of the files that a platform gives one by one."""
    whole = [path for path, named in sources if not named.file]
    if whole:
        whole.sort(key=lambda path: not path.is_dir())
        for path, _ in sources:
            if path != whole[0]:
                intake.note(who, f"{readable(path.name)} beside {readable(whole[0].name)}", "passed over")
        return whole[0]
    if len(sources) == 1 and is_archive(sources[0][1].file):
        return sources[0][0]
    files = own / "files"
    files.mkdir(parents=True)
    for path, named in sources:
        name = Path(named.file).name
        if (files / name).exists():
            raise UnreadableSubmission(f"{who}: two files are called {name}.", ASK)
        shutil.copyfile(path, files / name)
    return files


def _opened_up(who: str, place: Path, own: Path, intake: Intake) -> Path:
    """Where a learner's files are: archives unpacked, single folders entered."""
    archives = 0
    for number in range(DEEPEST):
        target = own / f"unpacked-{number}"
        left_out: list[str] = []
        if place.is_file():
            archives += 1
            if archives > 1:
                intake.note(who, "an archive inside an archive", "unpacked: nothing else was in it")
            left_out = unpack(place, target)
            place = target
        elif is_bare(place):
            left_out = unpack_repository(place, target)
            place = target
        for name in left_out:
            intake.note(who, name, "left out")
        inside = _visible(place)
        alone = inside[0] if len(inside) == 1 and not inside[0].is_symlink() else None
        if alone is None or not (alone.is_dir() or (alone.is_file() and is_archive(alone.name))):
            _tell_of_archives(who, inside, intake)
            return place
        if alone.is_dir():
            intake.note(who, "one folder, and nothing beside it", "taken as the submission")
        place = alone
    raise UnreadableSubmission(f"{who}: more than {DEEPEST} folders and archives in each other.", ASK)


def _tell_of_archives(who: str, inside: list[Path], intake: Intake) -> None:
    for path in inside:
        if path.is_file() and (is_archive(path.name) or path.name.lower().endswith(OTHER_ARCHIVES)):
            intake.note(who, f"an archive beside the files, {readable(path.name)}", "passed over")


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, by name, without what is hidden or made by machines."""
    return sorted(path for path in folder.iterdir() if not is_hidden(path.name) and not is_of_machine(path.name))
