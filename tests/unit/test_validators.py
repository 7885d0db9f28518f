"""What an author gets wrong is one sentence with file, line and the nearest name, before any cluster is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kindlabs import course, submission
from kindlabs.course import Course
from kindlabs.errors import LabError
from kindlabs.mistakes import told
from kindlabs.validators import read_validator

HEAD = 'from kindlabs import check\n\n\n@check(points=5)\ndef test_pods_ready(lab):\n    """Ready."""\n'
GOOD = '    lab.deployment("web").has_ready_replicas(2, for_seconds=3)\n'
NAMED = '"pods-ready"'
MORE = '\n\n@check(points=5, needs=[{}])\ndef test_answers(lab):\n    """Answers."""\n    lab.pod("web").answers("/")\n'


def write(tmp_path: Path, text: str) -> Path:
    """A validator of this text."""
    validator = tmp_path / "validators" / "test_07_names.py"
    validator.parent.mkdir(exist_ok=True)
    validator.write_text(text)
    return validator


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (f"{HEAD}    lab.jobs('web')\n", 7, "Lab has no attribute 'jobs'"),
        (f"{HEAD}    lab.deploment('web').has_ready_replicas(2)\n", 7, "Did you mean deployment?"),
        (f"{HEAD}    lab.deployment('web').has_redy_replicas(2)\n", 7, "Did you mean has_ready_replicas?"),
        (f"{HEAD}    web = lab.deployment('web')\n    web.has_redy_replicas(2)\n", 8, "Deployment has no attribute"),
        (f"{HEAD}    lab.deployment('web').has_ready_replicas(2, for_second=3)\n", 7, "Did you mean for_seconds?"),
        (f"{HEAD}    lab.deployment('web').has_ready_replicas()\n", 7, "missing a required argument: 'wanted'"),
        (f"{HEAD}    if True:\n        with lab.pod('web').exits(kode=1):\n            pass\n", 8, "exits()"),
        (
            f"{HEAD}{GOOD}{MORE.format('test_pod_ready')}",
            10,
            "nothing called 'test_pod_ready'. Did you mean test_pods_",
        ),
        (f"{HEAD}{GOOD}{MORE.format(NAMED)}", 10, "did you mean needs=[test_pods_ready]"),
        (f"{HEAD}{GOOD}".replace("import check", "import chekc"), 1, "kindlabs has nothing called 'chekc'"),
        (f"{HEAD}{GOOD}".replace("(lab):", "(lab)"), 5, "expected ':'"),
        (f"{HEAD}{GOOD}import nothing_of_this_name\n", 8, "nothing_of_this_name"),
        (f'{HEAD}{GOOD}raise SystemExit("enough")\n', 8, "SystemExit"),
        (f'{HEAD}{GOOD}{{"pods": 1}}["pod"]\n', 8, "KeyError: 'pod'"),
        ("x = 1\n", 0, "no check in it"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, line: int, said: str) -> None:
    """File, line and what is meant stand in one line, whatever it is that is wrong."""
    with pytest.raises(LabError) as caught:
        read_validator(write(tmp_path, text))
    assert f"test_07_names.py:{line or ' '}" in caught.value.message
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert (caught.value.exit_code, bool(caught.value.next_step)) == (3, True)


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        "    lab = object()\n    lab.anything\n",
        "    for name in ('a', 'b'):\n        lab.pod(name).answers('/', port=80)\n",
        "    first = lab.https('web').serves('tls')\n    first.whatever_it_is()\n",
        "    assert lab.nonce.startswith('a')\n    lab.pod(*['web']).is_ready(**{})\n",
    ],
)
def test_what_is_not_known_is_left_alone(tmp_path: Path, body: str) -> None:
    """Only what the declared types tell is held against an author."""
    read_validator(write(tmp_path, HEAD + body))


def test_the_validators_of_this_course_are_read() -> None:
    """Each validator of the course is without such mistakes."""
    for lab in course.find(Path(__file__)).labs():
        read_validator(lab.validator)


def test_a_missing_validator_names_its_like(tmp_path: Path) -> None:
    """A validator of another name is what its author may have meant."""
    write(tmp_path, HEAD + GOOD)
    with pytest.raises(LabError, match=r"test_07_name\.py: there is no such file.* Did you mean test_07_names\.py"):
        read_validator(tmp_path / "validators" / "test_07_name.py")


@pytest.mark.parametrize("word", ["solution", "start", "wrong-selector", None])
def test_a_missing_folder_is_the_labs(course: Course, word: str | None) -> None:
    """Without solution/ or start/ there is nothing to judge, and no learner who failed."""
    lab = course.lab("7")
    folder = lab.start if word in ("start", None) else lab.solution
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(LabError, match=f"{folder.name}/: there is no such folder") as caught:
        submission.resolve(course, lab, word)
    assert caught.value.exit_code == 3


def test_a_fault_further_in_names_both_places(tmp_path: Path) -> None:
    """What a validator makes an expectation stumble over is told with the line of either."""
    validator = write(tmp_path, "from kindlabs.mistakes import told\n\ntold(1)\n")
    with pytest.raises(AttributeError) as caught:
        exec(compile(validator.read_text(), str(validator), "exec"), {})
    assert "test_07_names.py:3: int has no attribute '__traceback__'" in told(caught.value)
    assert "kindlabs/mistakes.py:" in told(caught.value)


def test_a_walk_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong in an expectation or a walk is told with its own file and line."""
    monkeypatch.delitem(sys.modules, "kindlabs.vocabulary")
    monkeypatch.setitem(sys.modules, "kindlabs.expectations", ModuleType("kindlabs.expectations"))
    with pytest.raises(LabError, match=r"kindlabs/vocabulary\.py:\d+: kindlabs\.expectations has nothing called 'Lab'"):
        read_validator(write(tmp_path, HEAD + GOOD))


def test_what_every_pytest_loads_is_light() -> None:
    """Whoever has kind-labs installed and tests something else waits for nothing of it."""
    words = "import sys, kindlabs.pytest_validators; print(*sorted(name for name in sys.modules if 'kindlabs' in name))"
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout.split()
    assert said == ["kindlabs", "kindlabs.checks", "kindlabs.pytest_validators"]
