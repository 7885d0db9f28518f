"""Why a claim is not bound, or to another volume than it should be, and why a volume does not outlive its claim."""

from __future__ import annotations

from collections.abc import Iterator

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.kube.api import Object
from kindlabs.kube.nodes import fits_terms, selects
from kindlabs.kube.objects import age, dig, labels_text
from kindlabs.kube.podspecs import references
from kindlabs.patience import NOBODY_SECONDS
from kindlabs.quantities import value_of

LATER = "WaitForFirstConsumer"
STATIC = "kubernetes.io/no-provisioner"
"""The provisioner of a class whose volumes somebody makes by hand (kubernetes.io/docs/concepts/storage)."""
CLASS, MODES, SIZE = ("spec", "storageClassName"), ("spec", "accessModes"), ("spec", "capacity", "storage")
NODES = ("spec", "nodeAffinity", "required", "nodeSelectorTerms")
AVAILABLE = (None, "Pending", "Available")


def why_not_bound(scene: Scene, claim: Object) -> Cause | None:
    """What keeps a claim from being bound; None when it is, or is only on its way."""
    phase = dig(claim, "status", "phase")
    if phase == "Lost":
        return _lost(claim)
    if phase != "Pending":
        return None
    return _class_missing(scene, claim) or _nothing_fits(scene, claim) or _nobody_uses(scene, claim)


def why_bound_elsewhere(scene: Scene, claim: Object, wanted: str) -> Cause | None:
    """Why a claim is bound to another volume than *wanted*."""
    name, found = claim["metadata"]["name"], dig(claim, "spec", "volumeName", default="")
    volume = scene.world.get("PersistentVolume", wanted)
    if volume is None:
        return scene.missing("PersistentVolume", wanted, "")
    own, its = _class_of(claim), _class_of(volume)
    if own != its:
        text = f"PersistentVolumeClaim {name} is bound to {found} of {_class(own)}"
        return about(claim, "WrongClass", f"{text}; PersistentVolume {wanted} is of {_class(its)}.", CLASS)
    for text, field in _disagreements(claim, volume):
        return about(claim, "BoundElsewhere", f"{text}, so that it is bound to {found}.", field)
    return about(claim, "BoundElsewhere", f"PersistentVolumeClaim {name} is bound to {found}.", ("spec",))


def why_not_of_class(claim: Object, wanted: str) -> Cause | None:
    """Why a claim that is bound has no volume of class *wanted*."""
    found = _class_of(claim)
    text = f"PersistentVolumeClaim {claim['metadata']['name']} is of {_class(found)}; {_class(wanted)} is asked for."
    return about(claim, "WrongClass", text, CLASS) if found != wanted else None


def why_shared(claim: Object) -> Cause | None:
    """Why more than one Pod at once may use a claim; None when its access mode forbids that."""
    modes = dig(claim, "spec", "accessModes", default=[])
    if "ReadWriteOncePod" in modes:
        return None
    name = claim["metadata"]["name"]
    who = "Pods of one node" if modes == ["ReadWriteOnce"] else "Pods of any node"
    text = f"{', '.join(modes)} lets several {who} use PersistentVolumeClaim {name} at once."
    return about(claim, "Shared", text, MODES)


def why_not_kept(volume: Object) -> Cause | None:
    """Why a volume does not stay when its claim goes."""
    policy, name = dig(volume, "spec", "persistentVolumeReclaimPolicy", default="Retain"), volume["metadata"]["name"]
    if policy == "Retain":
        return None
    text = f"Reclaim policy {policy} of PersistentVolume {name} lets it go with its claim; Retain keeps it."
    return about(volume, "NotRetained", text, ("spec", "persistentVolumeReclaimPolicy"))


def nodes_of(scene: Scene, volume: Object) -> list[str]:
    """The names of the nodes that a volume says it is on: where it says nothing, all of them."""
    terms = dig(volume, *NODES, default=[])
    return sorted(n["metadata"]["name"] for n in scene.world.list("Node") if not terms or fits_terms(n, terms))


def why_on_other_nodes(scene: Scene, volume: Object, wanted: list[str], called: str) -> Cause | None:
    """Why a volume says that it is on other nodes than *wanted*."""
    found = nodes_of(scene, volume)
    if found == wanted:
        return None
    text = f"The nodeAffinity of PersistentVolume {volume['metadata']['name']} fits {', '.join(found) or 'no node'}"
    return about(volume, "OnOtherNodes", f"{text}; it should fit {called} alone.", NODES)


def why_other_size(volume: Object, wanted: str) -> Cause | None:
    """Why a volume is not of size *wanted*."""
    found = dig(volume, *SIZE)
    if value_of(str(found)) == value_of(wanted):
        return None
    text = f"PersistentVolume {volume['metadata']['name']} says that it has {found}; {wanted} is asked for."
    return about(volume, "OtherSize", text, SIZE)


def why_not_there(volume: Object, where: str) -> Cause:
    """Why what was written to a volume is not *where* it was looked for: it lies at another path."""
    path = dig(volume, "spec", "local", "path") or dig(volume, "spec", "hostPath", "path")
    text = f"What was written to PersistentVolume {volume['metadata']['name']}, path {path}, is not in {where}."
    return about(volume, "OtherPlace", text, ("spec", "local" if "local" in volume["spec"] else "hostPath", "path"))


def _lost(claim: Object) -> Cause:
    text = f"PersistentVolume {claim['spec'].get('volumeName')} of PersistentVolumeClaim {claim['metadata']['name']}"
    return about(claim, "VolumeLost", f"{text} is gone.", ("spec",), final=False)


def _class_missing(scene: Scene, claim: Object) -> Cause | None:
    """A claim of a class that does not exist: no volume will ever be made for it."""
    name, wanted = claim["metadata"]["name"], dig(claim, "spec", "storageClassName")
    classes = [c["metadata"]["name"] for c in scene.world.list("StorageClass")]
    if not wanted or wanted in classes:
        return None
    there = ", ".join(classes) or "none"
    text = f"PersistentVolumeClaim {name} asks for StorageClass {wanted}, which does not exist; there is {there}."
    return about(claim, "StorageClassNotFound", text, CLASS)


def _nothing_fits(scene: Scene, claim: Object) -> Cause | None:
    """A claim for which nobody makes a volume, and none that is there agrees with it in everything."""
    made_by_hand = _class_of(claim) == "" or _provisioner(scene, claim) == STATIC
    if not made_by_hand:
        return None
    applied = [volume for volume in scene.world.list("PersistentVolume") if scene.was_applied(volume)]
    own = [volume for volume in applied if not _is_given(volume, claim)]
    meant = sorted(filter(_is_open, own), key=lambda volume: _class_of(volume) != _class_of(claim))
    if _class_of(claim) == "" and not any(_class_of(volume) == "" for volume in meant):
        text = f"An empty class turns dynamic provisioning off for PersistentVolumeClaim {claim['metadata']['name']}"
        return about(claim, "NoProvisioning", f"{text}; without storageClassName it gets the default class.", CLASS)
    slips = [slip for volume in meant if (slip := next(_slips(scene, claim, volume), None))]
    if slips and len(slips) == len(meant):
        thing, text, field = slips[0]
        return about(thing, "VolumeDiffers", f"{text}.", field)
    return None if meant else _no_volume(scene, claim, own)


def _no_volume(scene: Scene, claim: Object, own: list[Object]) -> Cause:
    name = claim["metadata"]["name"]
    if refused := scene.why_refused("", "PersistentVolume"):
        return refused
    if own:
        volume = own[0]["metadata"]["name"]
        phase, whose = dig(own[0], "status", "phase"), dig(own[0], "spec", "claimRef", "name")
        text = f"PersistentVolume {volume} is {phase}: it belongs to PersistentVolumeClaim {whose}, not to {name}."
        return about(own[0], "VolumeTaken", text, ("spec",), final=False)
    text = f"Nobody makes volumes of {_class(_class_of(claim))} for PersistentVolumeClaim {name}, and there is none."
    return about(claim, "NoVolume", text, CLASS)


def _slips(scene: Scene, claim: Object, volume: Object) -> Iterator[tuple[Object, str, Field]]:
    """In what a claim and a volume disagree, class first."""
    name, own = volume["metadata"]["name"], claim["metadata"]["name"]
    if _class_of(volume) != _class_of(claim):
        text = f"PersistentVolume {name} is of {_class(_class_of(volume))}"
        yield volume, f"{text}; PersistentVolumeClaim {own} asks for {_class(_class_of(claim))}", CLASS
    for text, field in _disagreements(claim, volume):
        yield claim, text, field
    if not nodes_of(scene, volume):
        yield volume, f"PersistentVolume {name} is on a node that there is not", ("spec", "nodeAffinity")


def _disagreements(claim: Object, volume: Object) -> Iterator[tuple[str, Field]]:
    """In what else they disagree, with the field of the claim: size, access modes, volume mode, selector."""
    name, own = volume["metadata"]["name"], f"PersistentVolumeClaim {claim['metadata']['name']} asks for"
    asked, has = dig(claim, "spec", "resources", "requests", "storage"), dig(volume, "spec", "capacity", "storage")
    if (value_of(str(asked)) or 0) > (value_of(str(has)) or 0):
        yield f"{own} {asked}; PersistentVolume {name} has {has}", ("spec", "resources", "requests", "storage")
    wanted, offered = ([*dig(thing, *MODES, default=[])] for thing in (claim, volume))
    if not {*wanted} <= {*offered}:
        yield f"{own} {', '.join(wanted)}; PersistentVolume {name} offers {', '.join(offered)}", MODES
    modes = [dig(thing, "spec", "volumeMode", default="Filesystem") for thing in (claim, volume)]
    if modes[0] != modes[1]:
        yield f"{own} volume mode {modes[0]}; PersistentVolume {name} has {modes[1]}", ("spec", "volumeMode")
    selector = dig(claim, "spec", "selector")
    if selector and not selects(selector, volume["metadata"].get("labels") or {}):
        labels = labels_text(selector.get("matchLabels") or {}) or "other labels"
        yield f"{own} a volume with {labels}; PersistentVolume {name} has not that", ("spec", "selector")
    named = dig(claim, "spec", "volumeName")
    if named and named != name:
        yield f"{own} PersistentVolume {named}; there is {name}", ("spec", "volumeName")


def _nobody_uses(scene: Scene, claim: Object) -> Cause | None:
    """A claim whose class waits for a Pod, and no Pod that uses it."""
    meta = claim["metadata"]
    pods = scene.world.list("Pod", meta["namespace"])
    used = any((r.kind, r.name) == (claim["kind"], meta["name"]) for pod in pods for r in references(pod["spec"]))
    storage_class = scene.world.get("StorageClass", _class_of(claim) or "") or {}
    if used or storage_class.get("volumeBindingMode") != LATER:
        return None
    text = f"PersistentVolumeClaim {meta['name']} waits for a Pod that uses it: class {_class_of(claim)} binds {LATER}."
    settled = age(meta.get("creationTimestamp")) > NOBODY_SECONDS
    return about(claim, "NobodyUsesIt", text, ("metadata", "name"), final=settled)


def _is_given(volume: Object, claim: Object) -> bool:
    """Whether a volume is for a claim of another namespace: the lab's own."""
    return dig(volume, "spec", "claimRef", "namespace") not in (None, claim["metadata"].get("namespace"))


def _is_open(volume: Object) -> bool:
    """Whether a claim may still get it."""
    return dig(volume, "status", "phase") in AVAILABLE


def _provisioner(scene: Scene, claim: Object) -> str:
    return str((scene.world.get("StorageClass", _class_of(claim) or "") or {}).get("provisioner", ""))


def _class_of(thing: Object) -> str | None:
    """The class of a claim or a volume; that of a volume is empty where it names none, as the API server has it."""
    found = dig(thing, "spec", "storageClassName")
    return "" if found is None and thing["kind"] == "PersistentVolume" else found


def _class(name: str | None) -> str:
    return f"class {name}" if name else "no class"
