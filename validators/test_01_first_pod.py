"""Lab 01: one Pod that runs, answers, is found, and comes back."""

from kindlabs import check


@check(points=2)
def test_pod_running(lab):
    """Pod `hello` is ready for 10 seconds without a restart."""
    lab.pod("hello").is_ready(for_seconds=10)


@check(points=3, needs=[test_pod_running])
def test_serves_http(lab):
    """`/hostname` on port 8080 of the Pod answers `hello`."""
    lab.pod("hello").answers("/hostname", port=8080, saying="hello")


@check(points=1)
def test_found_by_label(lab):
    """The labels `app=hello,tier=front` select exactly this Pod."""
    lab.pods(app="hello", tier="front").are("hello")


@check(points=1)
def test_nonce_noted(lab):
    """Annotation `lab.kind/nonce` holds the value in the note."""
    lab.pod("hello").has_annotation("lab.kind/nonce", lab.nonce, given_by="the note")


@check(points=3, needs=[test_serves_http])
def test_comes_back(lab):
    """After a crash the same Pod answers again, with one restart more."""
    hello = lab.pod("hello")
    restarts = hello.restarts
    hello.exits(code=1, port=8080)
    hello.has_restarted(since=restarts)
    hello.answers("/hostname", port=8080, saying="hello")
