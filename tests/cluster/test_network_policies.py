"""NetworkPolicies hold: a matrix of connections, where a denial counts only after the same connection was allowed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kind import LabCluster

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
HERE, THERE = "kl-net", "kl-net-other"
CLIENTS = {"friend": HERE, "stranger": HERE, "outsider": THERE}
PORTS = (8080, 8090, 8100)
"""What Pod server listens on; the first has a name, `web`, and a Service on port 80."""
HOLDS_WITHIN = 30.0
"""Seconds until a change must be seen, on a busy machine too."""
DNS = "dns"

Reached = dict[str, set[str]]
"""Client → what it reaches, of its Net's targets."""

DENY_IN = {"podSelector": {}, "policyTypes": ["Ingress"]}
DENY_OUT = {"podSelector": {"matchLabels": {"role": "stranger"}}, "policyTypes": ["Egress"]}
TO_DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
SERVER = {"podSelector": {"matchLabels": {"app": "server"}}}


@dataclass
class Net:
    """A server, and three clients that try to reach it."""

    cluster: Cluster
    kind: LabCluster
    addresses: dict[str, str]
    service: str

    @property
    def targets(self) -> dict[str, str]:
        """Name → what a shell in a client runs to see whether it is reached."""
        connect = {str(port): f"{self.addresses['server']}:{port}" for port in PORTS} | {
            "service": f"{self.service}:80"
        }
        commands = {name: f"/agnhost connect {to} --timeout=2s" for name, to in connect.items()}
        return commands | {DNS: "timeout 4 nslookup kubernetes.default.svc.cluster.local"}

    def reached(self) -> Reached:
        """What each client reaches now, all tried at once."""
        tries = [f"({command} >/dev/null 2>&1 && echo {name}) &" for name, command in self.targets.items()]
        script = "\n".join([*tries, "wait"])

        def ask(client: str) -> set[str]:
            return set(self.kind.kubectl("-n", CLIENTS[client], "exec", client, "--", "sh", "-c", script).split())

        with ThreadPoolExecutor(len(CLIENTS)) as pool:
            return dict(zip(CLIENTS, pool.map(ask, CLIENTS), strict=True))

    def everything(self) -> Reached:
        """What each client reaches where no policy says otherwise."""
        return {client: set(self.targets) for client in CLIENTS}

    def comes_to(self, expected: Reached) -> None:
        """Wait until the clients reach *expected*, and see that they get no farther a moment later."""
        until = time.monotonic() + HOLDS_WITHIN
        while (seen := self.reached()) != expected:
            assert time.monotonic() < until, f"expected {expected}, after {HOLDS_WITHIN:.0f} s {seen}"
        later = self.reached()
        assert all(later[client] <= expected[client] for client in CLIENTS), f"expected {expected}, later {later}"

    @contextmanager
    def policies(self, *specs: dict[str, Any]) -> Iterator[None]:
        """Policies of namespace HERE while the block runs."""
        names = [f"policy-{number}" for number in range(len(specs))]
        for name, spec in zip(names, specs, strict=True):
            metadata = {"name": name, "namespace": HERE}
            api, kind = "networking.k8s.io/v1", "NetworkPolicy"
            self.cluster.api.apply(
                {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}, manager="test"
            )
        try:
            yield
        finally:
            for name in names:
                self.cluster.api.delete("NetworkPolicy", name, HERE)


@pytest.fixture(scope="module")
def net(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    """The warm cluster, with two namespaces of our own."""
    if "network-policy" not in cluster.facts.capabilities:
        pytest.skip("this cluster does not enforce NetworkPolicies")
    kind = LabCluster(cluster.name, cluster.kubeconfig_path, state=tmp_path_factory.mktemp("net"))
    for name, team in ((HERE, "a"), (THERE, "b")):
        metadata = {"name": name, "labels": {"team": team}}
        cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, manager="test")
    for left in cluster.api.list("NetworkPolicy", HERE):  # by a run that was killed
        cluster.api.delete("NetworkPolicy", left["metadata"]["name"], HERE)
    try:
        _start(cluster, kind)
        address = "jsonpath={.status.podIP}"
        pods = CLIENTS | {"server": HERE}
        addresses = {pod: kind.kubectl("-n", space, "get", "pod", pod, "-o", address) for pod, space in pods.items()}
        service = kind.kubectl("-n", HERE, "get", "service", "server", "-o", "jsonpath={.spec.clusterIP}")
        yield Net(cluster, kind, addresses, service)
    finally:
        for name in (HERE, THERE):
            cluster.api.delete("Namespace", name)


@pytest.fixture
def open_net(net: Net) -> Net:
    """The same, where everybody reaches everything: what is denied later was allowed now."""
    net.comes_to(net.everything())
    return net


IN = {
    "default deny": (DENY_IN, {}),
    "a Pod's label": (
        {**DENY_IN, "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}]},
        {"friend": {"8080", "8090", "8100", "service"}},
    ),
    "a namespace's label": (
        {**DENY_IN, "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}]},
        {"outsider": {"8080", "8090", "8100", "service"}},
    ),
    "all namespaces": (
        {
            **DENY_IN,
            "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"role": "friend"}}}]}],
        },
        {"friend": {"8080", "8090", "8100", "service"}, "outsider": {"8080", "8090", "8100", "service"}},
    ),
    "both labels of one peer": (
        {
            **DENY_IN,
            "ingress": [
                {
                    "from": [
                        {
                            "namespaceSelector": {"matchLabels": {"team": "b"}},
                            "podSelector": {"matchLabels": {"role": "stranger"}},
                        }
                    ]
                }
            ],
        },
        {},
    ),
    "either of two peers": (
        {
            **DENY_IN,
            "ingress": [
                {
                    "from": [
                        {"namespaceSelector": {"matchLabels": {"team": "b"}}},
                        {"podSelector": {"matchLabels": {"role": "stranger"}}},
                    ]
                }
            ],
        },
        {"stranger": {"8080", "8090", "8100", "service"}, "outsider": {"8080", "8090", "8100", "service"}},
    ),
    "from nobody in particular": (
        {**DENY_IN, "ingress": [{"from": [], "ports": [{"port": 8090}]}]},
        {client: {"8090"} for client in CLIENTS},
    ),
    "no from at all": (
        {**DENY_IN, "ingress": [{"ports": [{"port": 8090}]}]},
        {client: {"8090"} for client in CLIENTS},
    ),
    "no rules": ({**DENY_IN, "ingress": []}, {}),
    "a port's name": (
        {**DENY_IN, "ingress": [{"ports": [{"port": "web"}]}]},
        {client: {"8080", "service"} for client in CLIENTS},
    ),
    "a name that no port has": ({**DENY_IN, "ingress": [{"ports": [{"port": "wbe"}]}]}, {}),
    "a range of ports": (
        {**DENY_IN, "ingress": [{"ports": [{"port": 8081, "endPort": 8100}]}]},
        {client: {"8090", "8100"} for client in CLIENTS},
    ),
    "another protocol": ({**DENY_IN, "ingress": [{"ports": [{"port": 8080, "protocol": "UDP"}]}]}, {}),
}
OUT = {
    "default deny": (DENY_OUT, set()),
    "names": ({**DENY_OUT, "egress": [TO_DNS]}, {DNS}),
    "a Pod's port": ({**DENY_OUT, "egress": [{"to": [SERVER], "ports": [{"port": 8080}]}]}, {"8080", "service"}),
    "a Pod's named port": ({**DENY_OUT, "egress": [{"to": [SERVER], "ports": [{"port": "web"}]}]}, {"8080", "service"}),
    "a Service's port": ({**DENY_OUT, "egress": [{"to": [SERVER], "ports": [{"port": 80}]}]}, set()),
    "names and a Pod": (
        {**DENY_OUT, "egress": [TO_DNS, {"to": [SERVER], "ports": [{"port": 8090, "endPort": 8095}]}]},
        {DNS, "8090"},
    ),
    "Pods of the other namespace": (
        {**DENY_OUT, "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}]},
        set(),
    ),
    "to nobody in particular": ({**DENY_OUT, "egress": [{"to": [], "ports": [{"port": 8100}]}]}, {"8100"}),
}


@pytest.mark.parametrize("case", IN)
def test_who_may_come_in(case: str, open_net: Net) -> None:
    """A policy of the server lets in whom it names, by addresses and through a Service, and nobody else."""
    spec, allowed = IN[case]
    with open_net.policies(spec):
        open_net.comes_to({client: {DNS, *allowed.get(client, set())} for client in CLIENTS})


@pytest.mark.parametrize("case", OUT)
def test_where_one_may_go(case: str, open_net: Net) -> None:
    """A policy of a client lets it go where it says, and holds nobody else back."""
    spec, allowed = OUT[case]
    with open_net.policies(spec):
        open_net.comes_to(open_net.everything() | {"stranger": allowed})


def test_addresses_with_exceptions(open_net: Net) -> None:
    """An address block lets in all but its exceptions, and out to its own only."""
    stranger, server = (f"{open_net.addresses[name]}/32" for name in ("stranger", "server"))
    comes_in = [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [stranger]}}]}]
    with open_net.policies({**DENY_IN, "ingress": comes_in}):
        open_net.comes_to(open_net.everything() | {"stranger": {DNS}})
    open_net.comes_to(open_net.everything())
    with open_net.policies({**DENY_OUT, "egress": [{"to": [{"ipBlock": {"cidr": server}}]}]}):
        open_net.comes_to(open_net.everything() | {"stranger": {"8080", "8090", "8100", "service"}})


def test_policies_add_up_and_both_ends_must_agree(open_net: Net) -> None:
    """Two policies of the server let in what either does; what a client may ask for must be let in, too."""
    friends = {**DENY_IN, "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}]}
    one_port = {**DENY_IN, "ingress": [{"ports": [{"port": 8100}]}]}
    out = {**DENY_OUT, "egress": [{"to": [SERVER], "ports": [{"port": 8090, "endPort": 8100}]}]}
    with open_net.policies(friends, one_port, out):
        friend = open_net.everything()["friend"]
        open_net.comes_to({"friend": friend, "stranger": {"8100"}, "outsider": {DNS, "8100"}})


def test_a_changed_label_counts(open_net: Net) -> None:
    """Who gets the label that a policy asks for is let in, and who loses it is not."""
    kubectl = open_net.kind.kubectl
    with open_net.policies(IN["a Pod's label"][0]):
        friend = {DNS, "8080", "8090", "8100", "service"}
        open_net.comes_to({"friend": friend, "stranger": {DNS}, "outsider": {DNS}})
        kubectl("-n", HERE, "label", "pod", "friend", "role=was-friend", "--overwrite")
        open_net.comes_to({client: {DNS} for client in CLIENTS})
        kubectl("-n", HERE, "label", "pod", "friend", "role=friend", "--overwrite")
        open_net.comes_to({"friend": friend, "stranger": {DNS}, "outsider": {DNS}})


def test_a_new_pod_is_held_back_from_its_first_packet(open_net: Net) -> None:
    """A Pod that connects as soon as it starts gets no farther than its policy says."""
    assert _first_try(open_net) == "open"
    with open_net.policies(DENY_OUT):
        open_net.comes_to(open_net.everything() | {"stranger": set()})
        assert [_first_try(open_net) for _ in range(3)] == ["shut"] * 3


def test_the_kubelet_reaches_what_nobody_may(open_net: Net) -> None:
    """A Pod that lets nobody in is ready all the same: the probes of its own node pass."""
    with open_net.policies({**DENY_IN, "podSelector": {"matchLabels": {"app": "probed"}}}):
        probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
        open_net.cluster.api.apply(
            _pod("probed", HERE, "probed", readinessProbe=probe, args=["netexec"]), manager="test"
        )
        try:
            open_net.kind.kubectl("-n", HERE, "wait", "--for=condition=Ready", "pod/probed", "--timeout=30s")
        finally:
            open_net.cluster.api.delete("Pod", "probed", HERE, grace=0)


def test_the_agent_may_come_and_go(open_net: Net, client: docker.DockerClient) -> None:
    """No rule is in a node without a policy; a new agent holds the policies that it finds."""
    if not open_net.cluster.facts.is_built:
        pytest.skip("the agent of published node images is kindnet")
    node = client.containers.get(f"{open_net.cluster.name}-control-plane")

    def has_rules() -> bool:
        return "kind-labs-policies" in node.exec_run(["nft", "list", "tables"]).output.decode()

    _until(lambda: not has_rules())
    with open_net.policies(DENY_OUT):
        open_net.comes_to(open_net.everything() | {"stranger": set()})
        assert has_rules()
        kubectl = open_net.kind.kubectl
        kubectl("-n", "kube-system", "delete", "pod", "-l", "k8s-app=pod-network")
        kubectl("-n", "kube-system", "rollout", "status", "daemonset/pod-network", "--timeout=60s")
        open_net.comes_to(open_net.everything() | {"stranger": set()})
    _until(lambda: not has_rules())


def _start(cluster: Cluster, kind: LabCluster) -> None:
    for name, space in CLIENTS.items():
        role = "stranger" if name == "stranger" else "friend"
        cluster.api.apply(_pod(name, space, role, args=["pause"]), manager="test")
    server = _pod("server", HERE, "server", args=["netexec", f"--http-port={PORTS[0]}"])
    server["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": PORTS[0]}]
    for port in PORTS[1:]:
        args = ["netexec", f"--http-port={port}", f"--udp-port={port}"]
        server["spec"]["containers"].append({"name": f"port-{port}", "image": AGNHOST, "args": args})
    cluster.api.apply(server, manager="test")
    spec = {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": PORTS[0]}]}
    metadata = {"name": "server", "namespace": HERE}
    cluster.api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}, manager="test")
    for space in (HERE, THERE):
        kind.kubectl("-n", space, "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")


def _pod(name: str, space: str, role: str, **container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": AGNHOST, **container}], "terminationGracePeriodSeconds": 0}
    metadata = {"name": name, "namespace": space, "labels": {"app": name, "role": role}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _first_try(net: Net) -> str:
    """What a new Pod of role stranger says of its first connection to the server."""
    script = f"/agnhost connect {net.addresses['server']}:8080 --timeout=2s 2> /dev/null && echo open || echo shut"
    pod = _pod("hasty", HERE, "stranger", command=["sh", "-c", script])
    pod["spec"]["restartPolicy"] = "Never"
    net.cluster.api.apply(pod, manager="test")
    try:
        net.kind.kubectl("-n", HERE, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/hasty", "--timeout=30s")
        return net.kind.kubectl("-n", HERE, "logs", "hasty").split()[-1]
    finally:
        net.cluster.api.delete("Pod", "hasty", HERE, grace=0)
        _until(lambda: net.cluster.api.get("Pod", "hasty", HERE) is None)


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.1)
