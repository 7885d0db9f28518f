"""What the cluster class does around kind: retries, limits, its config, where its state is."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from kindlabs.clusters import kind as module
from kindlabs.clusters import making, profiles
from kindlabs.clusters.cluster import Cluster
from kindlabs.clusters.commands import CommandFailed
from kindlabs.clusters.kind import LabCluster, egress_wanted
from kindlabs.clusters.state import of_nobody
from kindlabs.errors import UsageError
from kindlabs.images.debian import KEY_LABEL


class Engine:
    """An engine on one cgroup version, where nothing runs."""

    def __init__(self, cgroups: str) -> None:
        self.cgroups = cgroups

    def info(self) -> dict[str, str]:
        """As Docker tells it."""
        return {"CgroupVersion": self.cgroups}


def has_image(**labels: str) -> Any:
    """An engine that has every image, with these labels."""
    return SimpleNamespace(images=SimpleNamespace(get=lambda _: SimpleNamespace(labels=labels)))


def fake_kind(folder: Path, create: str) -> Path:
    """A program that stands for kind where the real one cannot be made to fail; it notes how it is called."""
    program = folder / "fake-kind"
    program.write_text(f'#!/bin/sh\necho "$1" >> {folder}/calls\ncase $1 in create) {create};; esac\n')
    program.chmod(0o755)
    return program


def cluster(folder: Path, create: str) -> LabCluster:
    """A cluster whose kind is a fake one."""
    return LabCluster("kl-unit", state=folder / "state", kind_path=fake_kind(folder, create))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)


def test_passing_fault_is_tried_again(tmp_path: Path) -> None:
    """A creation that fails once is tried again after what was half made is removed."""
    once = f'[ -e {tmp_path}/tried ] || {{ touch {tmp_path}/tried; echo "node is busy" >&2; exit 1; }}'
    cluster(tmp_path, once)._create(tmp_path / "kind.yaml")
    assert (tmp_path / "calls").read_text().split() == ["create", "delete", "create"]


def test_lasting_fault_is_not(tmp_path: Path) -> None:
    """A config that kind cannot read is reported at once, in kind's words."""
    with pytest.raises(CommandFailed, match='unknown field "nods"'):
        cluster(tmp_path, "echo 'unable to decode config: unknown field \"nods\"' >&2; exit 1")._create(tmp_path / "k")
    assert (tmp_path / "calls").read_text().split() == ["create", "delete"]


def test_fault_that_stays_is_told_after_three(tmp_path: Path) -> None:
    """A fault that does not pass ends the attempts, and kind's last words are kept."""
    with pytest.raises(CommandFailed, match="node is busy"):
        cluster(tmp_path, "echo 'node is busy' >&2; exit 1")._create(tmp_path / "k")
    assert (tmp_path / "calls").read_text().split().count("create") == 3


@pytest.mark.parametrize(("cgroups", "patches"), [("1", 1), ("2", 0)])
def test_consent_to_cgroup_v1_only_there(tmp_path: Path, cgroups: str, patches: int) -> None:
    """The kubelet's consent is added to the author's config where containers live in cgroup v1, nowhere else."""
    given = tmp_path / "mine.yaml"
    given.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}]\n")
    config = yaml.safe_load(cluster(tmp_path, "")._config(given, Engine(cgroups)).read_text())  # type: ignore[arg-type]
    assert config["nodes"] == [{"role": "control-plane"}]
    found = [yaml.safe_load(patch) for patch in config.get("kubeadmConfigPatches", [])]
    assert [patch["failCgroupV1"] for patch in found] == [False] * patches


def test_state_is_not_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster of no checkout has the same state from every folder, and leaves nothing in the current one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    before = of_nobody("kl-unit")
    LabCluster("kl-unit")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert LabCluster("kl-unit").path == before
    assert os.listdir(tmp_path / "elsewhere") == []  # noqa: PTH208


@pytest.mark.parametrize("word", ["none", "open"])
def test_egress_is_as_asked(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """EGRESS decides, whatever the node image is."""
    monkeypatch.setenv("EGRESS", word)
    assert egress_wanted("node:1", has_image()) == word
    assert egress_wanted("node:1", has_image(**{KEY_LABEL: "0123"})) == word


@pytest.mark.parametrize(
    ("image", "labels", "egress"),
    [("node:1", {KEY_LABEL: "0123"}, "none"), ("kindest/node:1", {}, "open"), (None, {}, "open")],
)
def test_egress_follows_the_node_image(
    image: str | None, labels: dict[str, str], egress: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default nothing leaves a cluster of built nodes; a published image, and kind's own default, have a way out."""
    monkeypatch.delenv("EGRESS", raising=False)
    assert egress_wanted(image, has_image(**labels)) == egress


def test_egress_of_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word that is neither is a mistake of the command line."""
    monkeypatch.setenv("EGRESS", "maybe")
    with pytest.raises(UsageError, match="EGRESS=maybe"):
        egress_wanted("node:1", has_image())


class Robbed(LabCluster):
    """A cluster whose ports somebody else takes just before kind does, as the first attempt finds."""

    def create(self, config_file: str | Path | None = None) -> None:
        """Note the ports that kind is given; fail with Docker's words the first time, and keep the port."""
        mappings = yaml.safe_load(Path(str(config_file)).read_text())["nodes"][0]["extraPortMappings"]
        self.asked = [*getattr(self, "asked", []), {mapping["hostPort"] for mapping in mappings}]
        if len(self.asked) == 1:
            self.thief = socket.create_server(("127.0.0.1", mappings[0]["hostPort"]))
            raise CommandFailed(["kind"], 1, "", "Bind for 127.0.0.1:8080 failed: port is already allocated")


def test_ports_that_somebody_else_took_are_left_to_them(tmp_path: Path) -> None:
    """Of two checkouts that make clusters at once, the one that comes late takes the next pair of ports."""
    kind, made = Robbed("kl-unit", state=tmp_path, kind_path=tmp_path), Cluster(tmp_path, "single")
    making._create_on_free_ports(kind, profiles.load(Path(__file__).parents[2], "single"), made)
    kind.thief.close()
    first, second = kind.asked
    assert not first & second
    assert set(made.facts.ports.values()) == second
