"""What of a namespace's contents nobody answers for, and what stands for what was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apiserver import GROUP, POD, api_of, serving

from kindlabs.kube.contents import contents, strays
from kindlabs.kube.notes import Key
from kindlabs.kube.ownership import LEARNER_MANAGER
from kindlabs.kube.standing import print_of

FIELDS = {"f:data": {"f:a": {}}}


def config_map(
    name: str, *managers: str, owned: bool = False, value: str = "", **more: Any
) -> dict[Key, dict[str, Any]]:
    """A ConfigMap that *managers* wrote."""
    meta: dict[str, Any] = {"name": name, "managedFields": [{"manager": m, "fieldsV1": FIELDS} for m in managers]}
    meta |= more
    if owned:
        meta["ownerReferences"] = [{"uid": "1"}]
    return {Key("ConfigMap", name, "lab-07"): {"kind": "ConfigMap", "metadata": meta, "data": {"a": value}}}


def test_strays() -> None:
    """By hand, or by a run that nobody remembers; not a controller's, not the lab's, not what belongs to another."""
    there = {
        **config_map("by-hand", "kubectl-create"),
        **config_map("forgotten", LEARNER_MANAGER),
        **config_map("unsigned"),
        **config_map("controllers", "kube-controller-manager"),
        **config_map("labs", "kubectl-edit", labels={"kind-labs/lab": "07"}),
        **config_map("made-of-another", "some-operator", owned=True),
    }
    assert {key.name for key in strays(there)} == {"by-hand", "forgotten", "unsigned"}


def test_print() -> None:
    """The same for the same object in any order of keys; another when the object, or what its Pod reads, is another."""
    spec = {"containers": [{"name": "web", "envFrom": [{"configMapRef": {"name": "a"}}]}]}
    pod: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "web", "namespace": "lab-07"}, "spec": spec}
    before = print_of(pod, config_map("a", value="blue"))
    assert print_of(dict(reversed(pod.items())), config_map("a", "kubectl-edit", value="blue")) == before
    changed = pod | {"spec": spec | {"restartPolicy": "Never"}}
    others = {
        print_of(changed, config_map("a", value="blue")),
        print_of(pod, config_map("a", value="red")),
        print_of(pod, {}),
    }
    assert len({before, *others}) == 4


def test_a_kind_whose_definition_has_gone(tmp_path: Path) -> None:
    """A kind that is served no more has no objects, though the server named it before; it may come back."""
    widgets = "/apis/example.org/v1/widgets"
    with serving() as server:
        api, server.groups, server.kinds[widgets] = api_of(server, tmp_path), [GROUP], [POD]
        assert [key.kind for key in contents(api, ["lab", "other"])] == ["Widget.example.org"]
        del server.kinds[widgets]
        server.groups = []
        assert contents(api, ["lab", "other"]) == {}
        assert api.resource("Widget.example.org") is None
        server.groups, server.kinds[widgets] = [GROUP], [POD]
        assert api.resource("Widget.example.org", refresh=True)
        assert [key.kind for key in contents(api, ["lab", "other"])] == ["Widget.example.org"]
