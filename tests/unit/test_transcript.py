"""What was asked and answered is kept, without an end."""

from __future__ import annotations

from kindlabs.expectations.transcript import CHARACTERS, ENTRIES, Transcript


def test_the_same_answer_again_raises_its_count() -> None:
    """A request that is asked again and again until it succeeds takes one entry per different answer."""
    transcript = Transcript()
    for answer in ("404", "404", "200"):
        transcript.note("GET /", answer)
    assert [(e["answer"], e["times"]) for e in transcript.as_list()] == [("404", 2), ("200", 1)]


def test_a_transcript_is_capped() -> None:
    """A thousand long answers leave the newest ones, each cut."""
    transcript = Transcript()
    for number in range(1000):
        transcript.note("GET /", f"{number} " + "x" * 5000)
    kept = transcript.as_list()
    assert len(kept) == ENTRIES
    assert kept[-1]["answer"].startswith("999 ")
    assert max(len(entry["answer"]) for entry in kept) == CHARACTERS
