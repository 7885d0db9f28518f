"""A submission: which folder, what is read of it, what is refused."""

import errno
import os
import re
from pathlib import Path

import pytest

from kindlabs import submission
from kindlabs.course import Course
from kindlabs.errors import UnreadableSubmission, UsageError
from kindlabs.submission import Submission

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: agnhost\n"


def resolve(course: Course, word: str | None = None) -> Submission:
    """The submission *word* for the course's only lab."""
    return submission.resolve(course, course.lab("7"), word)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of a learner, called `mine` from where she works."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    return Path("mine")


def test_work_is_made_from_start(course: Course) -> None:
    """Without a word the learner's own folder is meant; the first time it is made, with a nonce in the note."""
    first = resolve(course)
    assert first.created
    assert (first.folder, first.name) == (course.root / "work" / "07", "work/07")
    assert re.fullmatch(r"[a-f][0-9a-f]{7}", first.nonce)
    assert (first.folder / "note.txt").read_text() == f"nonce: {first.nonce}\n"
    assert list((course.root / "work").iterdir()) == [first.folder]


def test_work_is_kept(course: Course) -> None:
    """The second time the folder is as the learner left it, nonce included."""
    first = resolve(course)
    (first.folder / "web.yaml").write_text(POD)
    second = resolve(course)
    assert not second.created
    assert second.nonce == first.nonce
    assert [m.kind for m in second.manifests] == ["Pod"]
    assert first.digest != second.digest


def test_emptied_work_is_not_filled_again(course: Course) -> None:
    """A folder that the learner emptied stays hers; the finding says what was expected."""
    (course.root / "work" / "07").mkdir(parents=True)
    (finding,) = resolve(course).findings
    assert "no manifest in this folder; expected files such as web.yaml" in finding.message
    assert finding.source.file == "work/07"


def test_work_that_is_a_file(course: Course) -> None:
    """A file where work/07 should be is a usage error, and is left alone."""
    (course.root / "work").mkdir()
    (course.root / "work" / "07").write_text("mine")
    with pytest.raises(UsageError, match="is not a folder"):
        resolve(course)


def test_solution_start_and_mutant(course: Course) -> None:
    """The lab's own submissions are filled with a new nonce each time, and show where they come from."""
    solution, again = resolve(course, "solution"), resolve(course, "solution")
    assert solution.nonce != again.nonce
    assert solution.manifests[1].document["metadata"]["annotations"] == {"nonce": solution.nonce}
    assert (
        str(solution.source("Service", "web", "lab-07", "spec", "selector")) == "fixtures/07-names/solution/web.yaml:15"
    )
    assert resolve(course, "start").shown_as == "labs/07-names/start"
    mutant = resolve(course, "wrong-selector")
    assert mutant.name == "wrong-selector"
    assert mutant.manifests[1].document["spec"]["selector"] == {"app": "wbe"}


def test_rendered_folder_goes(course: Course) -> None:
    """The folder in which a mutant was made is gone once it is read."""
    assert not resolve(course, "wrong-selector").folder.exists()


def test_folder(course: Course, mine: Path) -> None:
    """A folder's manifests are read in name order, and a field's place is named as the learner typed it."""
    (mine / "b.yml").write_text(POD.replace("name: web", "name: b"))
    (mine / "a.yaml").write_text(POD)
    (mine / "c.json").write_text('{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "c"}}')
    found = resolve(course, "mine/")
    assert [m.name for m in found.manifests] == ["web", "b", "c"]
    assert found.manifests[0].namespace == "lab-07"
    image = ("spec", "containers", 0, "image")
    assert str(found.source("Pod", "b", "lab-07", *image)) == "mine/b.yml:8"
    assert found.source("Pod", "b", "default", *image) is None
    assert found.source("Deployment", "b", None) is None


def test_what_is_passed_over(course: Course, mine: Path) -> None:
    """Sub-folders and odd suffixes are left out, as kubectl leaves them out, and are named."""
    (mine / "deep").mkdir()
    for name in ("a.yaml", "B.YAML", "deep/c.yaml", "README.md", ".hidden.yaml.swp"):
        (mine / name).write_text(POD)
    found = resolve(course, "mine")
    assert len(found.manifests) == 1
    assert found.passed_over == ["B.YAML", "deep/c.yaml"]


def test_the_nonce_is_issued(course: Course, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It follows from the course's secret and the learner, whatever folder she hands in; another's is another."""
    (mine / "a.yaml").write_text(POD)
    monkeypatch.setenv("LEARNER", "alice")
    issued = resolve(course, "mine").nonce
    assert re.fullmatch(r"[a-f][0-9a-f]{7}", issued)
    assert issued == resolve(course).nonce == resolve(course, "mine").nonce
    monkeypatch.setenv("LEARNER", "bob")
    assert resolve(course, "mine").nonce != issued
    named = submission.resolve(course, course.lab("7"), "mine", learner="alice")
    assert named.nonce == issued
    (course.root / ".labs" / "secret").unlink()
    monkeypatch.setenv("LEARNER", "alice")
    assert resolve(course, "mine").nonce != issued
    monkeypatch.setenv("COURSE_SECRET", "shared")
    shared = resolve(course, "mine").nonce
    (course.root / ".labs" / "secret").unlink()
    assert resolve(course, "mine").nonce == shared


def test_a_copied_note_does_not_count(course: Course, mine: Path) -> None:
    """The nonce of somebody else's note is not taken; the learner is told which one is hers."""
    (mine / "a.yaml").write_text(POD)
    (mine / "note.txt").write_text("for you\nnonce: cafe0123\n")
    found = resolve(course, "mine")
    assert found.nonce != "cafe0123"
    said = "mine/note.txt:2: the nonce cafe0123 was not issued to you; yours is"
    assert [remark.startswith(f"{said} {found.nonce}") for remark in found.remarks] == [True]
    (mine / "note.txt").write_text(f"nonce: {found.nonce}\n")
    assert resolve(course, "mine").remarks == ()


def unreadable(monkeypatch: pytest.MonkeyPatch, path: str, number: int) -> None:
    """See that the file *path* cannot be read."""
    read = Path.read_bytes

    def refuse(self: Path) -> bytes:
        if str(self) == path:
            raise OSError(number, os.strerror(number), path)
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)


def test_a_note_that_cannot_be_read(course: Course, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as any other file of the folder that cannot be read."""
    (mine / "note.txt").write_text("nonce: cafe0123\n")
    unreadable(monkeypatch, "mine/note.txt", errno.EACCES)
    assert refusal(course) == "mine/note.txt: Permission denied."


def test_a_machine_that_cannot_read(course: Course, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has nothing to do with the folder is none of the learner's mistakes."""
    (mine / "a.yaml").write_text(POD)
    unreadable(monkeypatch, "mine/a.yaml", errno.EMFILE)
    with pytest.raises(OSError, match="Too many open files"):
        resolve(course, "mine")


def test_too_many_objects(course: Course, mine: Path) -> None:
    """More objects than a run can remember are refused before anything is applied."""
    (mine / "a.yaml").write_text("---\n".join(f"{POD}" for _ in range(201)))
    assert refusal(course) == "mine: 201 objects."


def test_a_chart(course: Course, mine: Path) -> None:
    """A Helm chart is told what it is, and how to get manifests out of it."""
    (mine / "Chart.yaml").write_text("apiVersion: v2\nname: web\n")
    assert refusal(course) == "mine/Chart.yaml: a Helm chart; expected the objects that it makes."


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("wrong-selectr", "Did you mean wrong-selector?"),
        ("no/such/folder", "There is no submission 'no/such/folder'"),
        ("mine/a.yaml", "mine/a.yaml is a file; a submission is a folder"),
        ("", "There is no submission ''"),
        ("a" * 5000, "There is no submission 'aaa"),
    ],
)
def test_no_such_submission(course: Course, mine: Path, word: str, says: str) -> None:
    """A word that names nothing is a usage error with advice."""
    (mine / "a.yaml").write_text(POD)
    with pytest.raises(UsageError) as caught:
        resolve(course, word)
    assert says in caught.value.message
    assert caught.value.next_step


def refusal(course: Course) -> str:
    """What the learner reads about the unreadable folder `mine`."""
    with pytest.raises(UnreadableSubmission) as caught:
        resolve(course, "mine")
    assert caught.value.exit_code == 2
    return caught.value.message


def test_unparsable(course: Course, mine: Path) -> None:
    """YAML that does not parse is refused at file:line:column."""
    (mine / "a.yaml").write_text("kind: Pod\nspec: [\n")
    assert refusal(course) == "mine/a.yaml:3:1: did not find expected node content."


def test_not_utf8(course: Course, mine: Path) -> None:
    """Bytes that are no UTF-8 are refused, with the first of them."""
    (mine / "a.yaml").write_bytes(b"kind: Pod # caf\xe9\n")
    assert refusal(course) == "mine/a.yaml:1: not UTF-8: byte 0xe9 at offset 15."


def test_large_file(course: Course, mine: Path) -> None:
    """A file of 20 MB is refused without being read, whatever its name."""
    with (mine / "video.bin").open("wb") as file:
        file.truncate(20_000_000)
    assert refusal(course) == "mine/video.bin: 20.0 MB; expected at most 1.0 MB."


def test_link_out(course: Course, mine: Path) -> None:
    """A link that leaves the folder is refused, for a file and for a folder; one that stays inside is not."""
    (mine / "real.yaml").write_text(POD)
    (mine / "secret.yaml").symlink_to("/etc/passwd")
    assert refusal(course) == "mine/secret.yaml: a link that leaves the folder."
    (mine / "secret.yaml").unlink()
    (mine / "up").symlink_to("..")
    assert refusal(course) == "mine/up: a link that leaves the folder."
    (mine / "up").unlink()
    (mine / "gone.yaml").symlink_to("nothing.yaml")
    assert refusal(course) == "mine/gone.yaml: a link to nothing."
    (mine / "gone.yaml").unlink()
    (mine / "loop.yaml").symlink_to("loop.yaml")
    assert refusal(course) == "mine/loop.yaml: a link to nothing."
    (mine / "loop.yaml").unlink()
    (mine / "same.txt").symlink_to("real.yaml")
    assert len(resolve(course, "mine").manifests) == 1


def test_pipe(course: Course, mine: Path) -> None:
    """A named pipe is refused; reading it would wait for ever."""
    os.mkfifo(mine / "a.yaml")
    assert refusal(course) == "mine/a.yaml: not a regular file."


def test_hidden_manifest(course: Course, mine: Path) -> None:
    """A hidden manifest is one, as it is for kubectl, and is checked like any other."""
    (mine / ".web.yaml").write_text(POD)
    assert len(resolve(course, "mine").manifests) == 1
    (mine / ".web.yaml").unlink()
    os.mkfifo(mine / ".web.yaml")
    assert refusal(course) == "mine/.web.yaml: not a regular file."


def test_too_many_files(course: Course, mine: Path) -> None:
    """A folder of more than 200 files is not a lab's; hidden folders do not count."""
    (mine / ".git").mkdir()
    for number in range(300):
        (mine / ".git" / f"{number}").touch()
    (mine / "a.yaml").write_text(POD)
    assert len(resolve(course, "mine").manifests) == 1
    for number in range(201):
        (mine / f"{number}.txt").touch()
    assert refusal(course) == "mine: more than 200 files."


def test_deep_folders(course: Course, mine: Path) -> None:
    """Folders count like files, so that no tree of them is walked for long, or too deep for Python's stack."""
    (mine / "/".join(["deep"] * 210)).mkdir(parents=True)
    assert refusal(course) == "mine: more than 200 files."


def test_names_of_files(course: Course, mine: Path) -> None:
    """A name that is no UTF-8 is a name; one with a line end in it would make two lines of each message."""
    (mine / os.fsdecode(b"\xff.yaml")).write_text(POD)
    assert len(resolve(course, "mine").manifests) == 1
    (mine / "a\nb.yaml").write_text(POD)
    assert refusal(course) == r"mine: 'a\nb.yaml' has a line end in its name."


def test_secret_that_was_cut_short(course: Course, mine: Path) -> None:
    """An empty secret, left by a full disk, is made anew: nobody can compute the nonce from it."""
    (mine / "a.yaml").write_text(POD)
    secret = course.root / ".labs" / "secret"
    secret.parent.mkdir()
    secret.touch()
    resolve(course, "mine")
    assert len(secret.read_text()) == 32


def test_empty(course: Course, mine: Path) -> None:
    """A folder without a manifest, or with nothing in its manifests, is a finding and not an error."""
    (mine / "README.md").write_text("later")
    (mine / "a.yaml").write_text("# soon\n---\n")
    found = resolve(course, "mine")
    assert [str(f) for f in found.findings] == ["mine:1: no manifest in this folder; expected files such as web.yaml."]
    (mine / "a.yaml").rename(mine / "A.YAML")
    assert resolve(course, "mine").findings[0].message.startswith("no manifest in this folder; A.YAML passed over; ")


def test_findings_are_not_errors(course: Course, mine: Path) -> None:
    """What is wrong with one object leaves the others to be applied."""
    (mine / "a.yaml").write_text(f"{POD}---\nkind: List\napiVersion: v1\nitems:\n- kind: Service\n")
    (mine / "b.yaml").write_text(POD)
    found = resolve(course, "mine")
    assert [m.kind for m in found.manifests] == ["Pod"]
    assert [str(f.source) for f in found.findings] == ["mine/a.yaml:13", "mine/b.yaml:1"]


def test_here(course: Course, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder where one stands is a submission like any other."""
    (mine / "a.yaml").write_text("a: [\n")
    monkeypatch.chdir(mine)
    with pytest.raises(UnreadableSubmission, match=r"^a\.yaml:2:1: "):
        resolve(course, ".")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resources:\n- http://127.0.0.1:1/x\n", "2: http://127.0.0.1:1/x is not in the submission's folder."),
        ("patches:\n- path: ../x\n", "2: ../x is not in the submission's folder."),
        (
            "configMapGenerator:\n- name: a\n  files:\n  - k=/etc/passwd\n",
            "4: k=/etc/passwd is not in the submission's",
        ),
        ("openapi:\n  path: http://127.0.0.1:1/x\n", "2: http://127.0.0.1:1/x is not in the submission's folder."),
        ("helmCharts:\n- {name: a}\n", "1: helmCharts is not taken here."),
        ("Resources:\n- a\n", "1: Resources is not taken here. Did you mean resources"),
        ("patches:\n- Path: a\n", "2: Path has to be written path: keys are case-sensitive."),
    ],
)
def test_a_kustomization_stays_in_its_folder(course: Course, mine: Path, text: str, says: str) -> None:
    """What is not in the folder is refused at its line, before any kubectl runs."""
    (mine / "kustomization.yaml").write_text(text)
    with pytest.raises(UnreadableSubmission) as caught:
        submission.resolve(course, course.lab("7"), "mine", kubectl=lambda: Path("/nowhere/kubectl"))
    assert caught.value.message.startswith(f"mine/kustomization.yaml:{says}")
