"""Characters that look like others, or like nothing, where YAML and Kubernetes read every single one."""

from __future__ import annotations

import re
import unicodedata

ALIKE = {
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02",
    "'": "\u2018\u2019\u201a\u201b\u2032\uff07",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
    ":": "\uff1a",
    ",": "\uff0c",
}
"""What word processors and input methods put in the place of a character that means something in YAML."""
MEANT = {look: plain for plain, looks in ALIKE.items() for look in looks}
QUOTES = frozenset(ALIKE['"'] + ALIKE["'"])
INVISIBLE = ("Zs", "Zl", "Zp", "Cf")
"""Unicode's categories of spaces, line ends and marks that are not drawn."""
BLANK = "\u0085\u034f\u115f\u1160\u3164\uffa0"
"""What is not drawn either, and has another category."""
BETWEEN = re.compile("[\u0085\u2028\u2029]|^\ufeff", re.M)
"""What YAML 1.1 takes without a word between two tokens: line ends that no editor shows, and the mark at the head of a
file where another one was put before it."""
NAMES = {"\ufeff": "byte order mark", "\u0085": "next line"}
"""Where Unicode has none, or one that nobody knows."""
JOINERS = "\u200c\u200d"
"""Parts of emoji, and of words in some scripts."""
FREE_TEXT = {"data", "stringData", "annotations"}
"""Below these, and in an environment variable's ``value``, any text may be meant."""


def is_invisible(character: str) -> bool:
    """Whether nothing is drawn for it, or a gap that is no plain space."""
    return character != " " and (unicodedata.category(character) in INVISIBLE or character in BLANK)


def fault_of_scalar(written: str, path: tuple[str | int, ...], *, plain: bool) -> int | None:
    """Where in a scalar as *written* (with its quotes) the first character stands that its author cannot mean.

    Args:
        path: where its value goes, which says whether it may be any text.
        plain: whether it has neither quotes nor ``|`` nor ``>`` before it.
    """
    free = bool(FREE_TEXT & set(path)) or path[-1:] == ("value",)
    if free and not plain:
        return None
    for at, character in enumerate(written):
        if is_invisible(character) and not (free and character in JOINERS):
            return at
        if plain and character in (QUOTES if free and at == 0 else () if free else MEANT):
            return at
    return None


def fault_near(text: str, place: int) -> int | None:
    """The first such character in the line of *place* and the one before it; not in comments."""
    begin = text.rfind("\n", 0, max(text.rfind("\n", 0, place), 0)) + 1
    end = text.find("\n", place)
    for line in re.finditer(r"[^\n]+", text[begin : end if end >= 0 else len(text)]):
        code = re.split(r"(?:^|\s)#", line[0])[0]
        for at, character in enumerate(code):
            if is_invisible(character) or character in MEANT:
                return begin + line.start() + at
    return None


def described(character: str) -> str:
    """What it is, and what to write in its place, as the whole of a sentence."""
    name = NAMES.get(character) or unicodedata.name(character, "control character").lower()
    what = f"{name} (U+{ord(character):04X})"
    if character in MEANT:
        return f"{character} is a {what}, not {MEANT[character]}: write {MEANT[character]}, or put the text in quotes"
    if unicodedata.category(character) == "Zs":
        return f"an invisible character, {what}, which is not a space: write a space"
    return f"an invisible character, {what}: delete it"
