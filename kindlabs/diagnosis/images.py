"""Why a node has no image for a container."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import field_of, spec_of
from kindlabs.diagnosis.events import newest, said
from kindlabs.errors import NO_REGISTRY
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
REASONS |= {"RegistryUnavailable", "SignatureValidationFailed"}
BUSY = re.compile(r"too ?many ?requests|\b(429|5\d\d) [A-Z][\w ]*|QPS exceeded", re.I)
"""A registry, or who guards it, has no time: never the learner's fault."""
ANSWERS = {
    "no such image in the registry": r"\bnot found\b|(manifest|name)[ _]unknown|not known to registry",
    "it is not made for this machine's processor": r"no match for platform",
    "the registry gives it to nobody without a login, or has no such repository": r"\b40[13] [A-Z]|unauthorized"
    r"|forbidden|denied|authentication required|authorization failed|no basic auth credentials",
}
"""What a registry means by its words (the kubelet's events), the narrower ones last that contain the wider."""
NO_HOST = re.compile(r"lookup (\S+?)(?: on \S+)?: no such host")
THERE = (".docker.io", ".docker.com", ".k8s.io", "ghcr.io", "quay.io", "gcr.io", ".pkg.dev", "mcr.microsoft.com")
"""Registries that are there: when their names do not resolve, the machine's DNS is to blame."""
NAMES = re.compile(r'"[^"]*"|https?://\S+')
"""What stands in these words and is nobody's answer: a tag may be called 404."""


def why_no_image(scene: Scene, pod: Object) -> Cause | None:
    """The first container of *pod* whose image the node has not and cannot get."""
    for group in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", group, default=[]):
            waiting = dig(status, "state", "waiting", default={})
            if waiting.get("reason") in REASONS:
                return _image(scene, pod, status, waiting)
    return None


def _image(scene: Scene, pod: Object, status: Object, waiting: Object) -> Cause:
    image = str(spec_of(pod, status).get("image") or status.get("image", ""))
    here = field_of(pod, status)
    if image in scene.images:
        return _lost(pod, image, here)
    same = next((own for own in scene.images if _repository(own) == _repository(image)), "")
    words = _words(scene, pod, waiting)
    if waiting["reason"] == "ErrImageNeverPull" and not same:
        text = f"The node has no image {image}, and imagePullPolicy Never forbids to pull it."
        return about(pod, "ImageNotFound", text, (*here, "imagePullPolicy"))
    if waiting["reason"] == "InvalidImageName":
        _, colon, rule = words.rpartition("invalid reference format: ")
        why = "that is no valid image name" + (f", {rule}" if colon else "")
    elif scene.offline or waiting["reason"] == "ErrImageNeverPull":  # nobody is asked
        lab_has = f"the lab has {', '.join(sorted(scene.images))}" if scene.images else "the lab has no images"
        why = _not_that_one(image, same) if same else f"this cluster reaches no registry; {lab_has}"
    else:
        why = _answer(words)
        why = _not_that_one(image, same) if same and why.startswith("no such image") else why
    if not why:
        return _unanswered(pod, image, words, here)
    shown = image.rpartition("/")[2] if same else image
    return about(pod, "ImageNotFound", f"The node cannot pull {shown}: {why}.", (*here, "image"))


def _words(scene: Scene, pod: Object, waiting: Object) -> str:
    """What was said of the pull; while the kubelet backs off, older ones say it in an event alone."""
    message = str(waiting.get("message") or "")
    event = newest(scene, pod, "Failed", begins="Failed to pull image")
    return message if ": " in message or not event else said(event)


def _answer(words: str) -> str:
    """What the registry's answer means for whoever asks; empty for silence, and for answers that may change."""
    words = NAMES.sub("", words)
    if BUSY.search(words):
        return ""
    if nowhere := NO_HOST.search(words):
        return "" if nowhere[1].endswith(THERE) else "its registry does not exist"
    return next((why for why, meant in reversed(ANSWERS.items()) if re.search(meant, words, re.I)), "")


def _unanswered(pod: Object, image: str, words: str, here: Field) -> Cause:
    """A registry, or the way to it, that may give the image a moment later: nobody's fault but ours."""
    text = f"{NO_REGISTRY} {image} now: {_end_of(words) or 'it does not answer'}."
    return about(pod, "RegistrySilent", text, (*here, "image"), final=False, ours=True)


def _end_of(words: str) -> str:
    """The last part of the runtime's words, with the request that it is about where it names one."""
    asked = re.search(r"(?:unexpected status|failed to do request|failed to fetch|failed to authorize)\b.*", words)
    return (asked[0] if asked else words).rstrip(".")


def _not_that_one(image: str, same: str) -> str:
    """What is wrong with an image of a repository that the lab has."""
    tag = same.rpartition(":")[2]
    if "@" in image:
        return f"no such digest; the lab has tag {tag}"
    if _repository(image) == image:
        return f"without a tag it means latest; the lab has tag {tag}"
    return f"no such tag; the lab has {tag}"


def _lost(pod: Object, image: str, here: Field) -> Cause:
    """An image that the lab provides, and that the node has lost or never got."""
    text = f"The node has not {image.rpartition('/')[2]}, which the lab promises."
    return about(pod, "LabImageMissing", text, (*here, "image"), final=False, ours=True)


def _repository(image: str) -> str:
    """An image's name without digest and tag: ``registry.k8s.io/e2e-test-images/agnhost``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
