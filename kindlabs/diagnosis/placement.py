"""Why Pods are where they should not be: what chooses a node for them, what only permits it, what keeps them apart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.kube.api import Object
from kindlabs.kube.nodes import OWN, fits_terms, is_own, selects, taint_of, taint_text, taints_of, tolerated
from kindlabs.kube.objects import dig, labels_text
from kindlabs.kube.world import has_labels

AFFINITY = ("spec", "affinity")
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
HOST = "kubernetes.io/hostname"


def why_elsewhere(scene: Scene, pod: Object, home: Collection[str]) -> Cause | None:
    """What lets *pod* be on a node that is none of *home*; None while it has none, or is there."""
    node = scene.world.get("Node", dig(pod, "spec", "nodeName", default=""))
    if node is None or node["metadata"]["name"] in home:
        return None
    walks = (_pinned(scene, pod), _near_others(scene, pod, node), _fits_others(pod, node), _unchosen(pod))
    return next(filter(None, walks), None)


def why_together(scene: Scene, pods: Sequence[Object], key: str) -> Cause | None:
    """What lets two of *pods* be where label *key* of their nodes is the same; None when nothing does."""
    if not pods:
        return None
    pod = pods[0]
    name, own = pod["metadata"]["name"], pod["metadata"].get("labels") or {}
    rules = [*_pod_terms(pod, "podAntiAffinity", REQUIRED)]
    for place, term in rules:
        if not selects(term.get("labelSelector"), own):
            text = (
                f"The anti-affinity of Pod {name} keeps it from Pods with {_said(term)}; it carries {_few(term, own)}"
            )
            return about(pod, "KeptFromOthers", f"{text}.", (*place, "labelSelector"))
        if not _tells_apart(scene, pods, term.get("topologyKey", ""), key):
            text = f"Pod {name} keeps away from its like by {term.get('topologyKey')}, not by {key}."
            return about(pod, "WrongTopologyKey", text, (*place, "topologyKey"))
    return None if rules else _why_weakly_apart(pod)


def _tells_apart(scene: Scene, pods: Sequence[Object], by: str, key: str) -> bool:
    """Whether Pods that have to differ in label *by* of their nodes differ in *key*: whatever it is, one node has one.

    A node without the label is in no topology, and takes any number of them.
    """
    nodes = (scene.world.get("Node", dig(pod, "spec", "nodeName", default="")) for pod in pods)
    return by == key or (key == HOST and all(dig(node, "metadata", "labels", by) for node in nodes if node))


def _why_weakly_apart(pod: Object) -> Cause:
    """What a Pod has in place of a rule that keeps it from its like."""
    for place, term in (*_pod_terms(pod, "podAntiAffinity", PREFERRED), *_spread(pod)):
        if term.get("whenUnsatisfiable") == "DoNotSchedule":
            text = f"A spread with maxSkew {term.get('maxSkew')} lets one more Pod with {_said(term)} share a node."
            return about(pod, "OnlySpread", text, place)
        text = f"Preferred rules let two Pods with {_said(term)} share a node."
        return about(pod, "OnlyPreferred", text, place)
    text = f"Nothing keeps Pod {pod['metadata']['name']} from a node that has one of its like."
    return about(pod, "NothingApart", text, ("spec",))


def why_let_in(scene: Scene, pod: Object) -> Cause | None:
    """What lets *pod* be on a node that is kept for others."""
    name, at = pod["metadata"]["name"], dig(pod, "spec", "nodeName", default="")
    taints = [t for t in taints_of(scene.world.get("Node", at)) if not is_own(t)]
    text = f"Pod {name} is on node {at}, which is kept for others"
    for taint in taints:
        for place, toleration in tolerated(pod, taint):
            field = ("spec", "tolerations", place)
            return about(pod, "LetIn", f"{text}: it tolerates {taint_text(toleration)}.", field)
    return _pinned(scene, pod) or about(pod, "LetIn", f"{text}.", ("spec",))


def why_wrong_stay(pod: Object, taint: str, least: float, most: float) -> Cause | None:
    """Why *pod* does not stay from *least* to *most* seconds on a node with a NoExecute taint; None when it would."""
    name, found = pod["metadata"]["name"], tolerated(pod, taint_of(taint))
    if not found:
        others = [taint_text(t) for _, t in _tolerations(pod)]
        than = f"; it tolerates {', '.join(others)}" if others else ""
        text = f"Pod {name} does not tolerate taint {taint}, so it leaves at once{than}."
        return about(pod, "Untolerated", text, ("spec", "tolerations"))
    ending = [(t["tolerationSeconds"], at) for at, t in found if t.get("tolerationSeconds") is not None]
    if not ending:
        text = f"Pod {name} tolerates taint {taint} for ever: its toleration has no tolerationSeconds."
        return about(pod, "ToleratedForEver", text, ("spec", "tolerations", found[0][0]))
    seconds, at = min(ending)
    if least <= seconds <= most:
        return None
    text = f"Pod {name} tolerates taint {taint} for {seconds} s; {least:g} to {most:g} s are asked for."
    return about(pod, "WrongStay", text, ("spec", "tolerations", at, "tolerationSeconds"))


def _pinned(scene: Scene, pod: Object) -> Cause | None:
    """A manifest that names the node itself, so that nobody looks whether it fits."""
    for thing in scene.applied:
        at: Field = ("spec",) if thing["kind"] == "Pod" else ("spec", "template", "spec")
        named = dig(thing, *at, "nodeName")
        if named and selects({"matchLabels": _labels_of(thing)}, pod["metadata"].get("labels") or {}):
            text = f"{thing['kind']} {thing['metadata']['name']} names node {named} itself, past the scheduler."
            return about(thing, "NamesNode", text, (*at, "nodeName"))
    return None


def _labels_of(thing: Object) -> dict[str, str]:
    at = () if thing["kind"] == "Pod" else ("spec", "template")
    return dict(dig(thing, *at, "metadata", "labels", default={}))


def _near_others(scene: Scene, pod: Object, node: Object) -> Cause | None:
    """A Pod that is to be near another: a topology that every node is in, another Pod, or a preference."""
    name, nodes = pod["metadata"]["name"], scene.world.list("Node")
    for place, term in _pod_terms(pod, "podAffinity", REQUIRED):
        key = term.get("topologyKey", "")
        value = dig(node, "metadata", "labels", key)
        if value is not None and all(dig(n, "metadata", "labels", key) == value for n in nodes):
            text = f"Pod {name} only has to share {key}={value} with Pods of {_said(term)}, which every node does."
            return about(pod, "WrongTopologyKey", text, (*place, "topologyKey"))
        text = (
            f"Pod {name} has to be near Pods of {_said(term)} by {key}, which node {node['metadata']['name']} is too."
        )
        return about(pod, "NearOthers", text, place)
    for place, term in _pod_terms(pod, "podAffinity", PREFERRED):
        text = (
            f"Pod {name} only prefers to be near Pods of {_said(term)}: it goes elsewhere when their node takes none."
        )
        return about(pod, "OnlyPreferred", text, place)
    return None


def _fits_others(pod: Object, node: Object) -> Cause | None:
    """A choice of nodes that also fits this one, or that is a preference."""
    name, where = pod["metadata"]["name"], node["metadata"]["name"]
    if wanted := dig(pod, "spec", "nodeSelector"):
        text = f"Pod {name} asks for a node with {labels_text(wanted)}, and node {where} has that too."
        return about(pod, "FitsOthers", text, ("spec", "nodeSelector"))
    affinity = dig(pod, *AFFINITY, "nodeAffinity", default={})
    if affinity.get(REQUIRED):
        text = f"Pod {name} has a node affinity that node {where} fits too."
        return about(pod, "FitsOthers", text, (*AFFINITY, "nodeAffinity", REQUIRED))
    if affinity.get(PREFERRED):
        text = f"Pod {name} only prefers a node: it goes elsewhere when that takes none."
        return about(pod, "OnlyPreferred", text, (*AFFINITY, "nodeAffinity", PREFERRED))
    return None


def _unchosen(pod: Object) -> Cause:
    """A Pod that chooses no node: one that tolerates a taint may look as if it did."""
    name = pod["metadata"]["name"]
    for at, toleration in _tolerations(pod):
        text = f"A toleration permits the node; it does not choose it: Pod {name} tolerates {taint_text(toleration)}"
        return about(pod, "OnlyTolerates", f"{text}, and asks for no node.", ("spec", "tolerations", at))
    return about(pod, "ChoosesNoNode", f"Pod {name} asks for no node, so that any will do.", ("spec",))


def _tolerations(pod: Object) -> Iterator[tuple[int, Object]]:
    """Those that somebody wrote, with their places; every Pod gets two for nodes that are lost."""
    for at, toleration in enumerate(dig(pod, "spec", "tolerations", default=[])):
        if not toleration.get("key", "").startswith(OWN):
            yield at, toleration


def _pod_terms(pod: Object, kind: str, strength: str) -> Iterator[tuple[Field, Object]]:
    """The terms of a Pod's affinity to other Pods, with their places."""
    for at, term in enumerate(dig(pod, *AFFINITY, kind, strength, default=[])):
        place: Field = (*AFFINITY, kind, strength, at)
        yield ((*place, "podAffinityTerm"), term["podAffinityTerm"]) if strength == PREFERRED else (place, term)


def _spread(pod: Object) -> Iterator[tuple[Field, Object]]:
    for at, term in enumerate(dig(pod, "spec", "topologySpreadConstraints", default=[])):
        yield ("spec", "topologySpreadConstraints", at), term


def _said(term: Object) -> str:
    labels = dig(term, "labelSelector", "matchLabels", default={})
    rules = [rule["key"] for rule in dig(term, "labelSelector", "matchExpressions", default=[])]
    return ",".join(filter(None, [labels_text(labels), *rules])) or "no labels"


def _few(term: Object, labels: dict[str, str]) -> str:
    """Those of a Pod's labels that a term asks about; Kubernetes adds others, such as the zone of its node."""
    asked = [*dig(term, "labelSelector", "matchLabels", default={})]
    asked += [rule["key"] for rule in dig(term, "labelSelector", "matchExpressions", default=[])]
    return labels_text({key: labels[key] for key in asked if key in labels}) or "none of them"


def fits(node: Object, pod: Object) -> bool:
    """Whether a node has the labels that the Pod's nodeSelector and its required node affinity ask for."""
    terms = dig(pod, *AFFINITY, "nodeAffinity", REQUIRED, "nodeSelectorTerms")
    return has_labels(node, dig(pod, "spec", "nodeSelector", default={})) and (not terms or fits_terms(node, terms))
