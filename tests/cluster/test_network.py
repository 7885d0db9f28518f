"""Three nodes of their own: Pods reach each other, volumes bind, and nothing leaves the machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import docker
import httpx
import pytest
import yaml

from kindlabs.clusters import egress, profiles
from kindlabs.clusters.kind import LabCluster, node_names
from kindlabs.images import supply
from kindlabs.images.lock import Lock
from kindlabs.progress import Steps

APP = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 0
      containers:
      - name: web
        image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
        args: [netexec, --http-port=8080]
        ports: [{containerPort: 8080, hostPort: 80}]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody, namespace: default}
spec: {clusterIP: 10.96.99.99, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: default}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer, namespace: default}
spec:
  restartPolicy: Never
  containers:
  - name: writer
    image: registry.k8s.io/e2e-test-images/agnhost:2.63.0
    command: [sh, -c, "echo written > /data/file && cat /data/file"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody, namespace: default}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
STOPPED = 124
"""What timeout(1) ends with when it had to stop its command."""
NOBODY_HAS = "192.0.2.1:80"
"""TEST-NET-1. Source: RFC 5737"""


@dataclass
class Nodes:
    """A cluster of three nodes with one Pod of agnhost on each."""

    kind: LabCluster
    client: docker.DockerClient
    ports: profiles.Ports
    pods: list[dict[str, Any]]

    def run(self, pod: dict[str, Any], *command: str) -> str:
        """What *command* writes in *pod*."""
        return self.kind.kubectl("exec", pod["metadata"]["name"], "--", *command).strip()

    def refusal(self, pod: dict[str, Any], *command: str) -> str:
        """What a command writes that must fail."""
        with pytest.raises(CalledProcessError) as failed:
            self.run(pod, *command)
        return str(failed.value.stdout) + str(failed.value.stderr)


@pytest.fixture(scope="module")
def nodes(
    root: Path,
    client: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
) -> Iterator[Nodes]:
    """Three nodes for this module alone, closed to the outside."""
    state = tmp_path_factory.mktemp("network")
    lock = Lock.load(root)
    image = supply.node_image("1.36", client, Steps(), lock)
    references = supply.provide(["agnhost"], client, Steps(), lock)
    ports = {"http": free_port(), "https": free_port()}  # not the next pair: the warm cluster may be made anew now
    config = state / "kind.yaml"
    config.write_text(yaml.safe_dump(profiles.load(root, "three-nodes").kind_config(ports)))
    name = f"labs-network-{profiles.checkout_mark(root)}"
    kind = LabCluster(name, image=image, state=state)
    kind.delete()
    try:
        kind.create(config)
        egress.block(node_names(name, client), client)
        supply.load(list(references.values()), node_names(name, client), client)
        _apply_when_ready(kind)
        kind.kubectl("rollout", "status", "daemonset/web", "--timeout=60s")
        listed = json.loads(kind.kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
        yield Nodes(kind, client, ports, listed)
    finally:
        kind.delete()


def test_pods_reach_each_other_from_node_to_node(nodes: Nodes) -> None:
    """A Pod of any node reaches those of all nodes, and they see the address of its own."""
    for asking in nodes.pods:
        for asked in nodes.pods:
            answer = nodes.run(asking, "curl", "-s", "-m", "5", f"http://{asked['status']['podIP']}:8080/clientip")
            assert answer.split(":")[0] == asking["status"]["podIP"]


def test_a_policy_holds_from_node_to_node(nodes: Nodes) -> None:
    """What a policy denies does not come through from other nodes, and does again when the policy is gone."""
    ways = [(one, other) for one in nodes.pods for other in nodes.pods if one is not other]

    def reached() -> int:
        return sum(_reaches(nodes, *way) for way in ways)

    _until(lambda: reached() == len(ways))
    nodes.kind.kubectl("apply", "-f", "-", input=DENY)
    try:
        _until(lambda: reached() == 0)
    finally:
        nodes.kind.kubectl("delete", "-f", "-", input=DENY)
    _until(lambda: reached() == len(ways))


def test_a_service_answers_from_every_node(nodes: Nodes) -> None:
    """A Service spreads requests over the Pods of all nodes, by its name."""
    seen: set[str] = set()
    for _ in range(40):
        seen.add(nodes.run(nodes.pods[0], "curl", "-s", "-m", "5", "http://web.default.svc.cluster.local/hostname"))
        if len(seen) == 3:
            break
    assert seen == {pod["metadata"]["name"] for pod in nodes.pods}


def test_a_host_port_answers_from_the_host(nodes: Nodes) -> None:
    """What a Pod of the control plane offers on the node's port 80 answers on the host's mapped port."""
    answer = httpx.get(f"http://127.0.0.1:{nodes.ports['http']}/hostname", timeout=5)
    on_control_plane = next(pod for pod in nodes.pods if pod["spec"]["nodeName"].endswith("control-plane"))
    assert answer.text == on_control_plane["metadata"]["name"]


def test_a_volume_binds_and_takes_a_file(nodes: Nodes) -> None:
    """A claim of the default StorageClass is bound to a folder that a Pod can write to."""
    nodes.kind.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
    assert nodes.kind.kubectl("logs", "writer") == "written\n"
    assert nodes.kind.kubectl("get", "pvc", "data", "-o", "jsonpath={.status.phase}") == "Bound"


def test_what_would_leave_is_refused_at_once(nodes: Nodes) -> None:
    """From every node, an address outside and a Service without endpoints are refused, not waited for (TIMEOUT)."""
    for pod in nodes.pods:
        for target in (NOBODY_HAS, "10.96.99.99:80"):
            assert "REFUSED" in nodes.refusal(pod, "/agnhost", "connect", target, "--timeout=5s")


def test_outside_names_fail_at_once(nodes: Nodes) -> None:
    """A name of the outside has no address, and nobody waits for that; a name of the cluster has one."""
    said = nodes.refusal(nodes.pods[0], "curl", "-sS", "-m", "5", "http://registry.k8s.io/")
    assert "Could not resolve host" in said
    assert nodes.run(nodes.pods[0], "curl", "-s", "http://web/hostname").startswith("web-")


def test_a_missing_image_is_told_at_once(nodes: Nodes) -> None:
    """A node that cannot pull an image says so, long before a connection to nowhere gives up (30 s)."""
    node = nodes.client.containers.get(nodes.pods[0]["spec"]["nodeName"])
    pull = ["ctr", "--namespace=k8s.io", "images", "pull", "registry.k8s.io/no/such:1"]
    assert node.exec_run(["timeout", "10", *pull]).exit_code not in {0, STOPPED}


def test_the_rule_stays(nodes: Nodes) -> None:
    """The rule may be made twice, and outlives kube-proxy's restart."""
    names = node_names(nodes.kind.name, nodes.client)
    before = _table(nodes, names[0])
    egress.block(names, nodes.client)
    assert _table(nodes, names[0]) == before
    nodes.kind.kubectl("-n", "kube-system", "delete", "pods", "-l", "k8s-app=kube-proxy")
    nodes.kind.kubectl("-n", "kube-system", "rollout", "status", "daemonset/kube-proxy", "--timeout=60s")
    assert "REFUSED" in nodes.refusal(nodes.pods[0], "/agnhost", "connect", NOBODY_HAS, "--timeout=5s")
    assert nodes.run(nodes.pods[0], "curl", "-s", "-m", "5", "http://web/hostname").startswith("web-")


def test_the_rule_outlives_a_nodes_restart(nodes: Nodes) -> None:
    """A node that was killed and came back has the rule again, before its kubelet starts."""
    worker = nodes.client.containers.get(f"{nodes.kind.name}-worker")
    worker.kill()
    worker.start()
    _until(lambda: "reject with tcp reset" in _table(nodes, str(worker.name)))
    order = worker.exec_run(["systemctl", "show", "--property=After", "kubelet.service"]).output.decode()
    assert "kind-labs-egress.service" in order


def test_a_deleted_nodes_route_goes(nodes: Nodes) -> None:
    """When a node is deleted, the others forget the way to its Pods. Last, because the node stays away."""
    leaving = next(pod for pod in nodes.pods if pod["spec"]["nodeName"].endswith("worker2"))
    staying = nodes.client.containers.get(leaving["spec"]["nodeName"].removesuffix("2"))
    subnet = leaving["status"]["podIP"].rsplit(".", 1)[0]

    def routes() -> str:
        return staying.exec_run(["ip", "route"]).output.decode()

    _until(lambda: subnet in routes())
    nodes.client.containers.get(leaving["spec"]["nodeName"]).stop(timeout=0)
    nodes.kind.kubectl("delete", "node", leaving["spec"]["nodeName"])
    _until(lambda: subnet not in routes())


def _reaches(nodes: Nodes, asking: dict[str, Any], asked: dict[str, Any]) -> bool:
    try:
        nodes.run(asking, "/agnhost", "connect", f"{asked['status']['podIP']}:8080", "--timeout=2s")
    except CalledProcessError:
        return False
    return True


def _apply_when_ready(kind: LabCluster, seconds: float = 60) -> None:
    """Apply APP once the default ServiceAccount is there, which kind does not wait for."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(CalledProcessError):
            kind.kubectl("get", "serviceaccount", "default")
            kind.kubectl("apply", "-f", "-", input=APP)
            return
        if time.monotonic() > deadline:
            pytest.fail("the cluster takes no Pods")
        time.sleep(0.5)


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"not true within {seconds} s")
        time.sleep(0.2)


def _table(nodes: Nodes, name: str) -> str:
    return nodes.client.containers.get(name).exec_run(["nft", "list", "table", "inet", egress.TABLE]).output.decode()
