"""A course on disk, and what its author may get wrong."""

import re
from pathlib import Path

import pytest

from kindlabs.course import Course, find
from kindlabs.errors import LabError, UsageError
from kindlabs.nonces import derive
from kindlabs.spelling import did_you_mean

LAB_YAML = "version: kind-labs/lab/v2\ntitle: A name that answers\nminutes: 5\n"


def test_found_from_below(course: Course) -> None:
    """The course is found from any folder in it."""
    assert find(course.root / "labs" / "07-names").root == course.root


def test_no_course_here(tmp_path: Path) -> None:
    """Outside of a course the error names the folders that were looked for."""
    with pytest.raises(UsageError, match="labs/, validators/, fixtures/, clusters/"):
        find(tmp_path)


@pytest.mark.parametrize("word", ["7", "07", "07-names"])
def test_lab_by_any_name(course: Course, word: str) -> None:
    """A lab is found by its number, with or without the zero, and by its id."""
    lab = course.lab(word)
    assert (lab.id, lab.number, lab.namespaces, lab.profile, lab.deadline) == (
        "07-names",
        "07",
        ("lab-07",),
        "single",
        60,
    )
    assert lab.validator == course.root / "validators" / "test_07_names.py"
    assert lab.work == course.root / "work" / "07"


@pytest.mark.parametrize("word", ["8", "07-nmaes", "names", "", "../07-names", "\u0667"])
def test_no_such_lab(course: Course, word: str) -> None:
    """An unknown lab is a usage error that lists the labs."""
    with pytest.raises(UsageError, match="Labs: 07-names"):
        course.lab(word)


def test_near_matches(course: Course) -> None:
    """A near miss is answered with what was meant, three at most."""
    with pytest.raises(UsageError, match=r"Did you mean 07-names\?"):
        course.lab("07-nmaes")
    labs = ["01-first-pod", "02-deployment-service", "03-ingress-certificates"]
    assert did_you_mean("ingress", labs) == " Did you mean 03-ingress-certificates?"
    assert did_you_mean("zzz", labs) == ""
    assert did_you_mean("a", ["aa", "ab", "ac", "ad"]).count(",") == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "version: kind-labs/lab/v2\ntitle: T\nminuets: 5\nminutes: 5\n",
            ":3: unknown key 'minuets', did you mean 'minutes'?",
        ),
        ("version: kind-labs/lab/v2\ntitle: T\n", ":1: 'minutes' is a required property"),
        ("version: kind-labs/lab/v2\ntitle: T\nminutes: five\n", ":3: minutes: 'five' is not of type 'integer'"),
        ("version: v2\ntitle: T\nminutes: 5\n", ":1: version: 'kind-labs/lab/v2' was expected"),
        (f"{LAB_YAML}addons:\n- ingress\n- 3\n", ":6: addons[1]: 3 is not of type 'string'"),
        (f"{LAB_YAML}title: again\n", ":4:1: the key 'title' stands twice"),
        ("title: [\n", ":2:1:"),
        ("", ":1: None is not of type 'object'"),
        ("caf\udce9: 1\n", ":1: not UTF-8"),
    ],
)
def test_lab_yaml_is_held_to_its_schema(course: Course, text: str, says: str) -> None:
    """What is wrong in lab.yaml is said with file and line, and is never the learner's fault."""
    path = course.root / "labs" / "07-names" / "lab.yaml"
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(LabError) as caught:
        course.lab("7")
    assert f"{path}{says}" in caught.value.message


def test_lab_without_lab_yaml(course: Course) -> None:
    """A lab's folder without lab.yaml says which file it wants."""
    (course.root / "labs" / "07-names" / "lab.yaml").unlink()
    with pytest.raises(LabError, match=r"07-names/lab.yaml: No such file"):
        course.lab("7")


def test_values_that_follow_from_the_nonce(course: Course) -> None:
    """What stands for another word is another value of the same form, the same for the same nonce."""
    (course.root / "labs" / "07-names" / "setup" / "note.yaml").write_text(
        "kind: ConfigMap\nmetadata: {name: note}\ndata: {a: '${NONCE:a}', b: '${NONCE:b}', none: '${NONCE'}\n"
    )
    (note,) = course.lab("7").setup("abcd1234")
    data = note.document["data"]
    assert data == {"a": derive("abcd1234", "a"), "b": derive("abcd1234", "b"), "none": "${NONCE"}
    assert len({*data.values(), "abcd1234"}) == 4
    assert re.fullmatch("[a-f][0-9a-f]{7}", data["a"])


def test_setup_has_the_nonce(course: Course) -> None:
    """The instructor's objects carry this run's nonce."""
    (note,) = course.lab("7").setup("abcd1234")
    assert note.document["data"] == {"nonce": "abcd1234"}


def test_digest_covers_the_lab(course: Course) -> None:
    """The digest changes with any of the lab's files, its validator and its profile included, and with nothing else."""
    digests = {course.lab("7").digest}
    for name in ("labs/07-names/README.md", "validators/test_07_names.py", "fixtures/07-names/solution/web.yaml"):
        with (course.root / name).open("a") as file:
            file.write("\n")
        digests.add(course.lab("7").digest)
    (course.root / "clusters" / "profiles" / "single.yaml").write_text("nodes: 1\n")
    digests.add(course.lab("7").digest)
    assert len(digests) == 5
    (course.root / "labs" / "07-names" / "__pycache__").mkdir()
    (course.root / "labs" / "07-names" / "__pycache__" / "x.pyc").write_text("")
    assert course.lab("7").digest in digests
