"""The add-ons' manifests, held to what labs and the image lock rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kindlabs.clusters import addons
from kindlabs.clusters.addons import Addon
from kindlabs.clusters.imagelock import Lock
from kindlabs.errors import LabError

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


def test_every_addon_must_prove_itself(tmp_path: Path) -> None:
    """No add-on counts as ready because objects say so: one without a check of its own is refused before it is used."""
    folder = tmp_path / "clusters" / "addons" / "metrics"
    folder.mkdir(parents=True)
    (folder / "addon.yaml").write_text("images: []\n")
    with pytest.raises(LabError, match="metrics has no check"):
        addons.load(tmp_path, "metrics")


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
