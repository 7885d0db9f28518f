"""The gradebook in a real browser: it opens, sorts, searches, goes by keyboard, and obeys nothing in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Browser, browsing

from kindlabs.course import find
from kindlabs.grading import remake
from kindlabs.grading.learner import Learner
from kindlabs.grading.records import Records
from kindlabs.record import CauseRecord, CheckResult, Record, Verdict

CLASS = 300
HOSTILE = "<script>document.title='owned'</script><img src=http://127.0.0.1:1/x onerror=document.title='owned'>"
DIGEST = "sha256:" + "0" * 64
SHOWN = "[...document.querySelectorAll('#rows tbody tr')].filter(row => !row.hidden)"
SLIPPED_THROUGH = """
for (const [tag, more] of [["script", {textContent: "document.title = 1"}], ["b", {}]])
  document.body.append(Object.assign(document.createElement(tag), more));
document.body.lastChild.setAttribute("onclick", "document.title = 2");
document.body.lastChild.click();
"""
SCORES = f"{SHOWN}.map(row => row.cells[2].dataset.value).filter((one, at, all) => one !== all[at - 1]).join()"


def result(number: int) -> dict[str, Any]:
    """The run of one of the class: a third passed, others failed one of two checks; with all evidence there may be."""
    says = HOSTILE if number == 1 else f"Service web selects app=web{number}."
    place = number % 3
    verdicts = [Verdict.PASSED if at < place else Verdict.FAILED if at == place else Verdict.BLOCKED for at in range(2)]
    checks = [
        CheckResult(name, f"`{name}` holds.", verdict, 5 * (verdict is Verdict.PASSED), 5, observed="seen")
        for name, verdict in zip(("web-ready", "web-answers"), verdicts, strict=True)
    ]
    for check in checks:
        if check.verdict is Verdict.FAILED:
            check.cause = CauseRecord("SelectsNoPod", "Service web", says, {"file": f"{number}/web.yaml", "line": 6})
    lab = {"id": "03-ingress-certificates", "title": "HTTPS", "digest": DIGEST}
    made = Record(lab, {"path": str(number), "digest": DIGEST, "findings": []}, "", checks=checks)
    event = {"time": "now", "object": "Pod web", "reason": "BackOff", "message": says, "count": 1}
    exchange = {"request": "GET https://web.localhost/", "answer": "x" * 300, "times": 1}
    made.evidence = {
        "events": [event] * 30,
        "logs": {f"web-{at}/web": "line\n" * 400 for at in range(5)},
        "requests": [exchange] * 50,
    }
    return made.as_dict()


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gradebook of a class of 300, made of records."""
    out = tmp_path_factory.mktemp("gradebook")
    lab = find(Path(__file__)).lab("03")
    for number in range(CLASS):
        name = HOSTILE if number == 1 else f"Learner {number}"
        Records(out).put(Learner(f"{number:03}", name), lab, {}, result(number), 1)
    remake(out)
    return out


@pytest.fixture
def browser(gradebook: Path, tmp_path: Path) -> Iterator[Browser]:
    """A browser that has opened it."""
    with browsing(tmp_path) as tab:
        tab.open(gradebook / "index.html")
        yield tab


def test_a_class_of_300_opens_offline(browser: Browser) -> None:
    """All rows are there, and nothing was fetched."""
    assert browser.run(f"{SHOWN}.length") == CLASS
    asked = [
        event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"
    ]
    assert {url.split(":")[0] for url in asked} == {"file"}


def test_the_class_goes_by_keyboard(browser: Browser) -> None:
    """Searching and sorting need no pointer, and say to whoever sees nothing what they did."""
    browser.tab_to("it.type === 'search'")
    for character in "web-answers 29":
        browser.press(character)
    assert browser.run("document.querySelector('output').value") == "4 of 300 rows"
    assert browser.run(f"{SHOWN}.every(row => row.textContent.includes('web-answers'))")
    browser.run(
        "document.querySelector('input').value = ''; document.querySelector('input').dispatchEvent(new Event('input'))"
    )
    browser.tab_to("it.textContent === 'score'")
    for key, order, scores in (("Enter", "ascending", "0,5,10"), ("Space", "descending", "10,5,0")):
        browser.press(key)
        assert browser.run("document.activeElement.closest('th').getAttribute('aria-sort')") == order
        assert browser.run("document.querySelectorAll('[aria-sort]').length") == 1
        assert browser.run(SCORES) == scores
    browser.tab_to("it.closest('tbody th')")
    browser.press("Enter")
    deadline = time.monotonic() + 10
    while not browser.run("document.querySelector('nav a[href=\"../index.html\"]') !== null"):
        assert time.monotonic() < deadline


def test_a_learners_words_do_nothing(browser: Browser, gradebook: Path) -> None:
    """They are shown as they are; and where one slipped through the templates, the page's policy would stop it."""
    for page in (gradebook / "index.html", gradebook / "learners" / "001.html"):
        browser.open(page)
        title = browser.run("document.title")
        assert title in ("Gradebook", HOSTILE)
        assert HOSTILE in browser.run("document.querySelector('main').textContent")
        assert browser.run("document.querySelectorAll('main script, img').length") == 0
        browser.run(SLIPPED_THROUGH)
        assert browser.run("document.title") == title
