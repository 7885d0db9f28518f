"""What a record becomes in each report: read by a parser of its consumer's, and nothing that a learner wrote acts."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from browser import Page, acts_on_nothing, shape
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kindlabs import cli
from kindlabs.errors import UnreadableSubmission, UsageError
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict, schema
from kindlabs.reports import github, html, junit, markdown
from kindlabs.terminal import printable

DIGEST = "sha256:" + "0" * 64
HOSTILE = [
    "<script>alert(1)</script>",
    "</style></script><img src=http://evil.example/x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "]]>&lt;x;",
    "'\"><a href='javascript:alert(1)'>x</a>",
    "\x1b[2J\x1b]0;x\x07\x00\u202e\u2066\ufffe\udcff",
    "a\n::error file=x::owned\r\n::add-mask::a",
    "```\n# heading\n</details>",
    "x ` y `` z | w \\| [a](http://evil.example) ![](http://evil.example/i) @somebody <b>",
    "=HYPERLINK(1)",
    "%0A::set-output name=x::y,z:%25",
    "&",
    "",
]


def failed(text: str = "Service web selects app=wbe.") -> CheckResult:
    """A check that failed, everything that a learner can write in it being *text*."""
    text = text or "x"
    title = "Service `web` has them, and <i> is no element."
    cause = CauseRecord("SelectsNoPod", text, text, {"file": text, "line": 6}, [text, "Ingress web"])
    return CheckResult("endpoints-match", title, Verdict.FAILED, 0, 2, 1.5, text, text + "!", cause, text)


def record(*checks: CheckResult, text: str = "work/03", only: str | None = None) -> dict[str, Any]:
    """A record with these checks, the rest of what a learner can write being *text*; it fits the schema."""
    evidence = {
        "events": [{"time": text, "object": text, "reason": text, "message": text, "count": 2}],
        "logs": {f"web/{text}": text},
        "requests": [{"request": text, "answer": text, "times": 1}],
        "script": text,
    }
    found = {"path": text, "digest": DIGEST, "findings": [{"message": text or "x", "file": text, "line": 3}]}
    cluster = {"name": "labs-x", "profile": "single", "kubernetes": "v1.36.3", "addons": []}
    made = Record(
        {"id": "03-ingress-certificates", "title": "HTTPS from `outside`", "digest": DIGEST},
        found,
        "2026-11-29T18:00:00+00:00",
        cluster,
        only,
        {"cluster": 1.0, "checks": 4.1},
        list(checks),
        evidence,
    ).as_dict()
    jsonschema.validate(made, schema())
    return made


def passed(points: int = 3) -> CheckResult:
    """A check that passed."""
    return CheckResult("web-ready", "It is ready.", Verdict.PASSED, points, points)


BLOCKED = CheckResult("tls-served", "It is served.", Verdict.BLOCKED, 0, 1, observed="waits for endpoints-match")
GONE = CheckResult.without_points("cluster", "The cluster answers.", Verdict.INFRA_ERROR)
GONE.observed, GONE.next_step = "node gone: %", "make doctor"
REST = CheckResult("tls-served", "It is served.", Verdict.INFRA_ERROR, 0, 1, observed="not judged, see cluster")


def of_markdown(text: str) -> list[Token]:
    """Its tokens, those within lines too, as a parser of CommonMark with tables and addresses sees them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def shape_of_markdown(text: str) -> list[tuple[str, str]]:
    """What a text is built of, without its words."""
    return [(token.type, token.content if token.type.startswith("html") else "") for token in of_markdown(text)]


def said_to_github(lines: str) -> list[tuple[str, dict[str, str], str]]:
    """Commands, as GitHub's documentation says they are read: name, properties and message of each line."""
    found = []
    for line in lines.split("\n")[:-1]:
        command, _, message = line.removeprefix("::").partition("::")
        name, _, properties = command.partition(" ")
        pairs = dict(pair.split("=", 1) for pair in properties.split(",")) if properties else {}
        found.append((name, {key: unescaped(value) for key, value in pairs.items()}, unescaped(message)))
    return found


def unescaped(text: str) -> str:
    """The other way round; the percent sign last."""
    for token, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(token, character)
    return text


def test_junit_is_read_as_it_was_meant() -> None:
    """A case for each check: passed, failed with type and text, waiting for another one; the counts fit."""
    text = junit.of_record(record(passed(), failed(), BLOCKED, passed(0)))
    parsed = JUnitXml.fromstring(text.encode())
    (suite,) = parsed
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (
        "03-ingress-certificates",
        3,
        1,
        0,
        1,
    )
    good, bad, waits = suite
    assert (good.result, good.classname, good.name) == ([], "03-ingress-certificates", "web-ready: It is ready.")
    (failure,) = bad.result
    assert isinstance(failure, Failure)
    assert (failure.type, failure.message, bad.time) == ("SelectsNoPod", "Service web selects app=wbe.", 1.5)
    assert "expected: Service web selects app=wbe.\nobserved: " in failure.text
    assert [(type(one), one.message) for one in waits.result] == [(Skipped, "waits for endpoints-match")]


def test_junit_of_no_verdict() -> None:
    """Each check is an error then, and none a failure."""
    (suite,) = JUnitXml.fromstring(junit.of_record(record(GONE, REST)).encode())
    assert (suite.failures, suite.errors) == (0, 2)
    assert {type(case.result[0]) for case in suite} == {Error}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_junit(text: str) -> None:
    """Whatever a learner wrote is text, as a strict parser of XML reads it, and no control character is left."""
    made = junit.of_record(record(failed(text), text=text))
    plain = junit.of_record(record(failed(), text="x"))
    tags = [[element.tag for element in ElementTree.fromstring(one.encode()).iter()] for one in (made, plain)]
    assert tags[0] == tags[1]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ufffe\ud800-\udfff]", made)


def test_markdown_says_what_the_board_says() -> None:
    """The sum, a row for each check, and of what failed the cause, its place and what to do."""
    text = markdown.of_record(record(passed(), failed(), BLOCKED))
    assert "**Not there yet** · 3 of 6 points · 5.1 s · `work/03`" in text
    assert "| ✗ failed | 0 of 2 | `endpoints-match` | Service `web` has them, and &lt;i&gt; is no element. |" in text
    assert "| · blocked | 0 of 1 | `tls-served` | It is served. (`waits for endpoints-match`) |" in text
    assert "- where: `Service web selects app=wbe.:6`\n" in text
    assert text.count("<details>") == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_markdown(text: str) -> None:
    """It is code wherever it stands: no link, picture, heading, table or element comes of it."""
    waits = CheckResult("tls-served", "It is served.", Verdict.BLOCKED, 0, 1, observed=f"waits for {text}")
    tokens = of_markdown(markdown.of_record(record(failed(text), waits, text=text)))
    own = {"<details><summary>Events</summary>", "</details>"} | {
        f"<details><summary>{name}</summary>" for name in ("Requests", "Logs", "Script")
    }
    assert {token.content.strip() for token in tokens if token.type.startswith("html")} <= own
    assert not {"link_open", "image"} & {token.type for token in tokens}
    heads = [token.tag for token in tokens if token.type == "heading_open"]
    assert heads == ["h3", "h4"]
    assert sum(token.type == "tr_open" for token in tokens) == 3
    cells = [token for token, before in zip(tokens[1:], tokens, strict=False) if before.type == "td_open"]
    assert len(cells) == 8
    assert " ".join(printable(text).split()) in " ".join(cells[-1].content.split())


def test_markdown_is_never_too_long_for_github() -> None:
    """A summary above 1 MiB is not shown at all: the middle of long texts is left out, then what was kept."""
    long = "🧀" * 300_000
    text = markdown.of_record(record(failed(long), *[failed(f"{long}\n{long}") for _ in range(3)]))
    assert (len(text.encode()) < 1_048_576, "characters …" in text) == (True, True)
    lines = "line\n" * 2000
    assert "too long to be shown" in markdown.of_record(record(*[failed(lines) for _ in range(15)]))


def test_annotations_are_at_file_and_line() -> None:
    """One for each failed check at its cause, one for each finding in the files; passed and blocked have none."""
    files = CheckResult.without_points("submission", "The files are sound.", Verdict.FAILED)
    files.observed = "two"
    found = said_to_github(github.of_record(record(passed(), failed("50%, a:b\nnext"), BLOCKED, files)))
    assert [(name, properties["line"]) for name, properties, _ in found] == [("error", "6"), ("error", "3")]
    assert found[0][1]["file"] == "50%, a:b\nnext"
    assert found[0][1]["title"] == "endpoints-match: Service `web` has them, and <i> is no element."
    assert found[0][2].startswith("50%, a:b\nnext\nexpected: 50%")
    assert found[1][1]["title"] == "submission: The files are sound."


def test_files_are_called_as_github_calls_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the folder of the job's repository, wherever in it the command runs; what is no file stays as it is."""
    (tmp_path / "labs").mkdir()
    (tmp_path / "web.yaml").write_text("")
    monkeypatch.chdir(tmp_path / "labs")
    for workspace, called in ((str(tmp_path), "web.yaml"), (str(tmp_path.parent), f"{tmp_path.name}/web.yaml")):
        monkeypatch.setenv("GITHUB_WORKSPACE", workspace)
        ((_, properties, _),) = said_to_github(github.of_record(record(failed("../web.yaml"))))
        assert properties["file"] == called
        ((_, properties, _),) = said_to_github(github.of_record(record(failed("bert/web.yaml"))))
        assert properties["file"] == "bert/web.yaml"
        assert "line=6" in github.of_record(record(failed("x" * 5000)))
    monkeypatch.delenv("GITHUB_WORKSPACE")
    ((_, properties, _),) = said_to_github(github.of_record(record(failed("../web.yaml"))))
    assert properties["file"] == "../web.yaml"


def test_what_has_no_cause_is_told_once() -> None:
    """What was observed stands in its place."""
    made = record(CheckResult("a", "A.", Verdict.FAILED, 0, 2, 0, "this", "that was seen", None, "look"))
    for text in (github.of_record(made), html.of_record(made), markdown.of_record(made)):
        assert text.count("that was seen") == 1


def test_an_annotation_of_no_verdict() -> None:
    """It says whose fault it is, once, and names no file."""
    ((name, properties, message),) = said_to_github(github.of_record(record(GONE, REST)))
    assert (name, message) == ("error", "node gone: %\nmake doctor")
    assert list(properties) == ["title"]
    assert "nothing of this counts against you" in properties["title"]
    assert github.of_record(record(passed())) == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_a_command(text: str) -> None:
    """One line stays one command, with the properties that it was given."""
    found = said_to_github(github.of_record(record(failed(text), text=text)))
    ((name, properties, message),) = found
    assert (name, list(properties)) == ("error", ["file", "line", "title"])
    assert properties["file"] == printable(text or "x")
    assert message.startswith(printable(text or "x") + "\nexpected: ")
    assert github.of_record(record(failed(text), text=text)).count("\n") == 1


def test_github_obeys_nothing_meanwhile() -> None:
    """What a board shows stands between two lines that nobody can guess; also when the run does not end well."""
    out, again = io.StringIO(), io.StringIO()
    with github.unheard(out):
        out.write("  ::add-mask::a\n")
    first, _, last = out.getvalue().splitlines()
    assert re.fullmatch(r"::stop-commands::[0-9a-f]{32}", first)
    assert last == f"::{first.removeprefix('::stop-commands::')}::"
    with pytest.raises(KeyboardInterrupt), github.unheard(again):
        raise KeyboardInterrupt
    assert len(again.getvalue().splitlines()) == 2
    assert again.getvalue().splitlines()[0] != first


def test_a_page_says_what_the_board_says() -> None:
    """Verdict, points, checks with a row each, causes with place, evidence folded away; all that is linked is there."""
    page = Page(html.of_record(record(passed(), failed(), BLOCKED, passed(0))))
    acts_on_nothing(page)
    assert "Not there yet · 3 of 6 points" in page.text("p")
    assert "Service web selects app=wbe.:6" in page.text("dd")
    assert [one.get("href") for one in page.all("a")] == ["#endpoints-match"]
    assert "endpoints-match" in [one.get("id") for one in page.all("section")]
    assert len(page.all("details")) == 4
    assert not [one for one in page.all("details") if "open" in one]
    assert {one.get("scope") for one in page.all("th")} == {"col", "row"}
    assert [tag for tag, _ in page.elements if re.fullmatch(r"h\d", tag)] == ["h1", "h2"]
    assert page.all("html") == [{"lang": "en"}]
    assert "outside" in page.text("code")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_part_of_a_page(text: str) -> None:
    """The page is built as one of harmless words is, and says the words."""
    page = Page(html.of_record(record(failed(text), text=text)))
    acts_on_nothing(page)
    harmless = record(failed(), text="x" if text else "")
    assert shape(page) == shape(Page(html.of_record(harmless)))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page.text())
    assert " ".join(printable(text).split()) in " ".join(page.text().split())


@pytest.mark.parametrize("verdict", [Verdict.LAB_ERROR, Verdict.INFRA_ERROR])
def test_a_page_of_no_verdict(verdict: Verdict) -> None:
    """No points are told, and no cluster where there was none."""
    made = record(CheckResult("a", "A.", verdict, 0, 2, observed="gone"))
    page = Page(html.of_record({**made, "cluster": None, "evidence": {}}))
    assert "nothing of this counts against you" in page.text("p")
    assert " of 2 points" not in page.text("p")
    assert page.all("details") == []


def test_only_one_check_is_no_pass() -> None:
    """What was asked for passed; the page says that the rest was not judged."""
    assert "the others were not judged" in Page(html.of_record(record(passed(), only="web-ready"))).text("p")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder to write into; `lab check` comes to a failed record there without a run."""
    failing = Record(
        {"id": "03-x", "title": "X", "digest": DIGEST}, {"path": "w", "digest": DIGEST, "findings": []}, ""
    )
    failing.checks = [failed()]
    monkeypatch.setattr("kindlabs.checking.check_submission", lambda *_, out, **__: out.print("  ::board") or failing)
    monkeypatch.setattr(cli, "_course", lambda: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_check_writes_each_report(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each goes into its file; GitHub's commands come last, and it obeys nothing before."""
    forms = ["json", "junit", "markdown", "html"]
    words = [word for form in forms for word in (f"--{form}", f"out.{form}")]
    assert cli.app(["check", "03", *words, "--github"], standalone_mode=False) == 1
    assert json.loads((made / "out.json").read_text())["verdict"] == "failed"
    assert JUnitXml.fromfile("out.junit").failures == 1
    assert "Not there yet" in (made / "out.markdown").read_text()
    assert "Not there yet" in Page((made / "out.html").read_text()).text("title")
    stop, board, go, error = capsys.readouterr().out.splitlines()
    assert (stop.split("::")[1], board, go) == ("stop-commands", "  ::board", f"::{stop.split('::')[2]}::")
    assert error.startswith("::error file=")


def test_what_cannot_be_read_is_annotated(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no record; the error is shown while GitHub obeys nothing, and its place is annotated after that."""

    def unreadable(*_: Any, **__: Any) -> Record:
        raise UnreadableSubmission("work/03/a.yaml:3:7: no YAML:\n::add-mask::a", "Mend it.")

    monkeypatch.setattr("kindlabs.checking.check_submission", unreadable)
    assert cli.app(["check", "03", "--json", "a.json", "--github"], standalone_mode=False) == 2
    told = capsys.readouterr()
    assert told.err.splitlines()[0] == "lab: work/03/a.yaml:3:7: no YAML:"
    stop, go, line = told.out.splitlines()
    assert (stop.split("::")[1], go) == ("stop-commands", f"::{stop.split('::')[2]}::")
    ((_, properties, message),) = said_to_github(line + "\n")
    assert (properties["file"], properties["line"], message) == ("work/03/a.yaml", "3", "no YAML:\n::add-mask::a")
    assert not (made / "a.json").exists()
    assert "title=" in github.of_unreadable(UnreadableSubmission("it is no folder", ""))


def test_one_report_may_go_to_standard_output(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The board goes to standard error then."""
    assert cli.app(["check", "03", "--junit", "-"], standalone_mode=False) == 1
    told = capsys.readouterr()
    assert JUnitXml.fromstring(told.out.encode()).failures == 1
    assert told.err == "  ::board\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--json", "-", "--github"], "Two reports would be written to standard output"),
        (["--json", "-", "--html", "-"], "Two reports would be written to standard output"),
        (["--json", "a", "--markdown", "./a"], "Two reports would be written to a"),
        (["--html", "none/a.html"], "there is no folder none"),
        (["--junit", "."], "it is a folder"),
    ],
)
def test_places_are_refused_before_the_run(
    made: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    """What cannot be written, or would overwrite another report, is told at once."""
    monkeypatch.setattr("kindlabs.checking.check_submission", None)
    with pytest.raises(UsageError, match=says):
        cli.app(["check", "03", *words], standalone_mode=False)
