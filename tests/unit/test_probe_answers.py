"""What the probe in the cluster says about its requests."""

from kindlabs.expectations.probe import Replies, replies_in


def test_empty_answers_are_answers() -> None:
    """An app that answers with nothing has answered; agnhost leaves all answers out when the last one is empty."""
    assert replies_in({}, 2) == Replies(("", ""), ())
    assert replies_in({"errors": ["refused"]}, 3) == Replies(("", ""), ("refused",))
    assert replies_in({"responses": ["web-1"], "errors": ["refused"]}, 2) == Replies(("web-1",), ("refused",))
