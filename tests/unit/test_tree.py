"""Documents as trees."""

from __future__ import annotations

from kindlabs.tree import leaves, shown, walk

POD = {"spec": {"containers": [{"image": "a"}], "volumes": []}}
IMAGE = ("spec", "containers", 0, "image")


def test_a_walk_meets_everything() -> None:
    """Each value comes with its path, and before what it holds."""
    assert [path for path, _ in walk(POD)] == [IMAGE[:n] for n in range(5)] + [("spec", "volumes")]


def test_leaves_are_scalars() -> None:
    """Mappings and lists are none, not even empty ones; a document may be one."""
    assert list(leaves(POD)) == [(IMAGE, "a")]
    assert list(leaves(None)) == [((), None)]


def test_a_path_is_shown_as_kubernetes_writes_it() -> None:
    """Fields with dots, places in brackets."""
    assert shown(IMAGE) == "spec.containers[0].image"
