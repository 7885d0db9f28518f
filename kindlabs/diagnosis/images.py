"""Why a node has no image for a container."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.diagnosis.containers import field_of, spec_of
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig

REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
ANSWERS = {
    "no such image in the registry": r"not found|manifest unknown|does not exist|denied|invalid reference"
    r"|couldn't parse",
    "the registry gives it to nobody without a login": r"\b40[13]\b|unauthorized|forbidden|authentication required",
    "its registry does not exist": r"no such host",
}
"""What a registry, or whoever was asked for its address, means by its words (the kubelet's events)."""


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
    words = waiting.get("message", "")
    answer = next((why for why, said in ANSWERS.items() if re.search(said, words, re.I)), "")
    same = next((own for own in scene.images if _repository(own) == _repository(image)), "")
    final = scene.offline or bool(same) or bool(answer)
    if waiting["reason"] == "ErrImageNeverPull" and not same:
        text = f"The node has no image {image}, and imagePullPolicy Never forbids to pull it."
        return about(pod, "ImageNotFound", text, (*here, "imagePullPolicy"))
    if waiting["reason"] == "InvalidImageName":
        why, final = "that is no valid image name", True
        _, colon, rule = words.rpartition("invalid reference format: ")
        why += f", {rule}" if colon else ""
    elif same:
        why = _not_that_one(image, same)
    elif scene.offline and scene.images:
        why = f"this cluster reaches no registry; the lab has {', '.join(sorted(scene.images))}"
    else:
        why = answer or "its registry does not answer"
    shown = image.rpartition("/")[2] if same else image
    reason = "ImageNotFound" if final else "ImagePullFailed"
    return about(pod, reason, f"The node cannot pull {shown}: {why}.", (*here, "image"), final=final)


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
