"""From the command to a verdict: what the machine refuses is a verdict too."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import urllib3
from docker.errors import DockerException
from rich.console import Console

from kindlabs import checking
from kindlabs.course import Course
from kindlabs.errors import InfraError, UnreadableLab
from kindlabs.record import Verdict


def check(
    course: Course, monkeypatch: pytest.MonkeyPatch, error: Exception, name: str | None = "solution"
) -> tuple[Verdict, str]:
    """The verdict on the submission *name*, and what was shown, when no cluster can be leased because of *error*."""

    @contextmanager
    def refused(*_args: Any, **_options: Any) -> Iterator[None]:
        raise error
        yield

    monkeypatch.setattr(checking, "lease", refused)
    text = io.StringIO()
    out = Console(file=text, width=200)
    record = checking.check_submission(course, "7", name, fresh=False, out=out, ask=lambda _: False)
    return record.verdict, text.getvalue()


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("solution", "make -C ../.. check LAB=07 SUBMISSION=solution"),
        ("wrong-selector", "make -C ../.. check LAB=07 SUBMISSION=wrong-selector"),
        ("mine", "make -C ../.. check LAB=07 SUBMISSION=work/below/mine"),
        (".", "make -C ../.. check LAB=07 SUBMISSION=work/below"),
        (None, "make -C ../.. check LAB=07"),
    ],
)
def test_what_is_shown_can_be_typed_in_a_sub_folder(
    course: Course, monkeypatch: pytest.MonkeyPatch, name: str | None, again: str
) -> None:
    """Make finds the checkout, and the submission is the same, from wherever somebody works."""
    (course.root / "work" / "below" / "mine").mkdir(parents=True)
    monkeypatch.chdir(course.root / "work" / "below")
    _, shown = check(course, monkeypatch, InfraError("The engine went.", "make doctor"), name)
    assert shown.rstrip().endswith(f"again     {again}")
    assert "next      make -C ../.. doctor" in shown


def test_what_is_shown_in_the_checkout_is_short(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where make is at home, its commands are as the README has them."""
    monkeypatch.chdir(course.root)
    _, shown = check(course, monkeypatch, InfraError("The engine went.", "make doctor"))
    assert shown.rstrip().endswith("again     make check LAB=07 SUBMISSION=solution")
    assert "next      make doctor" in shown


@pytest.mark.parametrize(
    ("number", "advice"), [(errno.ENOSPC, "Free some space"), (errno.EACCES, "chown"), (errno.EROFS, "in a copy")]
)
def test_a_machine_that_refuses(course: Course, monkeypatch: pytest.MonkeyPatch, number: int, advice: str) -> None:
    """A full disk, or state that belongs to somebody else, is an infra_error with its file and what to do."""
    verdict, shown = check(course, monkeypatch, OSError(number, "It cannot be", ".labs/clusters"))
    assert verdict is Verdict.INFRA_ERROR
    assert ".labs/clusters: It cannot be." in shown
    assert advice in shown


@pytest.mark.parametrize(
    "error",
    [
        DockerException("the engine went"),
        requests.exceptions.ConnectionError("the engine went"),
        urllib3.exceptions.ProtocolError("the engine went"),
    ],
)
def test_an_engine_that_went(course: Course, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """However the engine's client says that it is gone, it is the machine's fault, and there is a record."""
    verdict, shown = check(course, monkeypatch, error)
    assert verdict is Verdict.INFRA_ERROR
    assert "The Docker engine does not do what it is asked: the engine went" in shown
    assert "make doctor" in shown


def test_a_slip_of_our_own_is_none_of_the_machines(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other error of the system stays what it is, for the log."""
    with pytest.raises(FileNotFoundError):
        check(course, monkeypatch, FileNotFoundError(errno.ENOENT, "No such file", "x"))


@pytest.mark.parametrize(
    ("text", "said"), [("kind: [\n", r"note\.yaml:2:1: "), ("kind: ConfigMap\n", r"note\.yaml:1: .*metadata\.name")]
)
def test_a_lab_that_cannot_be_read_touches_no_cluster(
    course: Course, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """What a lab sets up is read before a cluster is leased: no verdict of a run, but an error with file and line."""
    (course.root / "labs" / "07-names" / "setup" / "note.yaml").write_text(text)
    with pytest.raises(UnreadableLab, match=said) as caught:
        check(course, monkeypatch, FileNotFoundError(errno.ENOENT, "No cluster is to be leased"))
    assert caught.value.exit_code == 2
