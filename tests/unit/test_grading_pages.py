"""The gradebook's pages: the class, what each lab cost it, and a page for each learner; made of records alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser import Page, acts_on_nothing, shape
from filelock import FileLock

from kindlabs import cli
from kindlabs.course import Course
from kindlabs.errors import UsageError
from kindlabs.grading import gradebook, remake
from kindlabs.grading.costs import of_labs
from kindlabs.grading.learner import Learner
from kindlabs.grading.records import Records
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict

DIGEST = "sha256:" + "0" * 64
HOSTILE = [
    "<script>document.title='x'</script>",
    "</style><img src=http://evil.example onerror=alert(1)>",
    '" onclick="alert(1)',
    "{{ 7 * 7 }}",
    "../../x\x1b[2J\u202e",
    "javascript:alert(1)",
]


def result(verdict: Verdict, says: str = "Service web selects app=wbe.", who: str = "bert") -> dict[str, Any]:
    """A run with two checks: one that came to *verdict*, and one that needs it."""
    passed = verdict is Verdict.PASSED
    check = CheckResult("endpoints-match", "`web` has both.", verdict, 4 if passed else 0, 4, observed="seen")
    if verdict is Verdict.FAILED:
        source = {"file": f"{who}/web.yaml", "line": 12}
        check.cause = CauseRecord("SelectsNoPod", f"Service {says}", says, source)
    rest = CheckResult("answers", "It answers.", verdict if passed else Verdict.BLOCKED, 6 if passed else 0, 6)
    lab = {"id": "07-names", "title": "Names of `things`", "digest": DIGEST}
    submission = {"path": says, "digest": DIGEST, "findings": []}
    made = Record(lab, submission, "", checks=[check, rest], seconds={"checks": 2.0})
    made.evidence = {"logs": {says: says}}
    return made.as_dict()


@pytest.fixture
def records(course: Course, tmp_path: Path) -> Records:
    """One who passed, two who failed, one without a verdict, one without files."""
    found, lab = Records(tmp_path), course.lab("7")
    verdicts = {"anna": Verdict.PASSED, "bert": Verdict.FAILED, "carl": Verdict.FAILED, "dora": Verdict.INFRA_ERROR}
    for name, verdict in verdicts.items():
        found.put(Learner(name, name.title()), lab, {}, result(verdict), 1)
    found.put(Learner("emil"), lab, {}, None, 0)
    return found


def test_the_class_has_a_row_each(records: Records, tmp_path: Path) -> None:
    """With name, score, verdict, first failed check, cause and place; columns that say nothing are left out."""
    files = gradebook.write(tmp_path, records.all())
    assert [file.name for file in files] == ["gradebook.csv", "gradebook.json", "index.html"]
    page = Page((tmp_path / "index.html").read_text())
    acts_on_nothing(page)
    cells = [text.strip() for text in page.texts["td"]]
    for words in ("Bert", "0 of 10", "10 of 10", "Service web selects app=wbe.", "web.yaml:12", "nothing handed in"):
        assert words in cells
    heads = re.findall(r"<th scope=\"col\">([^<]+)</th>", (tmp_path / "index.html").read_text())
    assert heads[:7] == ["learner", "name", "score", "verdict", "first failed check", "cause", "where"]
    assert len(page.all("script")) == 1


def test_everybody_has_a_page(records: Records, tmp_path: Path) -> None:
    """The class links to all of them, and each back; evidence is folded away."""
    gradebook.write(tmp_path, records.all())
    links = {unquote(one["href"] or "") for one in Page((tmp_path / "index.html").read_text()).all("a")}
    assert {f"learners/{name}.html" for name in ("anna", "bert", "carl", "dora", "emil")} <= links
    for link in links:
        assert link[0] == "#" or (tmp_path / link).is_file()
    bert = Page((tmp_path / "learners" / "bert.html").read_text())
    acts_on_nothing(bert)
    assert "Not there yet · 0 of 10 points" in bert.text("p")
    assert "bert/web.yaml:12" in bert.text("dd")
    assert len(bert.all("details")) == 1
    assert {one["href"] for one in bert.all("a")} == {"../index.html", "#07-names-endpoints-match"}
    assert "07-names-endpoints-match" in [one.get("id") for one in bert.all("section")]
    assert "Nothing was handed in" in Page((tmp_path / "learners" / "emil.html").read_text()).text("p")


def test_what_a_lab_cost(records: Records) -> None:
    """Each check with who passed, failed and was blocked, each cause with whom it cost; no verdict counts nowhere."""
    (lab,) = of_labs(records.all())
    assert (lab.judged, lab.max_score, round(lab.mean, 2)) == (3, 10, 3.33)
    assert lab.verdicts == {"passed": 1, "failed": 2, "infra_error": 1, "missing": 1}
    first, second = lab.checks
    assert (first.id, dict(first.counts), first.lost) == ("endpoints-match", {"passed": 1, "failed": 2}, 8)
    assert (second.id, dict(second.counts), second.lost) == ("answers", {"passed": 1, "blocked": 2}, 12)
    (cause,) = lab.causes
    assert (cause.reason, list(cause.learners), cause.checks) == ("SelectsNoPod", ["bert", "carl"], ["endpoints-match"])


def test_the_commonest_cause_comes_first(records: Records, course: Course) -> None:
    """Whoever failed first; an example is what was said most often."""
    other = result(Verdict.FAILED, "It listens on another port.")
    other["checks"][0]["cause"]["reason"] = "WrongPort"
    records.put(Learner("aaron"), course.lab("7"), {}, other, 1)
    records.put(Learner("zoe"), course.lab("7"), {}, result(Verdict.FAILED, "Service api selects nothing."), 1)
    common, rare = of_labs(records.all())[0].causes
    assert (common.reason, len(common.learners), rare.reason) == ("SelectsNoPod", 3, "WrongPort")
    assert common.example == "Service web selects app=wbe."


def test_costs_are_drawn(records: Records, tmp_path: Path) -> None:
    """A bar for each check and cause, as wide as its share; its numbers stand beside it, for whoever sees no bar."""
    gradebook.write(tmp_path, records.all())
    page = Page((tmp_path / "index.html").read_text())
    bars = [(one["class"], one["x"], one["width"]) for one in page.all("rect")]
    assert bars[:2] == [("passed", "0.0", "33.33"), ("failed", "33.33", "66.67")]
    assert bars[2:] == [("passed", "0.0", "33.33"), ("blocked", "33.33", "66.67"), ("failed", "0.0", "66.67")]
    assert {one.get("aria-hidden") for one in page.all("svg")} == {"true"}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_word_of_a_learner_acts(text: str, course: Course, tmp_path: Path) -> None:
    """Whatever she is called, whatever she wrote: the pages are built as those of harmless words are."""
    built = []
    for name, words in (("a", text), ("b", "x")):
        records = Records(tmp_path / name)
        who = Learner(words, words, words, words, words, late=True)
        records.put(who, course.lab("7"), {}, result(Verdict.FAILED, words, words), 1)
        gradebook.write(tmp_path / name, records.all())
        (learner,) = (tmp_path / name / "learners").iterdir()
        pages = [Page(file.read_text()) for file in (tmp_path / name / "index.html", learner)]
        for page in pages:
            acts_on_nothing(page)
            assert not set(page.text()) & set("\x1b\u202e")
        built.append([shape(page) for page in pages])
    assert built[0] == built[1]


def test_labs_side_by_side(records: Records, course: Course, tmp_path: Path) -> None:
    """With several labs the class has a column for them, and each lab a part of its own."""
    lab = course.lab("7")
    file = records.file(Learner("anna"), lab)
    file.with_name("08-x.json").write_text(file.read_text().replace("07-names", "08-x"))
    gradebook.write(tmp_path, records.all())
    page = Page((tmp_path / "index.html").read_text())
    assert [one.get("id") for one in page.all("h2")] == ["class", "lab-07-names", "lab-08-x"]
    assert "lab" in page.text("thead")
    anna = Page((tmp_path / "learners" / "anna.html").read_text())
    assert [one.get("id") for one in anna.all("h2")] == ["lab-07-names", "lab-08-x"]


def test_a_gradebook_is_made_again(records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the records alone, the same to the byte; who has no record any more has no page."""
    gradebook.write(tmp_path, records.all())
    names = ["gradebook.csv", "gradebook.json", "index.html", "learners/anna.html"]
    before = [(tmp_path / name).read_bytes() for name in names]
    (tmp_path / "learners" / "old.html").write_text("")
    for name in names:
        (tmp_path / name).unlink()
    cli.app(["gradebook", str(tmp_path)], standalone_mode=False)
    assert [(tmp_path / name).read_bytes() for name in names] == before
    assert not (tmp_path / "learners" / "old.html").exists()
    assert "index.html" in capsys.readouterr().out


def test_what_is_no_gradebook(records: Records, tmp_path: Path) -> None:
    """A folder without records is told and not made; one that is graded into is left alone."""
    with pytest.raises(UsageError, match="there are no records"):
        remake(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with FileLock(tmp_path / ".lock"), pytest.raises(UsageError, match="another lab grade writes there"):
        remake(tmp_path)
