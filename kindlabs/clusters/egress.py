"""No way out: new connections of nodes and Pods to anything outside their cluster are refused inside the node, at once.

The rule is a table of its own in the node's nftables, looked at before any other; kube-proxy and the Pod network keep
theirs apart, in either mode. It comes after the translation of Service addresses, so that one which is still a Service
address has no endpoint behind it, and would leave the machine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import docker
import yaml

from kindlabs.machine import containers

TABLE = "kind-labs-egress"
UNIT = """[Unit]
Description=No way out of this cluster
Before=containerd.service kubelet.service

[Service]
Type=oneshot
ExecStart=/usr/sbin/nft --file /etc/kind-labs/egress.nft

[Install]
WantedBy=multi-user.target
"""
"""For systemd, in published node images as in built ones: a node that comes back has the rule before any Pod runs."""

CLOSE = """set -e
mkdir -p /etc/kind-labs
printf %s "$RULES" > /etc/kind-labs/egress.nft
printf %s "$UNIT" > /etc/systemd/system/kind-labs-egress.service
nft --file /etc/kind-labs/egress.nft
systemctl --quiet enable kind-labs-egress.service
"""


def block(node_names: Sequence[str], client: docker.DockerClient) -> None:
    """Refuse what would leave the cluster's networks, after a node's restart too; again is no harm.

    Works on built and on published node images.

    Args:
        node_names: the node containers of one cluster, all of them.
        client: the engine that runs them.

    Raises:
        InfraError: a node does not take the rule.
    """
    inside = [*pod_subnets(node_names[0], client), *network_subnets(node_names[0], client)]
    rules = ruleset(inside)
    for name in node_names:
        containers.run(client.containers.get(name), ["sh", "-c", CLOSE], {"RULES": rules, "UNIT": UNIT})


def ruleset(inside: Iterable[str]) -> str:
    """The nft commands that make or replace the table.

    Args:
        inside: subnets that stay reachable, IPv4 and IPv6, in CIDR notation.
    """
    networks = [ipaddress.ip_network(subnet) for subnet in inside]
    v4 = ", ".join(["127.0.0.0/8", "224.0.0.0/4", *(str(net) for net in networks if net.version == 4)])
    v6 = ", ".join(["::1", "fe80::/10", "ff00::/8", *(str(net) for net in networks if net.version == 6)])
    return f"""table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain judge {{
    ct state established,related accept
    fib daddr type local accept
    ip daddr {{ {v4} }} accept
    ip6 daddr {{ {v6} }} accept
    meta l4proto tcp reject with tcp reset
    reject
  }}
  chain pods {{ type filter hook forward priority filter - 10; jump judge; }}
  chain node {{ type filter hook output priority filter - 10; jump judge; }}
}}
"""


def network_subnets(node_name: str, client: docker.DockerClient) -> list[str]:
    """The subnets of the Docker networks that the node is on."""
    networks = client.containers.get(node_name).attrs["NetworkSettings"]["Networks"]
    plans = [client.networks.get(name).attrs["IPAM"]["Config"] or [] for name in networks]
    return [subnet["Subnet"] for plan in plans for subnet in plan]


def pod_subnets(node_name: str, client: docker.DockerClient) -> list[str]:
    """The cluster's Pod subnets, from the configuration that kind gave to kubeadm."""
    text = containers.run(client.containers.get(node_name), ["cat", "/kind/kubeadm.conf"])
    kubeadm = next(part for part in yaml.safe_load_all(text) if part and part.get("kind") == "ClusterConfiguration")
    return str(kubeadm["networking"]["podSubnet"]).split(",")
