"""Whose a submission is, and how untrusted names of people and files are written down."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from kindlabs.terminal import printable

PLAIN = re.compile(r"\w[\w@+-]*(\.[\w@+-]+)*")
LONGEST_NAME = 64


@dataclass(frozen=True)
class Learner:
    """One learner: ``id`` is what nonces are issued to; ``submitted`` is as the roster says it, in any form."""

    id: str
    name: str = ""
    email: str = ""
    group: str = ""
    submitted: str = ""
    late: bool = False

    @property
    def folder(self) -> str:
        """A name for files of this learner: her id where that is a plain one, else what is left of it and a digest."""
        if PLAIN.fullmatch(self.id) and len(self.id) <= LONGEST_NAME:
            return self.id
        left = re.sub(r"\W+", "-", self.id).strip("-")[:LONGEST_NAME]
        return f"{left}-{hashlib.sha256(self.id.encode()).hexdigest()[:8]}".lstrip("-")


def readable(text: str) -> str:
    """*text* in one form, on one line, with what a terminal obeys and what is no character spelled out."""
    whole = text.encode(errors="backslashreplace").decode()  # halves of surrogate pairs: file names that are no UTF-8
    return printable(unicodedata.normalize("NFC", whole)).replace("\n", r"\n")
