"""Kubernetes objects as files hold them."""

from pathlib import Path

import pytest

from kindlabs import manifests
from kindlabs.errors import UnreadableSubmission


def written(folder: Path, text: str | bytes, name: str = "web.yaml") -> Path:
    """A file with *text* in *folder*."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_names(tmp_path: Path) -> None:
    """A manifest knows its kind, API version, name, namespace, file and first line."""
    path = written(tmp_path, "# web\nkind: Pod\napiVersion: v1\nmetadata: {name: a, namespace: lab-01}\n")
    (manifest,) = manifests.read(path)
    assert (manifest.kind, manifest.api_version, manifest.name, manifest.namespace) == ("Pod", "v1", "a", "lab-01")
    assert (manifest.file, manifest.line) == (path, 2)


@pytest.mark.parametrize("text", ["kind: [Pod]\nmetadata: {name: 3}\n", "metadata: text\n", "a: 1\n"])
def test_names_of_the_nameless(tmp_path: Path, text: str) -> None:
    """What is absent or no text reads as empty, never as a crash."""
    (manifest,) = manifests.read(written(tmp_path, text))
    assert (manifest.kind, manifest.name, manifest.namespace) == ("", "", "")


def test_documents_and_lists(tmp_path: Path) -> None:
    """Several documents, empty ones and `kind: List` all become single objects with their own lines."""
    text = "---\nkind: A\n---\n# nothing\n---\nkind: List\nitems:\n- kind: B\n- metadata:\n    name: c\n  kind: C\n"
    objects = manifests.read(written(tmp_path, text))
    assert [(m.kind, m.line) for m in objects] == [("A", 2), ("B", 8), ("C", 9)]
    assert objects[2].line_of("metadata", "name") == 10
    assert objects[2].line_of("kind") == 11


def test_a_list_in_a_list(tmp_path: Path) -> None:
    """Lists are unpacked however deep they lie, and their objects keep their lines."""
    text = "kind: List\nitems:\n- kind: List\n  items:\n  - kind: A\n    metadata:\n      name: a\n"
    (found,) = manifests.read(written(tmp_path, text))
    assert (found.kind, found.line, found.line_of("metadata", "name")) == ("A", 5, 7)


def test_a_list_of_one_kind(tmp_path: Path) -> None:
    """The items of a `kind: PodList` are Pods, whether or not they say so; a kind that only ends so is one object."""
    text = "apiVersion: v1\nkind: PodList\nitems:\n- metadata:\n    name: a\n- {kind: Pod, metadata: {name: b}}\n"
    objects = manifests.read(written(tmp_path, text))
    assert [(m.api_version, m.kind, m.name, m.line) for m in objects] == [("v1", "Pod", "a", 4), ("v1", "Pod", "b", 6)]
    (single,) = manifests.read(written(tmp_path, "kind: AllowList\nspec: {}\n"))
    assert single.kind == "AllowList"


def test_json(tmp_path: Path) -> None:
    """JSON has lines too, with tabs and with escapes that YAML does not know."""
    text = '{\n\t"kind": "Pod",\n\t"metadata": {\n\t\t"name": "a\\/\\ud83d\\ude00"\n\t}\n}\n'
    (manifest,) = manifests.read(written(tmp_path, text, "web.json"))
    assert manifest.name == "a/😀"
    assert manifest.line_of("metadata", "name") == 4


@pytest.mark.parametrize(("name", "text"), [("web.yaml", b"kind: Pod\n"), ("web.json", b'{"kind": "Pod"}')])
def test_byte_order_mark(tmp_path: Path, name: str, text: bytes) -> None:
    """A byte order mark, as Windows editors write it, is no part of the text."""
    (manifest,) = manifests.read(written(tmp_path, b"\xef\xbb\xbf" + text, name))
    assert manifest.kind == "Pod"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("web.yaml", b"kind: Pod\nname: \xe9t\xe9\n", "web.yaml:2: not UTF-8: byte 0xe9 at offset 16"),
        ("web.yaml", b"kind: Pod\nspec: {\n", "web.yaml:3:1:"),
        (
            "web.yaml",
            b"- kind: Pod\n",
            "web.yaml:1:1: expected an object (apiVersion, kind, metadata, …), found a list",
        ),
        ("web.yaml", b"kind: A\n---\nhello\n", "web.yaml:3:1: expected an object"),
        ("web.yaml", b"kind: List\nitems:\n- 3\n", "web.yaml:3:1: an item of the List is no object"),
        ("web.json", b'{\n  "kind": Pod\n}\n', "web.json:2:11: Expecting value"),
        ("web.json", b'{\n "a": 1,\n "a": 2\n}\n', "web.json:3:2: the key 'a' stands twice"),
        ("web.json", '{\n "a":\u00a01\n}\n'.encode(), "web.json:2:6: an invisible character, no-break space (U+00A0)"),
        ("web.json", '{\n "a\u200b": 1\n}\n'.encode(), "web.json:2:4: an invisible character, zero width space"),
        ("web.json", "{\n \u201ca\u201d: 1\n}\n".encode(), "web.json:2:2: \u201c is a left double quotation mark"),
        ("web.yaml", "a: b\n\u00a0 c: d\n".encode(), "web.yaml:2:1: an invisible character, no-break space (U+00A0)"),
        ("web.json", b"[" * 100_000, "web.json:1:"),
        ("web.json", b'{\n "a": NaN\n}\n', "web.json:2:1: no number that Kubernetes can hold"),
        ("web.json", b'{\n "a": [1,\n 1e999]\n}\n', "web.json:3:1: no number that Kubernetes can hold"),
        ("web.json", b'{"a":\n' + b"9" * 5000 + b"}", "web.json:1:1: no number that Kubernetes can hold"),
        ("web.json", b'{\n "a": "\\ud800"\n}\n', "web.json:2:1: one half of a surrogate pair"),
        ("web.json", b'{\n "\\udfff": 1\n}\n', "web.json:1:1: one half of a surrogate pair"),
        ("web.yaml", b"kind: List\nitems: {a: 1}\n", "web.yaml:2:1: expected the List's items, a list of objects"),
        ("web.yaml", b"kind: List\n", "web.yaml:1:1: expected the List's items, a list of objects"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, text: bytes, says: str) -> None:
    """What cannot be read is refused with its place, and exit code 2."""
    with pytest.raises(UnreadableSubmission) as caught:
        manifests.read(written(tmp_path, text, name))
    assert says in caught.value.message
    assert caught.value.exit_code == 2


def test_large_file_is_not_read(tmp_path: Path) -> None:
    """A file of 20 MB is refused by its size alone."""
    path = tmp_path / "web.yaml"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    path.chmod(0)
    with pytest.raises(UnreadableSubmission, match=r"web.yaml: 20.0 MB; expected at most 1.0 MB"):
        manifests.read(path)
