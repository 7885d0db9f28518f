"""Why a node has no image: what registries answer, in the kubelet's words, and when nobody was asked."""

from __future__ import annotations

from typing import Any

import pytest
from worlds import Words, scene_with, thing

from kindlabs.diagnosis.images import why_no_image
from kindlabs.errors import NOT_THE_CLUSTERS

IMAGE = "registry.example.org/team/app:1"


def pod(reason: str, message: str, **container: Any) -> Any:
    """A Pod whose container waits for its image."""
    status = {"name": "app", "state": {"waiting": {"reason": reason, "message": message}}}
    spec = {"containers": [{"name": "app", "image": IMAGE} | container]}
    return thing("Pod", "web-1", spec=spec, status={"containerStatuses": [status]})


NO_IMAGE = "no such image in the registry"
NO_LOGIN = "the registry gives it to nobody without a login, or has no such repository"


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        ("no-such-tag", NO_IMAGE),
        ("no-such-repository", NO_LOGIN),
        ("no-credentials", NO_LOGIN),
        ("token-forbidden", NO_LOGIN),
        ("other-processor", "it is not made for this machine's processor"),
        ("no-such-host", "its registry does not exist"),
    ],
)
def test_an_answer_of_the_registry_is_final(words: Words, recorded: str, says: str, reason: str) -> None:
    """A registry that answered answers the same again: only another image helps."""
    pulls = words["pulls"]
    begins = f"{pulls['backs-off']}: ErrImagePull: " if reason == "ImagePullBackOff" else ""
    cause = why_no_image(scene_with(), pod(reason, f"{begins}{pulls[recorded]}"))

    assert cause is not None
    assert cause.message == f"The node cannot pull {IMAGE}: {says}."
    assert (cause.reason, cause.final, cause.ours) == ("ImageNotFound", True, False)


@pytest.mark.parametrize("images", [frozenset[str](), frozenset({"registry.example.org/team/app:2"})])
@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        ("too-many-manifests", "429 Too Many Requests"),
        ("too-many-heads", "429 Too Many Requests"),
        ("too-many-of-the-kubelet", "pull QPS exceeded"),
        ("unavailable", "503 Service Unavailable"),
        ("token-unavailable", "503 Service Unavailable"),
        ("internal-error", "500 Internal Server Error"),
        ("no-answer", "i/o timeout"),
        ("no-name-server", "i/o timeout"),
        ("name-server-misbehaves", "lookup quay.io on 127.0.0.11:53: server misbehaving"),
        ("no-known-host", "no such host"),
        ("hangs-up", "EOF"),
        ("refuses", "connection refused"),
        ("unknown-authority", "x509: certificate signed by unknown authority"),
        ("no-tls", "tls: first record does not look like a TLS handshake"),
        ("deadline", "context deadline exceeded"),
        ("disk-full", "no space left on device"),
    ],
)
def test_silence_is_nobodys_fault_but_ours(words: Words, recorded: str, says: str, images: frozenset[str]) -> None:
    """A registry that did not answer, or had no time, may do so yet; no learner pays for it, and no cluster."""
    cause = why_no_image(scene_with(images=images), pod("ErrImagePull", words["pulls"][recorded]))

    assert cause is not None
    assert (cause.reason, cause.final, cause.ours) == ("RegistrySilent", False, True)
    assert cause.message.startswith(f"No registry gives {IMAGE} now: ")
    assert cause.message.startswith(NOT_THE_CLUSTERS)
    assert says in cause.message


def test_a_tag_is_said_not_to_exist_on_the_registrys_word(words: Words) -> None:
    """Of a repository that the lab has, another tag may exist: it is the registry that says it does not."""
    scene, image = (
        scene_with(images=frozenset({"registry.example.org/team/app:2"})),
        "registry.example.org/team/app:503",
    )
    said = words["pulls"]["no-such-tag"].replace("127.0.0.1:5000/missing:1", image)
    cause = why_no_image(scene, pod("ErrImagePull", said, image=image))

    assert cause is not None
    assert cause.message == "The node cannot pull app:503: no such tag; the lab has 2."


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("registry.example.org/team/app:1", "The node cannot pull app:1: no such tag; the lab has 2."),
        (
            "registry.example.org/team/app",
            "The node cannot pull app: without a tag it means latest; the lab has tag 2.",
        ),
        (
            "docker.io/team/app:2",
            "The node cannot pull docker.io/team/app:2: this cluster reaches no registry; the lab has "
            "registry.example.org/team/app:2.",
        ),
    ],
)
@pytest.mark.parametrize("recorded", ["no-answer", "name-server-misbehaves", "no-such-host"])
def test_where_nothing_can_be_pulled_the_labs_images_are_all(
    words: Words, image: str, says: str, recorded: str
) -> None:
    """In a cluster that reaches no registry, silence is no riddle: there are the lab's images, and no others."""
    scene = scene_with(images=frozenset({"registry.example.org/team/app:2"}), offline=True)
    cause = why_no_image(scene, pod("ErrImagePull", words["pulls"][recorded], image=image))

    assert cause is not None
    assert (cause.message, cause.final, cause.ours) == (says, True, False)


def test_what_was_said_before_is_in_an_event(words: Words) -> None:
    """While the kubelet only says that it waits, its event still has the registry's words."""
    waiting = pod("ImagePullBackOff", words["pulls"]["backs-off"])
    event = thing("Event", "e", reason="Failed", lastTimestamp="2026-11-21T10:00:00Z", involvedObject={"uid": "web-1"})
    event["message"] = f'Failed to pull image "{IMAGE}": {words["pulls"]["no-such-tag"]}'
    cause = why_no_image(scene_with(event), waiting)

    assert cause is not None
    assert cause.message == f"The node cannot pull {IMAGE}: {NO_IMAGE}."


def test_a_pull_that_is_forbidden_is_the_policys(words: Words) -> None:
    """Where imagePullPolicy forbids to ask, no registry is blamed."""
    cause = why_no_image(scene_with(), pod("ErrImageNeverPull", words["pulls"]["never"]))

    assert cause is not None
    assert cause.final
    assert cause.message == f"The node has no image {IMAGE}, and imagePullPolicy Never forbids to pull it."
    assert cause.field == ("spec", "containers", 0, "imagePullPolicy")
