"""What is handed in beside manifests: answers, files, a script, stages; and how a mutant changes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindlabs import submission
from kindlabs.course import Course
from kindlabs.errors import UnreadableLab, UnreadableSubmission
from kindlabs.submission import Submission

HANDIN = """\
handin:
  manifests: {stages: [20-switch.yaml], optional: true}
  answers: {code: integer, page: string, share: number, enabled: boolean, names: list}
  files: [in.txt]
  script: steps.sh
"""
MUTANT = "version: kind-labs/mutants/v2\nmutants:\n- {id: broken, fails: page, says: wrong, %s}\n"


@pytest.fixture
def mine(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of a learner of lab 07, which asks for everything that can be handed in."""
    with (course.root / "labs" / "07-names" / "lab.yaml").open("a") as file:
        file.write(HANDIN)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "steps.sh").write_text("true\n")
    return Path("mine")


def read(course: Course, word: str = "mine") -> Submission:
    """The submission *word* of the course's lab."""
    return submission.resolve(course, course.lab("7"), word)


def test_each_part_takes_its_own(course: Course, mine: Path) -> None:
    """Answers and files are no manifests, stages are kept apart, and what nobody reads is named."""
    (mine / "answers.yaml").write_text("code: 7\npage: hello\n")
    (mine / "in.txt").write_text("text\n")
    (mine / "diary.txt").write_text("dear diary\n")
    for name in ("10-first.yaml", "20-switch.yaml"):
        (mine / name).write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n")
    found = read(course)
    assert found.findings == []
    assert found.answers == {"code": 7, "page": "hello"}
    assert found.files == {"in.txt": "text\n"}
    assert [m.file.name for m in found.manifests] == ["10-first.yaml"]
    assert [m.file.name for m in found.stages["20-switch.yaml"]] == ["20-switch.yaml"]
    assert found.passed_over == ["diary.txt"]
    assert str(found.source("answer", "page", "")) == "mine/answers.yaml:2"
    assert str(found.source("file", "in.txt", "")) == "mine/in.txt:1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("coed: 7", "mine/answers.yaml:1: nobody asked for an answer coed; did you mean code?"),
        ("a: 1\n", "nobody asked for an answer a; expected code, page, share, enabled, names."),
        ("\ncode: '7'", "mine/answers.yaml:2: code has to be a whole number, found a text; write it without quotes."),
        ("page: 7", 'page has to be a text, found a number (7); write page: "…" in quotes.'),
        ("page: yes", 'page has to be a text, found a boolean (True); write page: "…" in quotes.'),
        ("code: true", "code has to be a whole number, found a boolean (True)."),
        ("names: one", "names has to be a list, found a text."),
        ("- 7", "mine/answers.yaml:1: expected a field for each answer, such as code: …."),
    ],
)
def test_answers_that_do_not_fit(course: Course, mine: Path, text: str, says: str) -> None:
    """A wrong key or type is a finding with file and line."""
    (mine / "answers.yaml").write_text(text)
    (finding,) = read(course).findings
    assert says in str(finding)


def test_an_open_answer_is_no_fault(course: Course, mine: Path) -> None:
    """A field without a value is a question that is still open; so is a file without any."""
    (mine / "answers.yaml").write_text("code:\npage: ~\nshare: 0.5\n")
    found = read(course)
    assert (found.findings, found.answers) == ([], {"share": 0.5})
    (mine / "answers.yaml").write_text("# later\n")
    assert (read(course).findings, read(course).answers) == ([], {})


def test_answers_that_are_no_yaml(course: Course, mine: Path) -> None:
    """What does not parse is unreadable at file:line:column, as a manifest is."""
    (mine / "answers.yaml").write_text("code: [\n")
    with pytest.raises(UnreadableSubmission, match=r"^mine/answers\.yaml:2:1: "):
        read(course)


def test_a_script_that_is_missing(course: Course, mine: Path) -> None:
    """A lab that asks for a script says which file it expected."""
    (mine / "steps.sh").unlink()
    (finding,) = read(course).findings
    assert str(finding) == "mine:1: expected steps.sh."


def test_a_script_from_windows(course: Course, mine: Path) -> None:
    """Line ends that a shell would take for part of a word are told before anything runs."""
    (mine / "steps.sh").write_bytes(b"kubectl get pods\r\n")
    with pytest.raises(UnreadableSubmission, match=r"^mine/steps\.sh:1: line ends of Windows"):
        read(course)


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (("Pod", "vault", "lab-07", ("spec", "containers", 0, "command", "/data/out.txt")), 3),
        (("Pod", "vault", "lab-07", ()), 2),
        (("Pod", "cache", "lab-07", ("metadata", "labels", "owner")), 4),
        (("script", "steps.sh", "", (3,)), 3),
        (("Pod", "cache", "lab-07", ()), None),
    ],
)
def test_lines_of_a_script(
    course: Course, mine: Path, thing: tuple[str, str, str, tuple[str]], line: int | None
) -> None:
    """A cause leads to the first line that names most of it, the object and its field; no comment counts."""
    lines = [
        "# vault:/data/out.txt, owner, cache",
        "kubectl exec vault -- cat /data/in.txt > out.txt",
        "kubectl cp out.txt vault:/data/out.txt",
        "kubectl label pods --all owner=me",
    ]
    (mine / "steps.sh").write_text("\n".join(lines))
    kind, name, namespace, field = thing
    found = read(course).source(kind, name, namespace, *field)
    assert str(found) == (f"mine/steps.sh:{line}" if line else "None")


@pytest.mark.parametrize(
    ("change", "file", "holds"),
    [
        ("edit: {file: steps.sh, from: web, to: --all}", "steps.sh", "kubectl label pods --all\n"),
        ("replace: {file: in.txt, by: mutants/old.txt}", "in.txt", "old\n"),
        ("answers: {code: 3}", "answers.yaml", "code: 3\npage: hello\n"),
        ("drop: in.txt", "in.txt", None),
    ],
)
def test_mutants_of_other_parts(course: Course, mine: Path, change: str, file: str, holds: str | None) -> None:
    """A mutant may edit a text, put another in its place, take a file away, or answer otherwise."""
    prepare(course, change)
    lab = course.lab("7")
    from kindlabs.mutants import render

    render(lab, lab.mutants()[0], mine, "cafe0123")
    assert ((mine / file).read_text() if (mine / file).exists() else None) == holds


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("edit: {file: steps.sh, from: wbe, to: x}", "steps.sh of the solution does not hold 'wbe'"),
        ("edit: {file: step.sh, from: wbe, to: x}", "the solution has no file step.sh"),
        ("replace: {file: in.txt, by: mutants/gone.txt}", "there is no file"),
        ("drop: gone.txt", "the solution has no file gone.txt"),
        ("answers: {cdoe: 3}", "the solution gives no answer cdoe"),
    ],
)
def test_mutants_that_cannot_be_made(course: Course, mine: Path, change: str, says: str) -> None:
    """What a mutant changes has to be there; the author is told where it is not."""
    prepare(course, change)
    with pytest.raises(UnreadableLab) as caught:
        read(course, "broken")
    assert f"mutants.yaml:3: mutant 'broken': {says}" in caught.value.message


def prepare(course: Course, change: str) -> None:
    """Give the lab a solution of every part, and one mutant."""
    fixtures = course.root / "fixtures" / "07-names"
    for name, text in {
        "solution/steps.sh": "kubectl label pods web\n",
        "solution/in.txt": "new\n",
        "solution/answers.yaml": "code: 7\npage: hello\n",
        "mutants/old.txt": "old\n",
        "mutants.yaml": MUTANT % change,
    }.items():
        (fixtures / name).parent.mkdir(exist_ok=True)
        (fixtures / name).write_text(text)
