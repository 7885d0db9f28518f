"""A page as a browser takes it apart, and what must not be in it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """A page as a browser takes it apart: elements with their attributes, and the text within each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Each closes what it opened, void ones apart."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of an SVG."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """It ends what began last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Belongs to all that is open."""
        for tag in set(self.open):
            self.texts.setdefault(tag, []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str = "html") -> str:
        """All text within elements of a kind."""
        return "".join(self.texts.get(tag, ()))


def shape(page: Page) -> list[tuple[str, list[str]]]:
    """What a page is built of, without its words."""
    return [(tag, sorted(attributes)) for tag, attributes in page.elements]


def acts_on_nothing(page: Page) -> None:
    """No handler, no address, and a policy that lets nothing but the page's own style and script count."""
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "link", "form", "base"}
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset"}]
        assert not re.match(r"\s*[a-z]+:|//", attributes.get("href") or "")
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    allowed = dict(part.split(maxsplit=1) for part in (policy or "").split("; "))
    assert allowed["default-src"] == "'none'"
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.text(tag).encode()).digest()).decode()
        assert allowed.get(f"{tag}-src") == (f"'sha256-{digest}'" if page.all(tag) else None)
        assert "http:" not in page.text(tag)
        assert "@import" not in page.text(tag)
