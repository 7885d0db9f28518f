"""The add-ons' manifests, held to what labs and the image lock rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kindlabs.addons import addon as addons
from kindlabs.addons.addon import Addon
from kindlabs.errors import LabError, UnreadableLab
from kindlabs.images.lock import Lock
from kindlabs.promises.trial import Trial

REPOSITORY = Path(__file__).parents[2]
NAMES = sorted(file.parent.name for file in (REPOSITORY / "clusters" / "addons").glob("*/addon.yaml"))


@pytest.fixture(params=NAMES)
def addon(request: pytest.FixtureRequest) -> Addon:
    """Each add-on of this course."""
    return addons.load(REPOSITORY, request.param)


def containers(addon: Addon) -> Iterator[dict[str, Any]]:
    """The containers that an add-on runs; a field that it sets in one of kubeadm's own is none."""
    for manifest in addon.manifests:
        ours = manifest["metadata"].get("namespace") != "kube-system"
        if ours and manifest["kind"] in ("Deployment", "DaemonSet"):
            yield from manifest["spec"]["template"]["spec"]["containers"]


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """The addon.yaml, not yet written, of an add-on of another course."""
    file = tmp_path / "clusters" / "addons" / "metrics" / "addon.yaml"
    file.parent.mkdir(parents=True)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("images: []\n", "addon.yaml:1: nothing proves that the add-on works: expected a key 'service'"),
        ("images: []\nsevrice: a.b:80\n", "addon.yaml:2: unknown key 'sevrice', did you mean 'service'?"),
        ("# metrics\nimages: []\nservice: metrics\n", "addon.yaml:3: service: 'metrics' does not match"),
        ("service: a.b:80\n", "'images' is a required property"),
    ],
)
def test_an_addon_that_is_not_sound_is_refused(metrics: Path, text: str, said: str) -> None:
    """A mistake in addon.yaml, or an add-on that nothing proves, is told with file and line before anything is made."""
    metrics.write_text(text)
    with pytest.raises(UnreadableLab, match=re.escape(said)):
        addons.load(metrics.parents[3], "metrics")


def test_a_service_is_all_that_an_addon_needs(metrics: Path) -> None:
    """An add-on without code promises that its Service answers, by its name."""
    metrics.write_text("images: []\nservice: metrics.kube-system:443\n")
    (promise,) = addons.load(metrics.parents[3], "metrics").promises
    asked: list[tuple[str, int]] = []
    trial = SimpleNamespace(ask=lambda *where: asked.append(where) or "connection refused")
    assert promise.name == "metrics-answers"
    assert promise.proof(cast("Trial", trial)) == "Service metrics in kube-system does not answer: connection refused"
    assert asked == [("metrics.kube-system.svc.cluster.local", 443)]


def test_nothing_outside_names_an_addon() -> None:
    """What an add-on brings stands in its folder and its module; beside these only walks and looks of labs know it."""
    known = ("addons", "diagnosis", "expectations/ingress.py", "expectations/certificates.py")
    package = REPOSITORY / "kindlabs"
    files = [file.relative_to(package) for file in package.rglob("*.py")]
    others = [file for file in files if not str(file).startswith(known)]
    names = re.compile(r"cert.?manager|traefik|\blab.ca\b", re.I)
    assert others
    assert [str(file) for file in others if names.search((package / file).read_text())] == []


def test_images_are_those_of_the_lock(addon: Addon) -> None:
    """Manifests name exactly the lock's references, and never pull what the lease has not provided."""
    lock = Lock.load(REPOSITORY)
    assert {c["image"] for c in containers(addon)} == {lock.image(name).reference for name in addon.images}
    assert {c["imagePullPolicy"] for c in containers(addon)} == {"IfNotPresent"}


def test_nothing_runs_as_root(addon: Addon) -> None:
    """Containers run as another user than root, without capabilities."""
    for container in containers(addon):
        assert container["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_nobody_gets_everything(addon: Addon) -> None:
    """No rule has a wildcard, no binding leads to cluster-admin."""
    for manifest in addon.manifests:
        assert manifest.get("roleRef", {}).get("name") != "cluster-admin"
        for rule in manifest.get("rules", []):
            assert "*" not in {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}


def test_kinds_come_first() -> None:
    """cert-manager's own kinds are applied before objects of these kinds."""
    kinds = [manifest["kind"] for manifest in addons.load(REPOSITORY, "cert-manager").manifests]
    assert set(kinds[:6]) == {"CustomResourceDefinition"}
    assert "CustomResourceDefinition" not in kinds[6:]


def test_traefik_is_nobodys_default() -> None:
    """The IngressClass is not the default, and Traefik serves its own class alone."""
    ingress = addons.load(REPOSITORY, "ingress")
    (kind,) = (m for m in ingress.manifests if m["kind"] == "IngressClass")
    assert "annotations" not in kind["metadata"]
    (traefik,) = containers(ingress)
    assert "--providers.kubernetesingress.ingressclass=traefik" in traefik["args"]


def test_unknown_addon_names_the_known() -> None:
    """An add-on that the course has not is the lab's mistake, and the message lists what there is."""
    with pytest.raises(LabError, match="found 'metrics'") as caught:
        addons.load(REPOSITORY, "metrics")
    assert "cert-manager, ingress, probe" in caught.value.next_step
