"""Images from either side: pulled by digest from a registry on loopback, built here, and copied into nodes."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from docker.errors import NotFound

from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.kind import node_names
from kindlabs.errors import InfraError
from kindlabs.images import imagebuild, registry, supply
from kindlabs.images.lock import Image, Lock
from kindlabs.progress import Steps

UPSTREAM = "registry.k8s.io/kind-labs-test/pulled:1"
CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@dataclass
class Published:
    """A registry that holds one image under its full upstream name; the image is in no engine any more."""

    address: str
    image: Image
    image_id: str


@pytest.fixture(scope="module")
def registry_address(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """Debian's docker-registry, on a port of the loopback that is free."""
    folder = tmp_path_factory.mktemp("registry")
    program = shutil.which("docker-registry") or _from_debian(folder)
    port = free_port()
    config = folder / "config.yml"
    config.write_text(CONFIG.format(root=folder / "data", port=port))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        _until(lambda: httpx.get(f"http://127.0.0.1:{port}/v2/").status_code == 200)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture
def published(
    registry_address: str, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Published]:
    """An image that differs from every other, pushed to the registry and removed from the engine."""
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", registry_address)
    monkeypatch.setenv("IMAGES", "pull")
    registry._reachable.cache_clear()
    image_id = _pushed(client, f"{registry_address}/{UPSTREAM}", marker=str(time.time()))
    digest = httpx.head(
        f"http://{registry_address}/v2/registry.k8s.io/kind-labs-test/pulled/manifests/1",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    ).headers["Docker-Content-Digest"]
    yield Published(registry_address, Image("pulled", UPSTREAM, digest), image_id)
    _forget(client, UPSTREAM)
    registry._reachable.cache_clear()


@pytest.fixture
def lock_with(root: Path) -> Callable[[Image], Lock]:
    """The course's lock file with one image more."""
    lock = Lock.load(root)
    return lambda image: replace(lock, images=lock.images | {image.name: image})


def test_pulled_by_digest_is_what_ends_up_in_use(
    published: Published, lock_with: Callable[[Image], Lock], client: docker.DockerClient, cluster: Cluster
) -> None:
    """An image comes from the registry by its digest, gets its upstream name, and is what a Pod of that name runs."""
    steps = Steps()
    references = supply.provide(["pulled"], client, steps, lock_with(published.image))
    assert references == {"pulled": UPSTREAM}
    assert client.images.get(UPSTREAM).id == published.image_id
    supply.load([UPSTREAM], [f"{cluster.name}-control-plane"], client)
    with _pod(cluster, "pulled", UPSTREAM) as status:
        assert status["imageID"].endswith(published.image_id) or published.image.digest in status["imageID"]


def test_an_image_of_the_right_digest_is_not_pulled_again(
    published: Published,
    lock_with: Callable[[Image], Lock],
    client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is there with the lock file's digest needs no registry; what is there without it does not count."""
    supply.provide(["pulled"], client, Steps(), lock_with(published.image))
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", "127.0.0.1:1")
    supply.provide(["pulled"], client, Steps(), lock_with(published.image))
    client.images.get(UPSTREAM).tag("registry.k8s.io/kind-labs-test/other", "1")
    try:
        other = Image("other", "registry.k8s.io/kind-labs-test/other:1", "sha256:" + "1" * 64)
        with pytest.raises(InfraError, match=r"127\.0\.0\.1:1"):
            supply.provide(["other"], client, Steps(), lock_with(other))
    finally:
        _forget(client, "registry.k8s.io/kind-labs-test/other:1")


def test_a_wrong_digest_is_refused(
    published: Published, lock_with: Callable[[Image], Lock], client: docker.DockerClient
) -> None:
    """A registry without the lock file's digest gives nothing, whatever it holds under the tag."""
    wrong = replace(published.image, digest="sha256:" + "0" * 64)
    with pytest.raises(InfraError, match=r"holds no image of this digest") as refused:
        supply.provide(["pulled"], client, Steps(), lock_with(wrong))
    assert "sha256:000" in refused.value.message
    with pytest.raises(NotFound):
        client.images.get(UPSTREAM)


def test_a_registry_that_answers_is_chosen(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself, the project pulls where a registry answers and builds where none does."""
    monkeypatch.delenv("IMAGES")
    assert supply.source() == "pull"
    monkeypatch.setenv("KINDLABS_REGISTRY_MIRROR", "127.0.0.1:1")
    assert supply.source() == "build"


def test_a_node_image_is_pulled_by_digest(
    published: Published, root: Path, client: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node image comes by its digest too, and a built one is not taken for it."""
    lock = Lock.load(root)
    node = replace(lock.node("1.36"), pull=replace(published.image, name="node"))
    assert supply.node_image("1.36", client, Steps(), replace(lock, nodes={"1.36": node})) == UPSTREAM
    assert client.images.get(UPSTREAM).id == published.image_id


def test_a_replaced_image_leaves_the_disk(client: docker.DockerClient) -> None:
    """What an image of the same name replaces is removed; a tag of somebody else's keeps it."""
    reference, kept = "docker.io/kind-labs-test/replaced:1", "docker.io/kind-labs-test/kept:1"
    try:
        first = _built(client, reference, marker="first")
        with imagebuild.replacing(reference, client):
            second = _built(client, reference, marker="second")
        with pytest.raises(NotFound):
            client.images.get(first)
        client.images.get(second).tag(*kept.rsplit(":", 1))
        with imagebuild.replacing(reference, client):
            _built(client, reference, marker="third")
        assert client.images.get(kept).id == second
    finally:
        _forget(client, reference)
        _forget(client, kept)


def test_a_built_node_image_hands_nothing_on(root: Path, client: docker.DockerClient) -> None:
    """A built node image has its key for a label and no other: every node container inherits them."""
    node = Lock.load(root).node("1.36")
    if not _is_there(client, node.build):
        pytest.skip("no node image was built here")
    assert list(client.images.get(node.build).labels) == ["kind-labs.key"]


def test_a_built_node_has_what_kubeadm_asks_for(root: Path, client: docker.DockerClient) -> None:
    """The images preloaded into a node are those that its own kubeadm names; a node may not be able to pull."""
    lock = Lock.load(root)
    node = lock.node("1.36")
    if not _is_there(client, node.build):
        pytest.skip("no node image was built here")
    asked = client.containers.run(
        node.build,
        entrypoint=["kubeadm", "config", "images", "list", "--kubernetes-version", node.version],
        network_mode="none",
        remove=True,
    )
    assert set(asked.decode().split()) <= {lock.image(name).reference for name in node.preload}


def test_busybox_is_its_namesake(root: Path, client: docker.DockerClient) -> None:
    """Image busybox has the applets that labs use, of the version that its name says."""
    script = (
        "busybox | head -1; echo page > /tmp/page; httpd -p 8080 -h /tmp; wget -q -T 2 -O - http://127.0.0.1:8080/page;"
        "(echo heard | nc -l -p 9090 &); sleep 0.5; nc 127.0.0.1 9090 < /dev/null; cat /etc/hostname | wc -l; id -un"
    )
    said = _run(root, client, "busybox", ["sh", "-c", script])
    assert said[0].startswith("BusyBox v1.37")
    assert said[1:] == ["page", "heard", "1", "root"]


def test_python_is_its_namesake(root: Path, client: docker.DockerClient) -> None:
    """Image python has `python` and `python3` of the version that its name says, a web server, and a shell."""
    script = (
        "python3 --version; cd /etc; python -m http.server 8000 2> /dev/null & sleep 2;"
        "python -c \"from urllib.request import urlopen as u; print(u('http://127.0.0.1:8000/hostname').status)\""
    )
    said = _run(root, client, "python", ["sh", "-c", script])
    assert said[0].startswith("Python 3.13.")
    assert said[1:] == ["200"]


def test_lab_images_find_names_in_a_cluster(root: Path, client: docker.DockerClient, cluster: Cluster) -> None:
    """In a Pod, busybox and python resolve a Service's name and fetch from it."""
    lock, url = Lock.load(root), "http://probe.kl-probe.svc.cluster.local/hostname"
    references = supply.provide(["busybox", "python"], client, Steps(), lock)
    supply.load(list(references.values()), node_names(cluster.name, client), client)
    asking = {
        "busybox": ["wget", "-q", "-T", "5", "-O", "-", url],
        "python": ["python", "-c", f"from urllib.request import urlopen as u; print(u('{url}').read().decode())"],
    }
    for name, command in asking.items():
        with _pod(cluster, name, references[name], command=command, until="terminated") as status:
            assert status["state"]["terminated"]["exitCode"] == 0
            found = cluster.api.get("Pod", name, "kl-probe")
            assert found is not None
            assert "probe-" in cluster.api.last_words(found, "c")


def test_a_load_is_not_repeated(
    published: Published, lock_with: Callable[[Image], Lock], client: docker.DockerClient, cluster: Cluster
) -> None:
    """A node that has the image is left alone; one that has another image of that name gets the new one."""
    node = client.containers.get(f"{cluster.name}-control-plane")
    supply.provide(["pulled"], client, Steps(), lock_with(published.image))
    supply.load([UPSTREAM], [str(node.name)], client)
    before = _imported(node)
    supply.load([UPSTREAM], [str(node.name)], client)
    assert _imported(node) == before
    _forget(client, UPSTREAM)
    _built(client, UPSTREAM, marker="another")
    supply.load([UPSTREAM], [str(node.name)], client)
    assert _imported(node) != before


@contextmanager
def _pod(
    cluster: Cluster, name: str, image: str, command: list[str] | None = None, until: str = "running"
) -> Iterator[dict[str, Any]]:
    """The container status of a Pod of *image* that runs *command*, or its own entrypoint with `pause`."""
    run = {"command": command} if command else {"args": ["pause"]}
    container = {"name": "c", "image": image, "imagePullPolicy": "Never", **run}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, "restartPolicy": "Never"}
    metadata = {"name": name, "namespace": "kl-probe"}
    cluster.api.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, manager="test")

    def status() -> dict[str, Any]:
        pod = cluster.api.get("Pod", name, "kl-probe") or {}
        return next(iter(pod.get("status", {}).get("containerStatuses", [])), {})

    try:
        _until(lambda: until in status().get("state", {}))
        yield status()
    finally:
        cluster.api.delete("Pod", name, "kl-probe", grace=0)


def _run(root: Path, client: docker.DockerClient, name: str, command: list[str]) -> list[str]:
    """The lines that *command* writes in a container of a lab's image, which has no network."""
    reference = supply.provide([name], client, Steps(), Lock.load(root))[name]
    return client.containers.run(reference, command, network_mode="none", remove=True).decode().splitlines()


def _built(client: docker.DockerClient, reference: str, marker: str) -> str:
    """An image that does what pause does, and differs by *marker* from every other; its id."""
    recipe = f'FROM registry.k8s.io/e2e-test-images/agnhost:2.63.0\nLABEL marker={marker} kind-labs.key=""\n'
    image, _ = client.images.build(fileobj=io.BytesIO(recipe.encode()), tag=reference, rm=True)
    return str(image.id)


def _pushed(client: docker.DockerClient, reference: str, marker: str) -> str:
    image_id = _built(client, reference, marker)
    for line in client.images.push(reference, stream=True, decode=True):
        assert "error" not in line, line
    _forget(client, reference)
    with pytest.raises(NotFound):
        client.images.get(image_id)
    return image_id


def _forget(client: docker.DockerClient, reference: str) -> None:
    with suppress(NotFound):
        client.images.remove(client.images.get(reference).id, force=True)


def _is_there(client: docker.DockerClient, reference: str) -> bool:
    with suppress(NotFound):
        return bool(client.images.get(reference))
    return False


def _imported(node: Any) -> str:
    """When the node's image was imported last, and what it holds."""
    listed = node.exec_run(["ctr", "--namespace=k8s.io", "images", "ls", f"name=={UPSTREAM}"]).output.decode()
    labels = next(line for line in listed.splitlines() if line.startswith(UPSTREAM))
    return str(labels)


def _from_debian(folder: Path) -> str:
    """The registry's program from its package, not installed."""
    if shutil.which("apt-get") is None:
        pytest.skip("needs docker-registry: on PATH, or Debian's or Ubuntu's package of it")
    subprocess.run(["apt-get", "download", "docker-registry"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["dpkg-deb", "-x", *folder.glob("*.deb"), str(folder)], check=True, capture_output=True)
    return str(folder / "usr/bin/docker-registry")


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if true():
                return
        time.sleep(0.1)
    pytest.fail(f"not true within {seconds} s")
