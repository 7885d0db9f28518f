"""Why NetworkPolicies keep a Pod from another, or let it through: whom they select, whom they name, ports, directions.

The rules are those of the API's own reference (networking.k8s.io/v1, NetworkPolicySpec): a Pod that no policy of a
direction selects is open in it; policies add up; both ends must agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kindlabs.diagnosis.cause import Cause, Field, Scene, about
from kindlabs.kube.api import Object
from kindlabs.kube.objects import containers, dig, is_going
from kindlabs.kube.selectors import selector_text, selects

KIND = "NetworkPolicy.networking.k8s.io"
DNS_PORT, DNS_LABELS = 53, {"k8s-app": "kube-dns"}
INGRESS, EGRESS = "Ingress", "Egress"


class Way(NamedTuple):
    """From one Pod to a port on which another listens."""

    source: Object
    target: Object
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class End:
    """One end of a way, whose policies have a say: the target's for ingress, the source's for egress."""

    scene: Scene
    way: Way
    direction: str

    @property
    def own(self) -> Object:
        """The Pod whose policies they are."""
        return self.way.target if self.direction == INGRESS else self.way.source

    @property
    def other(self) -> Object:
        """The Pod that their rules have to name."""
        return self.way.source if self.direction == INGRESS else self.way.target

    @property
    def policies(self) -> list[Object]:
        """Those of the Pod's namespace that say anything about the direction."""
        found = self.scene.world.list(KIND, _space(self.own))
        return [policy for policy in found if not is_going(policy)]

    @property
    def selecting(self) -> list[Object]:
        """Those that select the Pod."""
        return [policy for policy in self.policies if _selects(policy, self.own)]

    @property
    def holding(self) -> list[Object]:
        """Those that select the Pod and limit this direction."""
        return [policy for policy in self.selecting if self.direction in _types(policy)]

    @property
    def idle(self) -> list[Object]:
        """Those that limit this direction and select no Pod at all."""
        pods = self.scene.world.list("Pod", _space(self.own))
        limiting = [policy for policy in self.policies if self.direction in _types(policy)]
        return [policy for policy in limiting if not any(_selects(policy, pod) for pod in pods)]

    def rules(self, policy: Object) -> Iterator[Rule]:
        """The rules of *policy* for this direction."""
        key, peers = ("ingress", "from") if self.direction == INGRESS else ("egress", "to")
        for at, rule in enumerate(dig(policy, "spec", key, default=[])):
            yield Rule(self, policy, ("spec", key, at), peers, rule)

    def letting(self) -> Rule | None:
        """The first rule that lets the way through; None where none does."""
        rules = (rule for policy in self.holding for rule in self.rules(policy))
        return next((rule for rule in rules if rule.names_other and rule.opens_port), None)

    @property
    def is_open(self) -> bool:
        """Whether the way is open at this end."""
        return not self.holding or self.letting() is not None


@dataclass(frozen=True)
class Rule:
    """One rule of a policy, at *field* of it; *peers* is the key of those whom it names: ``from`` or ``to``."""

    end: End
    policy: Object
    field: Field
    peers: str
    rule: Object

    @property
    def named(self) -> list[Object]:
        """Those whom it names; an empty list is everybody, as a missing one is."""
        return self.rule.get(self.peers) or []

    def matching(self) -> int | None:
        """Which of those whom it names the other Pod is; None for none of them."""
        return next((at for at, peer in enumerate(self.named) if self._is(peer)), None)

    @property
    def names_other(self) -> bool:
        """Whether the other Pod is one of those whom it names."""
        return not self.named or self.matching() is not None

    @property
    def opens_port(self) -> bool:
        """Whether the way's port is one that it opens."""
        ports = self.rule.get("ports") or []
        return not ports or any(_fits(entry, self.end.way) for entry in ports)

    @property
    def ports_text(self) -> str:
        """The ports that it opens: ``port 80, UDP port 53``."""
        return ", ".join(_port_text(entry) for entry in self.rule.get("ports") or [])

    def spaces(self, peer: Object) -> list[str]:
        """The namespaces whose Pods *peer* may be."""
        if "namespaceSelector" not in peer:
            return [_space(self.policy)]
        there = self.end.scene.world.list("Namespace")
        chosen = [space for space in there if selects(peer["namespaceSelector"], dig(space, "metadata", "labels"))]
        return [str(space["metadata"]["name"]) for space in chosen]

    def _is(self, peer: Object) -> bool:
        pod = self.end.other
        if "ipBlock" in peer:
            return _in_block(dig(pod, "status", "podIP"), peer["ipBlock"])
        fits = selects(peer.get("podSelector") or {}, dig(pod, "metadata", "labels"))
        return fits and _space(pod) in self.spaces(peer)


def why_kept_out(scene: Scene, way: Way) -> Cause | None:
    """Why policies do not let *way* through; None when they do."""
    for end in (End(scene, way, EGRESS), End(scene, way, INGRESS)):
        if not end.is_open:
            refused = scene.why_refused(_space(end.own), "NetworkPolicy")
            return (
                refused
                or _wrong_port(end)
                or _selects_nobody(end, would_let=True)
                or _names_nobody(end)
                or _no_rule(end)
            )
    return None


def why_let_through(scene: Scene, way: Way) -> Cause | None:
    """Why policies let *way* through, though it should be closed; None when they do not."""
    into, out = End(scene, way, INGRESS), End(scene, way, EGRESS)
    if not (into.is_open and out.is_open):
        return None
    ends = [into, out] if into.policies or not out.policies else [out, into]
    refused = next(filter(None, (scene.why_refused(_space(end.own), "NetworkPolicy") for end in ends)), None)
    walks = (_other_direction, _selects_nobody, _too_many, _unlimited)
    return refused or next(filter(None, (walk(end) for walk in walks for end in ends)), None)


def _wrong_port(end: End) -> Cause | None:
    """A rule that names the right Pod, and another port than the one on which the target listens."""
    way = end.way
    for rule in (rule for policy in end.holding for rule in end.rules(policy)):
        meant = not _is_dns(way) or any(entry.get("port") == DNS_PORT for entry in rule.rule.get("ports") or [])
        if rule.names_other and not rule.opens_port and meant:
            listens = f"{'' if way.protocol == 'TCP' else way.protocol + ' '}{way.port}"
            opens = f"NetworkPolicy {_name(rule.policy)} opens {rule.ports_text}"
            text = f"{opens}; Pod {_name(way.target)} listens on {listens}."
            return about(rule.policy, "WrongPort", text, (*rule.field, "ports", 0, "port"))
    return None


def _selects_nobody(end: End, *, would_let: bool = False) -> Cause | None:
    """A policy whose podSelector fits no Pod, so that it says nothing about anybody."""
    if end.holding and not would_let:
        return None
    for policy in end.idle:
        if not would_let or any(rule.names_other and rule.opens_port for rule in end.rules(policy)):
            chosen = selector_text(policy["spec"]["podSelector"])
            text = f"NetworkPolicy {_name(policy)} selects {chosen}; no Pod has it."
            return about(policy, "SelectsNoPod", text, ("spec", "podSelector"), next_step=_pods_of(_space(policy)))
    return None


def _names_nobody(end: End) -> Cause | None:
    """A rule whose selectors fit no namespace, no Pod, or only Pods of its own namespace."""
    for rule in (rule for policy in end.holding for rule in end.rules(policy) if rule.opens_port):
        for at, peer in enumerate(rule.named):
            found = _of_no_namespace(rule, peer) or _of_no_pod(rule, peer) or _of_own_namespace(rule, peer)
            if found:
                reason, text, step = found
                field = (*rule.field, rule.peers, at)
                return about(rule.policy, reason, f"NetworkPolicy {_name(rule.policy)} {text}", field, next_step=step)
    return None


def _of_no_namespace(rule: Rule, peer: Object) -> tuple[str, str, str] | None:
    if "namespaceSelector" not in peer or rule.spaces(peer):
        return None
    chosen = selector_text(peer["namespaceSelector"])
    return "NamesNoNamespace", f"names namespaces with {chosen}; no namespace has it.", "get namespaces --show-labels"


def _of_no_pod(rule: Rule, peer: Object) -> tuple[str, str, str] | None:
    if "podSelector" not in peer:
        return None
    spaces = rule.spaces(peer)
    pods = [pod for space in spaces for pod in rule.end.scene.world.list("Pod", space)]
    chosen = peer["podSelector"] or {}
    if any(selects(chosen, dig(pod, "metadata", "labels")) for pod in pods):
        return None
    if "namespaceSelector" not in peer and selects(chosen, dig(rule.end.other, "metadata", "labels")):
        return None  # there is one elsewhere, which says more
    text = f"names Pods with {selector_text(chosen)}; no Pod of {', '.join(spaces)} has it."
    return "NamesNoPod", text, _pods_of(spaces[0]) if spaces else ""


def _of_own_namespace(rule: Rule, peer: Object) -> tuple[str, str, str] | None:
    other, own = rule.end.other, _space(rule.policy)
    if "podSelector" not in peer or "namespaceSelector" in peer or _space(other) == own:
        return None
    if not selects(peer["podSelector"] or {}, dig(other, "metadata", "labels")):
        return None
    chosen = selector_text(peer["podSelector"])
    text = (
        f"names Pods with {chosen} of {own} alone, as it says no namespaceSelector beside; "
        f"Pod {_name(other)} is in {_space(other)}."
    )
    return "OwnNamespace", text, _pods_of(_space(other))


def _no_rule(end: End) -> Cause:
    """Policies hold the Pod, and none of them has a rule for the way."""
    way, first = end.way, end.holding[0]
    if end.direction == EGRESS and _is_dns(way):
        return about(
            first, "DnsClosed", "Egress to kube-dns port 53 is closed, so no name resolves.", ("spec", "egress")
        )
    names = ", ".join(_name(policy) for policy in end.holding)
    who = f"from Pod {_name(way.source)} to Pod {_name(way.target)}"
    text = f"No rule of NetworkPolicy {names} lets traffic {who} on port {way.port}."
    key = "ingress" if end.direction == INGRESS else "egress"
    return about(first, "NoRule", text, ("spec", key))


def _other_direction(end: End) -> Cause | None:
    """Rules that stand in a policy whose policyTypes leave their direction out: they limit nothing."""
    key = end.direction.lower()
    if end.holding:
        return None
    for policy in end.selecting:
        if key in policy["spec"]:
            types = ", ".join(_types(policy))
            text = (
                f"No policy limits {key} of Pod {_name(end.own)}: NetworkPolicy {_name(policy)} has {key} rules, "
                f"but its policyTypes are {types} alone."
            )
            return about(policy, "OtherDirection", text, ("spec", "policyTypes"))
    return None


def _too_many(end: End) -> Cause | None:
    """A rule that names more than it should."""
    rule = end.letting()
    if rule is None:
        return None
    at = rule.matching()
    field = (*rule.field, *((rule.peers, at) if at is not None else ()))
    text = _everybody(rule) if at is None else _alternatives(rule, at) or _named_too(rule, at)
    reason = "NamesEverybody" if at is None else "TwoItems" if _alternatives(rule, at) else "NamesTooMany"
    return about(rule.policy, reason, text, field)


def _everybody(rule: Rule) -> str:
    """The API server drops an empty list, so that nobody can tell it from a missing one."""
    verb = "enter" if rule.end.direction == INGRESS else "be asked"
    text = f"NetworkPolicy {_name(rule.policy)} has a rule whose `{rule.peers}` is empty or missing"
    return f"{text}: everybody may {verb}."


def _alternatives(rule: Rule, at: int) -> str:
    """Two items where one with both selectors was meant, one after the other; empty where it is not so."""
    mine = rule.named[at]
    beside = [rule.named[n] for n in (at + 1, at - 1) if 0 <= n < len(rule.named)]
    pairs = [(mine, peer) if "namespaceSelector" in mine else (peer, mine) for peer in beside]
    pair = next(
        (pair for pair in pairs if [{*half} for half in pair] == [{"namespaceSelector"}, {"podSelector"}]), None
    )
    if pair is None:
        return ""
    spaces, chosen = ", ".join(rule.spaces(pair[0])) or "no namespace", selector_text(pair[1]["podSelector"])
    verb = "enter" if rule.end.direction == INGRESS else "be asked"
    return f"Two list items mean OR: any Pod of {spaces}, or any Pod with {chosen} here, may {verb}."


def _named_too(rule: Rule, at: int) -> str:
    peer, other = rule.named[at], rule.end.other
    said = [f"{key} {selector_text(peer[key])}" for key in ("namespaceSelector", "podSelector") if key in peer]
    block = [f"ipBlock {peer['ipBlock']['cidr']}"] if "ipBlock" in peer else []
    text = f"NetworkPolicy {_name(rule.policy)} names Pod {_name(other)} of {_space(other)} too"
    return f"{text}: {', '.join(said + block)}."


def _unlimited(end: End) -> Cause | None:
    """No policy says anything about this end."""
    if end.holding:
        return None
    source, target = _name(end.way.source), _name(end.way.target)
    what = f"no policy selects Pod {target}" if end.direction == INGRESS else f"no policy limits egress of Pod {source}"
    text = f"{source} reaches {target}: {what}."
    step = _policies_of(_space(end.own))

    # The one that ought to is, as a rule, the one that denies: it has the fewest rules.
    def far(policy: Object) -> tuple[bool, int]:
        return end.direction not in _types(policy), len([*end.rules(policy)])

    nearest = min(end.policies, key=far, default=None)
    if nearest is None:
        return Cause("NoPolicy", "NetworkPolicy", "", _space(end.own), text, next_step=step)
    return about(nearest, "NoPolicy", text, ("spec", "podSelector"), next_step=step)


def _fits(entry: Object, way: Way) -> bool:
    """Whether a port of a rule is the way's; a name is one of the target's ports."""
    if entry.get("protocol", "TCP") != way.protocol:
        return False
    port = entry.get("port")
    if isinstance(port, str):
        declared = [p for c in containers(way.target["spec"]) for p in c.get("ports") or []]
        named = [
            p["containerPort"] for p in declared if p.get("name") == port and p.get("protocol", "TCP") == way.protocol
        ]
        return way.port in named
    return port is None or port <= way.port <= (entry.get("endPort") or port)


def _port_text(entry: Object) -> str:
    protocol = entry.get("protocol", "TCP")
    last = f" to {entry['endPort']}" if "endPort" in entry else ""
    return f"{'' if protocol == 'TCP' else protocol + ' '}port {entry.get('port', 'of any number')}{last}"


def _in_block(address: str | None, block: Object) -> bool:
    if not address:
        return False
    there = ipaddress.ip_address(address)
    without = any(there in ipaddress.ip_network(cidr, strict=False) for cidr in block.get("except") or [])
    return there in ipaddress.ip_network(block["cidr"], strict=False) and not without


def _types(policy: Object) -> list[str]:
    """The directions that a policy limits; where it does not say, ingress, and egress if it has rules for it."""
    rules = [EGRESS] if "egress" in policy["spec"] else []
    return policy["spec"].get("policyTypes") or [INGRESS, *rules]


def _selects(policy: Object, pod: Object) -> bool:
    return selects(policy["spec"].get("podSelector") or {}, dig(pod, "metadata", "labels"))


def _is_dns(way: Way) -> bool:
    return way.port == DNS_PORT and DNS_LABELS.items() <= dig(way.target, "metadata", "labels", default={}).items()


def _space(thing: Object) -> str:
    return str(thing["metadata"]["namespace"])


def _name(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def _pods_of(namespace: str) -> str:
    return f"-n {namespace} get pods --show-labels"


def _policies_of(namespace: str) -> str:
    return f"-n {namespace} describe networkpolicies"
