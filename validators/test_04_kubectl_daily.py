"""Lab 04: the daily commands, on Pods that nobody documented."""

from kindlabs import check


@check(points=2)
def test_context_set(lab):
    """In `kubeconfig` the current context is `blue`, and a plain `get pods` with it lists the Pods of `lab-04-blue`."""
    lab.kubeconfig("kubeconfig").asks("lab-04-blue", by_context="blue")


@check(points=2)
def test_labels_exact(lab):
    """All Pods of `lab-04` with `tier=web`, and no others, carry the label `owner=me`."""
    lab.pods(owner="me").are("web-1", "web-2", "web-3")


@check(points=2)
def test_crash_code(lab):
    """`crash_code` is the code that Pod `chatty` logged before it crashed."""
    running = lab.nonce_for("well")
    why = "This code is in the current log; the crash happened in the previous container."
    lab.answer("crash_code").is_(lab.nonce_for("crash"), why=lambda code: why if code == running else None)


@check(points=1)
def test_copied_out(lab):
    """`in.txt` is the file `/data/in.txt` of container `main` in Pod `vault`."""
    why = "in.txt holds a value of another run."
    lab.file("in.txt").is_(lab.nonce_for("vault"), why=lambda text: why if len(text.strip()) == 8 else None)


@check(points=2)
def test_copied_in(lab):
    """`/data/out.txt` in the same container holds the same text, reversed."""
    lab.pod("vault").container("main").has_file("/data/out.txt", saying=lab.nonce_for("vault")[::-1])


@check(points=1)
def test_inner_page(lab):
    """`inner_page` is the text that Pod `inner` of `lab-04-blue` serves on its own 127.0.0.1:8080."""
    lab.answer("inner_page").is_(lab.nonce_for("page"))
