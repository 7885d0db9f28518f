"""The rule that closes the way out, as text."""

from kindlabs.clusters import egress


def test_the_rule_names_each_network_by_its_family() -> None:
    """IPv4 and IPv6 networks stand in their own lines, beside those that never leave a machine."""
    rules = egress.ruleset(["10.244.0.0/16", "172.18.0.0/16", "fc00::/64"])
    v4 = next(line for line in rules.splitlines() if "ip daddr" in line)
    v6 = next(line for line in rules.splitlines() if "ip6 daddr" in line)
    assert "10.244.0.0/16" in v4
    assert "172.18.0.0/16" in v4
    assert "127.0.0.0/8" in v4
    assert "fc00::/64" not in v4
    assert "fc00::/64" in v6


def test_the_rule_replaces_itself() -> None:
    """Made again it is one table still: the old one goes in the same transaction, whether it was there or not."""
    lines = egress.ruleset(["10.244.0.0/16"]).splitlines()
    assert lines[:2] == ["table inet kind-labs-egress", "delete table inet kind-labs-egress"]


def test_the_rule_ends_in_a_refusal() -> None:
    """What no line accepts is refused at once: TCP by a reset, the rest by ICMP."""
    lines = [line.strip() for line in egress.ruleset(["10.244.0.0/16"]).splitlines()]
    assert lines.index("meta l4proto tcp reject with tcp reset") + 1 == lines.index("reject")
