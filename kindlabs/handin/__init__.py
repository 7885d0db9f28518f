"""What a learner hands in: one class a kind, each with read, apply and mutate.

Called from outside: the classes below, ``objects``, ``part``.
May import: ``kube`` (while applying), ``filetree``, ``kustomize``, ``lint``, ``manifests``, ``yamlsource``.
"""

from kindlabs.handin.answers import Answers
from kindlabs.handin.files import Files
from kindlabs.handin.objects import Objects
from kindlabs.handin.part import Applied, Folder, Part
from kindlabs.handin.script import Script

PARTS: tuple[type[Part], ...] = (Objects, Answers, Files, Script)
"""All kinds, in the order in which they are read and applied."""

__all__ = ["PARTS", "Answers", "Applied", "Files", "Folder", "Objects", "Part", "Script"]
