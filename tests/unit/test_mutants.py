"""Mutants: the solution with one thing broken."""

from pathlib import Path

import pytest

from kindlabs import manifests
from kindlabs.course import Course
from kindlabs.errors import LabError
from kindlabs.handin.objects import dump
from kindlabs.mutants import render


def rewrite(course: Course, old: str, new: str) -> None:
    """Change the course's mutants.yaml."""
    path = course.root / "fixtures" / "07-names" / "mutants.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def rendered(course: Course, folder: Path) -> list[manifests.Manifest]:
    """The objects of the first mutant."""
    lab = course.lab("7")
    render(lab, lab.mutants()[0], folder, "abcd1234")
    return [m for path in sorted(folder.iterdir()) if path.suffix == ".yaml" for m in manifests.read(path)]


def test_one_thing_differs(course: Course, tmp_path: Path) -> None:
    """A mutant is the solution with one field changed and the nonce filled in; its neighbours stay as they are."""
    (tmp_path / "out").mkdir()
    deployment, service = rendered(course, tmp_path / "out")
    assert deployment.document["spec"] == {"replicas": 2}
    assert service.document["spec"] == {"selector": {"app": "wbe"}}
    assert service.document["metadata"]["annotations"] == {"nonce": "abcd1234"}


def test_added_file(course: Course, tmp_path: Path) -> None:
    """A mutant may bring a file of its own."""
    rewrite(course, "  fails:", "  add: mutants/more.yaml\n  fails:")
    (course.root / "fixtures" / "07-names" / "mutants").mkdir()
    (course.root / "fixtures" / "07-names" / "mutants" / "more.yaml").write_text("kind: Secret\n")
    (tmp_path / "out").mkdir()
    assert [m.kind for m in rendered(course, tmp_path / "out")] == ["Secret", "Deployment", "Service"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "Service/web",
            "Service/wbe",
            "mutants.yaml:3: mutant 'wrong-selector': the solution has no object Service/wbe",
        ),
        (
            "/spec/selector/app",
            "/spec/selectors/app",
            "mutants.yaml:3: mutant 'wrong-selector': the patch does not apply",
        ),
        ("op: replace", "op: swap", "mutants.yaml:3: mutant 'wrong-selector': the patch does not apply"),
        ("  fails:", "  add: nowhere.yaml\n  fails:", "mutants.yaml:3: mutant 'wrong-selector': there is no file"),
        ("  says:", "  sais:", "mutants.yaml:7: mutants[0]: unknown key 'sais', did you mean 'says'?"),
        ("Service/web", "web", "mutants.yaml:4: mutants[0].object: 'web' does not match"),
    ],
)
def test_broken_mutants(course: Course, tmp_path: Path, old: str, new: str, says: str) -> None:
    """A mutant that cannot be made is the author's to mend, at file and line."""
    rewrite(course, old, new)
    (tmp_path / "out").mkdir()
    with pytest.raises(LabError) as caught:
        rendered(course, tmp_path / "out")
    assert says in caught.value.message


def test_ids_are_unique(course: Course) -> None:
    """Two mutants of one id are refused, with both lines."""
    path = course.root / "fixtures" / "07-names" / "mutants.yaml"
    path.write_text(path.read_text() + path.read_text().partition("mutants:\n")[2])
    with pytest.raises(LabError, match=r":8: the mutant 'wrong-selector' stands on line 3 already"):
        course.lab("7").mutants()


def test_what_it_says(course: Course) -> None:
    """The sentence must be equal; a star stands for what differs from run to run."""
    mutant = course.lab("7").mutants()[0]
    assert mutant.is_said_by("Service web selects app=wbe.")
    assert not mutant.is_said_by("Service web selects app=wbe, too.")
    rewrite(course, "Service web selects", "Pod web-* (a) sel*")
    mutant = course.lab("7").mutants()[0]
    assert mutant.is_said_by("Pod web-5f (a) selects app=wbe.")
    assert not mutant.is_said_by("Pod api-5f (a) selects app=wbe.")


def test_dump_reads_back() -> None:
    """What is written as YAML reads back as the same values, texts that look like numbers or booleans too."""
    document = {
        "text": ["y", "on", "0o17", "1e3", "08", "null", "~", ".inf", "", "a: b", "1:30"],
        "number": [8, 1.5, True, None],
    }
    (back,) = manifests.parse(dump([document]), Path("x.yaml"))
    assert back.document == document
