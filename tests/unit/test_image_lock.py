"""The lock file says everything that the code and the node image's own files rely on."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kindlabs.clusters import tools
from kindlabs.errors import LabError
from kindlabs.images import gobuild, imagebuild, nodebuild, supply
from kindlabs.images.lock import Debian, Image, Lock, Recipe, course_root, path_of, program_of

ROOT = Path(__file__).parents[2]
NODE_FILES = ROOT / "clusters" / "images" / "node" / "files"


VERSIONS = sorted(Lock.load(ROOT).nodes)
"""Every version of Kubernetes that there are nodes of."""
STAGED = re.compile(r"^(?:replace|\t) ?(k8s\.io/\S+) => (k8s\.io/\S+) (\S+)$", re.MULTILINE)


@pytest.fixture
def lock() -> Lock:
    """This checkout's lock file."""
    return Lock.load(ROOT)


def test_every_image_of_the_add_ons_is_in_the_lock_file(lock: Lock) -> None:
    """An add-on's manifests name the images that its addon.yaml lists, in the lock file's words."""
    for addon in (ROOT / "clusters" / "addons").iterdir():
        listed = {lock.image(name).reference for name in yaml.safe_load((addon / "addon.yaml").read_text())["images"]}
        assert listed == set(re.findall(r"^\s+image: (\S+)$", (addon / "manifests.yaml").read_text(), re.MULTILINE))


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_built_node_runs_is_preloaded(lock: Lock, version: str) -> None:
    """Every image that the node's own files name is imported into it: no node can pull."""
    text = "\n".join(path.read_text() for path in NODE_FILES.rglob("*") if path.suffix in (".yaml", ".toml"))
    named = set(re.findall(r'(?:image: |sandbox = ")([\w./-]+:[\w.-]+)', text))
    preloaded = {lock.image(name).reference for name in lock.node(version).preload}
    assert len(named) == 4
    assert named <= preloaded


@pytest.mark.parametrize("version", VERSIONS)
def test_what_clusters_can_do_is_stated(lock: Lock, version: str) -> None:
    """Every node image says what its clusters can do beyond all others; a built node has no crictl."""
    node = lock.node(version)
    assert set(node.published) == {"crictl", "network-policy"}
    assert set(node.built) == {"network-policy"}


def test_the_engine_of_policies_is_in_the_go_module() -> None:
    """What makes `network-policy` true of built nodes is part of what is built."""
    assert "sigs.k8s.io/kube-network-policies " in (ROOT / "clusters" / "images" / "go.mod").read_text()


def test_digests_are_whole_and_only_for_pulled_images(lock: Lock) -> None:
    """A digest is a sha256 of 64 digits; a built image has none."""
    nodes = lock.nodes.values()
    pulled = [image.digest for image in lock.images.values() if image.digest] + [node.pull.digest for node in nodes]
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in pulled)
    assert not any("@" in node.build for node in nodes)


def test_versions_agree_with_the_go_module(lock: Lock) -> None:
    """Tags tell the versions that the Go module builds."""
    module = (ROOT / "clusters" / "images" / "go.mod").read_text()
    for name, path in {
        "kube-apiserver": "k8s.io/kubernetes",
        "traefik": "github.com/traefik/traefik/v3",
        "cert-manager-controller": "github.com/cert-manager/cert-manager",
        "local-path-provisioner": "github.com/rancher/local-path-provisioner",
    }.items():
        version = lock.image(name).reference.rpartition(":")[2]
        assert re.search(rf"^\s*{re.escape(path)} {re.escape(version)}\b", module, re.MULTILINE), name


@pytest.mark.parametrize("version", VERSIONS)
def test_a_node_is_of_one_version(lock: Lock, version: str) -> None:
    """Node image, programs and control plane are of one version, which the Go module that builds them has, too."""
    node = lock.node(version)
    assert f"v{version}." in node.pull.reference
    assert re.fullmatch(rf"v{re.escape(version)}\.\d+", node.version)
    assert node.build == f"docker.io/kindest/node:{node.version}"
    images = [lock.image(name) for name in node.preload]
    ours = {image for image in images if image.recipe.go.startswith("k8s.io/kubernetes/")}
    assert {image.reference for image in ours} == {
        f"registry.k8s.io/{name}:{node.version}"
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    }
    packages = {image.recipe.go for image in ours} | set(node.binaries["/usr/bin"])
    (module,) = {lock.module(package) for package in packages}
    text = (module / "go.mod").read_text()
    assert re.search(rf"^\s*(require )?k8s\.io/kubernetes {re.escape(node.version)}\b", text, re.MULTILINE)
    assert {at for name, to, at in STAGED.findall(text)} == {node.version.replace("v1.", "v0.")}
    assert all(name == to for name, to, _ in STAGED.findall(text))
    for package in packages:
        assert f"\n\t{path_of(package)}\n" in text  # in its list of tools, which keeps it there
        assert f"k8s.io/component-base/version.gitVersion={node.version}" in gobuild.ldflags(lock, package)


@pytest.mark.parametrize("version", VERSIONS)
def test_kubectl_may_speak_with_each(version: str) -> None:
    """The kubectl that is fetched or built is within Kubernetes' skew policy for every version in the lock file."""
    assert tools.kubectl_fits(f"{version}.0")


def test_a_version_of_its_own_shares_the_rest(lock: Lock) -> None:
    """What is not Kubernetes' own is one program for every version: runtime, plugins, Pod network, DNS."""
    of_default, of_other = (nodebuild.ingredients(lock.node(version), lock).packages for version in ("1.36", "1.37"))
    assert {path_of(package) for package in of_default} == {path_of(package) for package in of_other}
    own = {package for package in of_other if lock.module(package) != lock.recipes}
    assert {program_of(package) for package in own} == {
        *("kubelet", "kubeadm", "kubectl"),
        *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "server"),
    }
    assert {lock.module(package) for package in own} == {lock.recipes / "kubernetes-1.37"}
    assert "./podnetwork" in of_other & of_default


def test_another_modules_versions_are_another_program(lock: Lock, tmp_path: Path) -> None:
    """The key of a program follows its own module: another of 1.37 makes nothing of the default version anew."""
    shutil.copytree(ROOT / "clusters" / "images", tmp_path / "clusters" / "images")
    copy = replace(lock, course_root=tmp_path)
    packages = ("./pause", "k8s.io/kubernetes/cmd/kubelet", "k8s.io/kubernetes/cmd/kubelet@1.37")
    before = [gobuild.key(copy, package) for package in packages]
    nodes = [nodebuild.key(copy.node(version), copy, "amd64") for version in ("1.36", "1.37")]
    assert before == [gobuild.key(lock, package) for package in packages]
    assert len(set(before)) == 3
    with (tmp_path / "clusters" / "images" / "kubernetes-1.37" / "go.sum").open("a") as file:
        file.write("another\n")
    assert [gobuild.key(copy, package) == key for package, key in zip(packages, before, strict=True)] == [
        True,
        True,
        False,
    ]
    after = [nodebuild.key(copy.node(version), copy, "amd64") for version in ("1.36", "1.37")]
    assert (after[0] == nodes[0], after[1] == nodes[1]) == (True, False)


def test_programs_of_one_module_are_built_together(lock: Lock) -> None:
    """Each Go module has a build of its own; what belongs to one is compiled at once."""
    packages = ["./pause", "k8s.io/kubernetes/cmd/kubelet@1.37", "./coredns", "go.etcd.io/etcd/server/v3@1.37"]
    batches = gobuild._by_module(lock, {package: Path(package) for package in packages})
    assert [list(batch) for batch in batches] == [packages[::2], packages[1::2]]


def test_an_unknown_name_lists_the_known_ones(lock: Lock) -> None:
    """A lab that names an image that nobody provides is told which there are."""
    with pytest.raises(LabError, match="No image agnost") as error:
        lock.image("agnost")
    assert "agnhost" in error.value.next_step


@pytest.mark.parametrize("text", ["", "[]", "version: kind-labs/images/v2", "version: kind-labs/images/v1", "a: [b"])
def test_a_broken_lock_file_is_a_labs_fault(tmp_path: Path, text: str) -> None:
    """A lock file that cannot be used is named, whatever is wrong with it."""
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "images.lock.yaml").write_text(text)
    with pytest.raises(LabError, match=r"images\.lock\.yaml"):
        Lock.load(tmp_path)


def test_the_course_around_the_working_directory_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A course of one's own brings its own lock file; elsewhere this checkout's is used."""
    (tmp_path / "mine" / "clusters").mkdir(parents=True)
    (tmp_path / "mine" / "clusters" / "images.lock.yaml").touch()
    (tmp_path / "mine" / "work").mkdir()
    monkeypatch.chdir(tmp_path / "mine" / "work")
    assert course_root() == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert course_root() == ROOT


def test_program_names_are_those_of_go() -> None:
    """The last part of a package path, unless that is the major version."""
    assert program_of("k8s.io/kubernetes/cmd/kubelet") == "kubelet"
    assert program_of("go.etcd.io/etcd/server/v3") == "server"
    assert program_of("./pause") == "pause"
    assert program_of("k8s.io/kubernetes/cmd/kubelet@1.37") == "kubelet"
    assert program_of("go.etcd.io/etcd/server/v3@1.37") == "server"


def test_keys_tell_what_went_in(lock: Lock) -> None:
    """Another recipe, base or processor is another image; the same inputs are the same image."""
    agnhost = lock.image("agnhost")
    another = replace(lock, debian={"bookworm": Debian("bookworm", ("bash",))})
    key = imagebuild.key(agnhost, lock, "amd64")
    assert imagebuild.key(agnhost, lock, "amd64") == key
    assert imagebuild.key(agnhost, lock, "arm64") != key
    assert imagebuild.key(replace(agnhost, reference="docker.io/x:1"), lock, "amd64") != key
    assert imagebuild.key(agnhost, another, "amd64") != key  # through its base, busybox
    pause = lock.image("pause")
    assert imagebuild.key(pause, another, "amd64") == imagebuild.key(pause, lock, "amd64")


def test_a_nodes_key_covers_all_that_is_in_it(lock: Lock) -> None:
    """Another package, preloaded image or Debian is another node image."""
    node = lock.node("1.36")
    key = nodebuild.key(node, lock, "amd64")
    assert nodebuild.key(replace(node, preload=node.preload[1:]), lock, "amd64") != key
    assert nodebuild.key(replace(node, binaries={}), lock, "amd64") != key
    assert nodebuild.key(replace(node, debian=Debian("bookworm", ())), lock, "amd64") != key


def test_what_several_images_need_is_one_list(lock: Lock) -> None:
    """The ingredients of a node and of images are each named once, and only the Debians that something stands on."""
    images = imagebuild.Ingredients.of([lock.image("agnhost"), lock.image("traefik")], lock)
    assert images.packages == {lock.image("agnhost").recipe.go, lock.image("traefik").recipe.go}
    assert {system.suite for system in images.systems} == {"bookworm"}
    both = images | nodebuild.ingredients(lock.node("1.36"), lock)
    assert {"k8s.io/kubernetes/cmd/kubelet", "./podnetwork", lock.image("traefik").recipe.go} <= both.packages
    assert {system.suite for system in both.systems} == {"bookworm"}
    assert not imagebuild.Ingredients.of([], lock)


def test_an_image_is_built_after_its_base(lock: Lock) -> None:
    """Whoever asks for agnhost gets busybox first, once."""
    wanted = [lock.image(name) for name in ("agnhost", "busybox-1.35", "pause")]
    assert [image.name for image in imagebuild._with_bases(wanted, lock)] == ["busybox-1.35", "agnhost", "pause"]


def test_a_program_alone_needs_no_dockerfile(lock: Lock) -> None:
    """The generated Dockerfile starts the program as the recipe's user, by a whole path."""
    image = Image("x", "docker.io/x:1", recipe=Recipe(go="./pause", path="/pause", user="1000"))
    text = imagebuild.dockerfile(image, lock)
    assert "COPY pause /pause\n" in text
    assert text.endswith('USER 1000\nENTRYPOINT ["/pause"]\n')
    assert "kind-labs/debian" not in text


@pytest.mark.parametrize(
    ("reference", "whole"),
    [
        ("traefik:v3", "docker.io/library/traefik:v3"),
        ("rancher/x:1", "docker.io/rancher/x:1"),
        ("quay.io/x:1", "quay.io/x:1"),
        ("localhost/x:1", "localhost/x:1"),
        ("host:5000/x:1", "host:5000/x:1"),
    ],
)
def test_references_get_their_registry(reference: str, whole: str) -> None:
    """A node's runtime knows whole references only."""
    assert supply.canonical(reference) == whole


def test_cache_follows_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs are kept where the system keeps caches, apart by processor and inputs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lock = Lock.load(ROOT)
    place = gobuild.place(lock, "./pause", "arm64")
    assert place.name == "pause"
    assert "linux-arm64" in place.parts
    assert gobuild.key(lock, "./pause") != gobuild.key(lock, "./coredns")
