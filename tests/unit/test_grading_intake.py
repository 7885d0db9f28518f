"""A class as it is taken in: whose is what, what did not fit, and what was done about it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from test_grading_archives import POD, files, tarred, zipped

from kindlabs.course import Course
from kindlabs.errors import UsageError
from kindlabs.grading.exports import Named, read_name
from kindlabs.grading.intake import Intake, take_in
from kindlabs.grading.learner import Learner, readable
from kindlabs.grading.roster import read_roster


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Anna Alm_1017_assignsubmission_file_", Named("1017", "Anna Alm")),
        ("Anna Alm_1017_assignsubmission_file", Named("1017", "Anna Alm")),
        ("Anna_Alm_1017_assignsubmission_file_", Named("1017", "Anna Alm")),
        ("Anna Alm_1017_assignsubmission_file_x", Named("1017", "Anna Alm")),
        ("Participant_1017_assignsubmission_file_", Named("1017", "Participant")),
        ("Team A_77_assignsubmission_file", Named("77", "Team A")),
        ("Default group_assignsubmission_file", Named("Default group", "Default group")),
        ("lab-07-anna", Named("anna")),
        ("Lab-07-Anna-Alm", Named("Anna-Alm")),
        ("07-names-anna", Named("anna")),
        ("names-anna.git", Named("anna")),
        ("anna", Named("anna")),
        ("anna_1_2_x.y", Named("anna_1_2_x.y")),
        ("lab-07-", Named("lab-07-")),
    ],
)
def test_folders_say_whose_they_are(name: str, says: Named) -> None:
    """Moodle's, GitHub Classroom's and one's own folders."""
    assert read_name(name, ["names-", "07-names-", "lab-07-"], is_folder=True) == says


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("almanna_1017_67890_lab.zip", Named("1017", "almanna", file="lab.zip")),
        ("almanna_LATE_1017_67890_lab.zip", Named("1017", "almanna", late=True, file="lab.zip")),
        ("almanna_1017_67890_03_web_2.yaml", Named("1017", "almanna", file="03_web_2.yaml")),
        ("anon_AbC12_67890_03_x.zip", Named("anon_AbC12", file="03_x.zip")),
        ("LATE_anon_AbC12_67890_web.yaml", Named("anon_AbC12", late=True, file="web.yaml")),
        ("Anna Alm_1017_assignsubmission_file_web.yaml", Named("1017", "Anna Alm", file="web.yaml")),
        ("anna.tar.gz", Named("anna")),
        ("lab-07-anna.zip", Named("anna")),
    ],
)
def test_files_say_whose_they_are(name: str, says: Named) -> None:
    """Canvas's files, Moodle's without folders, and archives."""
    assert read_name(name, ["lab-07-"], is_folder=False) == says


@pytest.mark.parametrize(
    "name",
    [
        *("Anna Alm_1017_assignsubmission_onlinetext_", "almanna_1017_text.html", "almanna_LATE_1017_link.html"),
        "anon_AbC12_text.html",
    ],
)
def test_what_was_typed_is_no_file(name: str) -> None:
    """A text typed into Moodle or Canvas is told, and is nothing to judge."""
    assert read_name(name, [], is_folder=False).unusable.startswith("no files, but")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where things are unpacked."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def class_(tmp_path: Path) -> Path:
    """An empty class."""
    (tmp_path / "class").mkdir()
    return tmp_path / "class"


def put(folder: Path, *names: str) -> Path:
    """A folder with files of these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(POD)
    return folder


def take(course: Course, source: Path, place: Path, roster: str | None = None) -> Intake:
    """Take a class in; the roster as text."""
    rows = None
    if roster is not None:
        (place.parent / "roster.csv").write_text(roster)
        rows = read_roster(place.parent / "roster.csv")
    return take_in(course.lab("7"), source, rows, place, place.parent / "class" / "gradebook")


def told(intake: Intake) -> list[str]:
    """The notes as sentences."""
    return [f"{note.about}: {note.found}: {note.done}" for note in intake.notes]


def handed_in(intake: Intake) -> dict[str, list[str]]:
    """What is judged of whom; nothing of somebody whose files cannot be read."""
    return {taken.learner.id: [] if taken.fault else sorted(files(taken.folder)) for taken in intake.taken}


def test_a_folder_for_each_learner(course: Course, class_: Path, place: Path) -> None:
    """Folders are judged where they lie; what is hidden, the gradebook, links and loose files are nobody's."""
    put(class_ / "anna", "web.yaml", "more/x.yaml")
    put(class_ / "Bert Bo", "web.yaml")
    put(class_ / ".git", "config")
    put(class_ / "gradebook", "gradebook.csv")
    put(class_, "notes.txt", "class.csv", "carl.rar")
    (class_ / "dora").symlink_to("/etc")
    (class_ / "emil").mkdir()
    intake = take(course, class_, place)
    assert handed_in(intake) == {"anna": ["more/x.yaml", "web.yaml"], "Bert Bo": ["web.yaml"]}
    assert intake.taken[0].folder == class_ / "anna"
    assert (intake.taken[0].files, intake.taken[0].learner) == (2, Learner("anna"))
    assert told(intake) == [
        "carl.rar: an archive of a kind that is not unpacked here: passed over: unpack it into a folder of that name",
        "class.csv: a file of nobody: passed over: if it is the roster, name it with --roster",
        "dora: a link: passed over: put the folder itself there",
        "notes.txt: a file of nobody: passed over: a submission is a folder or an archive",
        "emil: no files in emil: in the gradebook as missing",
    ]
    assert [learner.id for learner in intake.missing] == ["emil"]


def test_moodle(course: Course, class_: Path, place: Path) -> None:
    """A folder for each participant with files or an archive in it; a text typed in beside it is told."""
    put(class_ / "Anna Alm_1017_assignsubmission_file_", "web.yaml")
    put(class_ / "Anna Alm_1017_assignsubmission_onlinetext_", "onlinetext.html")
    bert = class_ / "Bert Bo_1018_assignsubmission_file_"
    bert.mkdir()
    zipped(bert / "lab 07.zip", {"07/web.yaml": POD})
    zipped(place / "moodle.zip", {f"{path.relative_to(class_)}": path.read_bytes() for path in class_.rglob("*.*")})
    for source in (class_, place / "moodle.zip"):
        intake = take(course, source, place / "a" if source == class_ else place / "b")
        assert handed_in(intake) == {"1017": ["web.yaml"], "1018": ["web.yaml"]}
        assert [taken.learner.name for taken in intake.taken] == ["Anna Alm", "Bert Bo"]
        assert told(intake) == [
            *["Anna Alm_1017_assignsubmission_onlinetext_: no files, but what Moodle calls onlinetext: passed over"],
            "1018: one folder, and nothing beside it: taken as the submission",
        ]


def test_canvas(course: Course, class_: Path, place: Path) -> None:
    """Files of one learner come together under their own names; an archive alone is unpacked; late is late."""
    put(class_, "almanna_1017_1_web.yaml", "almanna_1017_2_service.yaml", "almanna_1017_text.html")
    zipped(class_ / "bobert_LATE_1018_3_lab.zip", {"web.yaml": POD})
    put(class_, "coycarl_1019_4_web.yaml")
    zipped(class_ / "coycarl_1019_5_more.zip", {"x.yaml": POD})
    intake = take(course, class_, place)
    assert handed_in(intake) == {
        "1017": ["service.yaml", "web.yaml"],
        "1018": ["web.yaml"],
        "1019": ["more.zip", "web.yaml"],
    }
    assert [taken.learner.late for taken in intake.taken] == [False, True, False]
    assert told(intake) == [
        "almanna_1017_text.html: no files, but a text that was typed into Canvas: passed over",
        "1019: an archive beside the files, more.zip: passed over",
    ]


def test_github_classroom(course: Course, tmp_path: Path, place: Path) -> None:
    """Clones are folders; a repository without a working tree gives the files of its last commit, and runs nothing."""
    class_ = tmp_path / "names-submissions"
    git(put(class_ / "names-anna", "web.yaml", "notes/x.md"))
    marker = tmp_path / "was-run"
    work = put(tmp_path / "work", "web.yaml", "a.sh")
    (work / ".gitattributes").write_text("*.yaml filter=evil\n")
    (work / "link").symlink_to("/etc/passwd")
    git(work)
    bare = class_ / "names-bert.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    with (bare / "config").open("a") as config:
        config.write(f'[filter "evil"]\n\tsmudge = touch {marker}\n[core]\n\tfsmonitor = touch {marker}\n')
    for repository in (class_ / "names-anna" / ".git", bare):
        for hook in ("post-checkout", "pre-commit", "post-index-change"):
            (repository / "hooks" / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
            (repository / "hooks" / hook).chmod(0o755)
    intake = take(course, class_, place)
    assert [taken.learner.id for taken in intake.taken] == ["anna", "bert"]
    assert [taken.files for taken in intake.taken] == [2, 3]
    assert sorted(files(intake.taken[1].folder)) == [".gitattributes", "a.sh", "web.yaml"]
    assert told(intake) == ["bert: link, a link: left out"]
    assert not marker.exists()


def git(work: Path) -> None:
    """Make a folder a repository with one commit."""
    words = ["git", "-C", str(work), "-c", "user.name=a", "-c", "user.email=a@b"]
    for more in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*words, *more], check=True)


def test_an_empty_repository(course: Course, class_: Path, place: Path) -> None:
    """A repository without a commit cannot be read, and says so."""
    subprocess.run(["git", "init", "-q", "--bare", str(class_ / "anna.git")], check=True)
    intake = take(course, class_, place)
    assert told(intake) == [
        "anna: anna.git: a git repository without a commit: graded as files that cannot be read: no points"
    ]


def test_what_is_nested(course: Course, class_: Path, place: Path) -> None:
    """Single folders are entered, archives inside archives opened, to a depth; each is told."""
    zipped(place / "inner.zip", {"07/web.yaml": POD})
    zipped(class_ / "anna.zip", {"lab/inner.zip": (place / "inner.zip").read_bytes()})
    put(class_ / "bert" / "a" / "b", "web.yaml")
    put(class_ / "carl" / "a" / "b" / "c" / "d" / "e" / "f", "web.yaml")
    put(class_ / "dora", "web.yaml")
    zipped(class_ / "dora" / "old.zip", {"web.yaml": POD})
    (class_ / "emil").mkdir()
    (class_ / "emil" / "link").symlink_to("/etc")
    intake = take(course, class_, place)
    assert handed_in(intake) == {
        **{"anna": ["web.yaml"], "bert": ["web.yaml"], "carl": []},
        **{"dora": ["old.zip", "web.yaml"], "emil": []},
    }
    one = "one folder, and nothing beside it: taken as the submission"
    assert told(intake) == [
        *[f"anna: {one}", "anna: an archive inside an archive: unpacked: nothing else was in it"],
        *[f"bert: {one}", f"carl: {one}"],
        "carl: carl: more than 5 folders and archives in each other: graded as files that cannot be read: no points",
        "dora: an archive beside the files, old.zip: passed over",
    ]


def test_what_is_refused_is_a_submission_all_the_same(course: Course, class_: Path, place: Path) -> None:
    """An archive beyond bounds leaves its learner with files that cannot be read, and the others as they are."""
    zipped(class_ / "anna.zip", {"../web.yaml": POD})
    tarred(class_ / "bert.tar.gz", {"zeros": b"\0" * 20_000_000})
    zipped(class_ / "carl.zip", {"web.yaml": POD, "passwd": b"->/etc/passwd"})
    (class_ / "dora.zip").write_bytes(b"nothing")
    intake = take(course, class_, place)
    assert [bool(taken.fault) for taken in intake.taken] == [True, True, False, True]
    assert handed_in(intake)["carl"] == ["web.yaml"]
    assert told(intake)[2] == "carl: passwd, a link: left out"
    assert sum(": graded as files that cannot be read: no points" in note for note in told(intake)) == 3
    assert not (place / "web.yaml").exists()


def test_two_of_one_learner(course: Course, class_: Path, place: Path) -> None:
    """A folder counts before an archive of the same learner, whatever the case of her name."""
    put(class_ / "anna", "web.yaml")
    zipped(class_ / "Anna.zip", {"x.yaml": POD})
    intake = take(course, class_, place)
    assert handed_in(intake) == {"Anna": ["web.yaml"]}
    assert told(intake) == ["Anna: Anna.zip beside anna: passed over"]


def test_names_of_people_are_untrusted(course: Course, class_: Path, place: Path) -> None:
    """What a terminal obeys, and bytes that are no text, are spelled out; the files of two such do not meet."""
    put(class_ / "an\x1b[2Jna\u202e", "web.yaml")
    os.mkdir(os.fsencode(class_) + b"/b\xff")  # noqa: PTH102
    put(class_ / "b\udcff", "web.yaml")
    zipped(class_ / "Anna Alm.zip", {"web.yaml": POD})
    zipped(class_ / "Anna-Alm.zip", {"web.yaml": POD})
    intake = take(course, class_, place)
    ids = [taken.learner.id for taken in intake.taken]
    assert sorted(ids) == ["Anna Alm", "Anna-Alm", r"an\x1b[2Jna\u202e", r"b\udcff"]
    assert len({taken.learner.folder for taken in intake.taken}) == 4
    assert len({str(taken.folder) for taken in intake.taken}) == 4
    assert all("/" not in Learner(name).folder for name in ("../../x", "a/b", "..", "."))
    assert readable("a\nb") == r"a\nb"


def test_a_roster_says_who_is_in_the_class(course: Course, class_: Path, place: Path) -> None:
    """Its ids, names and groups count; who has no files is missing; what nobody of it handed in is not graded."""
    for name in ("anna", "zoe"):
        put(class_ / name, "web.yaml")
    put(class_ / "elsewhere" / "b", "web.yaml")
    roster = (
        "\ufeffId;Name;E-Mail;Group;Path;Submitted\n"
        "anna;Alm, Anna;anna@example.org;A;;2026-05-01\nbert;Bo;;B;elsewhere/b;\ncarl;;;;;\ndora;;;;gone.zip;\n;;;;;\n"
    )
    intake = take(course, class_, place, roster)
    assert handed_in(intake) == {"anna": ["web.yaml"], "bert": ["web.yaml"]}
    assert intake.taken[0].learner == Learner("anna", "Alm, Anna", "anna@example.org", "A", "2026-05-01")
    assert [learner.id for learner in intake.missing] == ["carl", "dora"]
    assert told(intake) == [
        "carl: on the roster, without files: in the gradebook as missing",
        "dora: no files at gone.zip: in the gradebook as missing",
        "elsewhere: of nobody on the roster: not graded: add a row for it",
        "zoe: of nobody on the roster: not graded: add a row for it",
    ]


def test_rosters_of_platforms(tmp_path: Path) -> None:
    """Moodle's worksheet, Canvas's gradebook and GitHub Classroom's roster say who somebody is in their own columns."""
    file = tmp_path / "roster.csv"
    file.write_text(
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
        '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
        'Participant 1017,Anna Alm,anna@example.org,"Submitted for grading - 2 hours late",,100.00,Yes,'
        '"Friday, 1 May 2026, 2:14 PM",-,\n'
    )
    (moodle,) = read_roster(file)
    assert moodle.learner == Learner("1017", "Anna Alm", "anna@example.org", "", "Friday, 1 May 2026, 2:14 PM", True)
    file.write_text('Student,ID,SIS Login ID,Section,Lab 03 (1)\n    Points Possible,,,,10\n"Alm, Anna",1017,aalm,A,\n')
    (canvas,) = read_roster(file)
    assert (canvas.learner, canvas.keys) == (Learner("1017", "Alm, Anna", group="A"), {"1017", "aalm"})
    file.write_text('"identifier","github_username","github_id","name"\n"Alm 2","Anna-A","77","Anna"\n')
    (github,) = read_roster(file)
    assert (github.learner, github.keys) == (Learner("Alm 2", "Anna"), {"alm 2", "anna-a"})
    file.write_text("id,email\n7,Anna@Example.org\n")
    assert read_roster(file)[0].keys == {"7", "anna@example.org"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"name,email\na,b\n", r"roster.csv:1: expected a column id; found name, email\."),
        (b"", "expected a column id; found nothing"),
        (b"id,name\nanna,A\nAnna,B\n", "roster.csv:3: a second learner with the id Anna"),
        (b"id,name\n,B\n", "roster.csv:2: a learner without id"),
        (b"id\n\xff\n", "not UTF-8"),
        (b'id,name\n"a"b,c\n', "roster.csv:2: no CSV"),
    ],
)
def test_a_roster_that_is_none(content: bytes, why: str, tmp_path: Path) -> None:
    """It says which line, and what a roster is."""
    (tmp_path / "roster.csv").write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_roster(tmp_path / "roster.csv")


def test_a_class_that_is_none(course: Course, class_: Path, place: Path) -> None:
    """No folder, a file of another kind, an archive that is none, or nothing to judge: each is told before anything."""
    with pytest.raises(UsageError, match="there is no such folder"):
        take(course, class_ / "x", place)
    with pytest.raises(UsageError, match="it is no folder"):
        take(course, put(class_, "x.txt") / "x.txt", place)
    with pytest.raises(UsageError, match=r"no submission in it, but x\.txt\."):
        take(course, class_, place)
    (class_ / "x.zip").write_bytes(b"")
    with pytest.raises(UsageError, match=r"x\.zip: it cannot be unpacked"):
        take(course, class_ / "x.zip", place)


def test_a_class_in_an_archive(course: Course, tmp_path: Path, place: Path) -> None:
    """It is unpacked, a folder around it is not taken for a learner, and one learner's folder is."""
    around = tarred(tmp_path / "a.tar.gz", {"class/anna/web.yaml": POD, "class/bert/web.yaml": POD, "x": b"->/"})
    intake = take(course, around, place / "a")
    assert (handed_in(intake), told(intake)) == (
        {"anna": ["web.yaml"], "bert": ["web.yaml"]},
        ["x, a link: in a.tar.gz: left out"],
    )
    alone = zipped(tmp_path / "b.zip", {"anna/07/web.yaml": POD})
    assert handed_in(take(course, alone, place / "b")) == {"anna": ["web.yaml"]}


def test_a_digest_is_of_what_is_judged(course: Course, class_: Path, place: Path) -> None:
    """It changes with any file, and of files that cannot be read with what is wrong with them."""
    digests = []
    for number in range(3):
        put(class_ / "anna", "web.yaml")
        if number == 1:
            (class_ / "anna" / "web.yaml").write_bytes(b"other")
        if number == 2:
            (class_ / "anna" / "link").symlink_to("/etc/passwd")
        digests.append(take(course, class_, place / str(number)).taken[0].digest)
    assert len(set(digests)) == 3
