"""What the cluster's components said about an object."""

from __future__ import annotations

import re

from kindlabs.diagnosis.cause import Scene
from kindlabs.kube.api import Object
from kindlabs.kube.objects import dig


def events_of(scene: Scene, thing: Object, *reasons: str, since: str = "") -> list[Object]:
    """The events about *thing*, oldest first; of some *reasons* and not older than *since* where these are given."""
    own = thing["metadata"]
    mine = [
        event
        for event in scene.world.list("Event", own.get("namespace"))
        if dig(event, "involvedObject", "uid") == own["uid"] and (not reasons or event.get("reason") in reasons)
    ]
    return sorted((e for e in mine if last_time(e) >= since), key=last_time)


def newest(scene: Scene, thing: Object, *reasons: str, since: str = "", begins: str = "") -> Object:
    """The newest such event whose message begins with *begins*; empty when there is none."""
    fitting = [e for e in events_of(scene, thing, *reasons, since=since) if said(e).startswith(begins)]
    return fitting[-1] if fitting else {}


def said(event: Object) -> str:
    """Its message, on one line."""
    return " ".join(str(event.get("message") or event.get("note") or "").split())


def innermost(words: str) -> str:
    """A container runtime's own words, without the chain of those who passed them on, and without a Pod's uid."""
    words = re.sub(r"^.*unable to start container process: (error during container init: )?", "", words)
    return re.sub(r' \(pod: "[^"]*", container: [^)]*\)$', "", words).rstrip(".")


def times(event: Object) -> int:
    """How often it happened."""
    return int(event.get("count") or dig(event, "series", "count") or (1 if event else 0))


def last_time(event: Object) -> str:
    """When it happened last, in whole seconds as other times of the API are: ``2026-11-21T10:00:00Z``."""
    when = event.get("lastTimestamp") or dig(event, "series", "lastObservedTime") or event.get("eventTime") or ""
    return f"{when[:19]}Z" if when else ""


def changed_at(thing: Object) -> str:
    """When somebody last changed what an object asks for."""
    fields = [f for f in thing["metadata"].get("managedFields") or [] if f.get("subresource") != "status"]
    moments = [f["time"] for f in fields if f.get("time")]
    return str(max(moments, default=thing["metadata"].get("creationTimestamp", "")))
