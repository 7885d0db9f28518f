"""What is found wrong in objects before they are applied."""

from pathlib import Path

import pytest

from kindlabs.lint import Source, lint
from kindlabs.manifests import Manifest, parse
from kindlabs.perimeter import Thing

NAMESPACES = ("lab-07", "lab-07-b")
HEAD = "apiVersion: v1\nkind: ConfigMap\n"


def linted(text: str, *granted: Thing) -> tuple[list[Manifest], list[str]]:
    """The objects that stay, and the findings as the learner reads them."""

    def locate(manifest: Manifest, at: tuple[str | int, ...]) -> Source:
        return Source(manifest.file.name, manifest.line_of(*at))

    kept, findings = lint(parse(text, Path("web.yaml")), NAMESPACES, locate, granted)
    return kept, [str(finding) for finding in findings]


def test_sound_objects_stay() -> None:
    """A sound object stays, and gets the lab's first namespace when it names none."""
    kept, findings = linted(f"{HEAD}metadata: {{name: a}}\n---\n{HEAD}metadata: {{name: a, namespace: lab-07-b}}\n")
    assert [m.namespace for m in kept] == ["lab-07", "lab-07-b"]
    assert findings == []


META = f"{HEAD}metadata:\n  name: a\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("kind: Pod\n", 1, "the object has no apiVersion; expected a text such as apps/v1."),
        (
            "apiVersion: v1\nkind: 3\n",
            2,
            "the object has no kind; expected a text such as Deployment, found the number 3.",
        ),
        ("apiVersion: v1\nKind: Pod\n", 2, "'Kind' has to be written kind: keys are case-sensitive."),
        ("apiversion: v1\nkind: Pod\n", 1, "'apiversion' has to be written apiVersion: keys are case-sensitive."),
        (f"{HEAD}metadata:\n  Name: a\n", 4, "'Name' has to be written metadata.name: keys are case-sensitive."),
        (HEAD, 1, "ConfigMap has no metadata; expected at least metadata.name."),
        (f"{HEAD}metadata: web\n", 3, "ConfigMap has no metadata; expected at least metadata.name, found 'web'."),
        (f"{HEAD}metadata: {{}}\n", 3, "ConfigMap has no metadata.name; expected a text."),
        (f"{HEAD}metadata:\n  name: 8\n", 4, "ConfigMap has no metadata.name; expected a text, found the number 8."),
        (
            f"{HEAD}metadata:\n  name: yes\n",
            4,
            "ConfigMap has no metadata.name; expected a text, found the boolean true",
        ),
        (f"{HEAD}metadata:\n  generateName: a-\n", 4, "ConfigMap has metadata.generateName"),
        (
            f"{META}  labels:\n    v: 1\n",
            6,
            "ConfigMap a: metadata.labels.v has to be a text, found the number 1; write",
        ),
        (f"{META}  labels:\n    v:\n", 6, "ConfigMap a: metadata.labels.v has to be a text; give it a value."),
        (
            f"{META}  annotations: [x]\n",
            5,
            "ConfigMap a: metadata.annotations has to be a mapping of texts, found a list.",
        ),
        (f"{META}  namespace: 7\n", 5, "ConfigMap a: metadata.namespace has to be a text, found the number 7."),
        (
            f"{META}  namespace: default\n",
            5,
            "ConfigMap a is for namespace default; this lab uses lab-07 and lab-07-b.",
        ),
        (f"{META}  resourceVersion: '7'\n", 5, "ConfigMap a: metadata.resourceVersion is written by Kubernetes alone"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n", 1, "Namespace x: namespaces are made by the lab"),
    ],
)
def test_findings(text: str, line: int, says: str) -> None:
    """What is wrong is left out and said in one line, at its file and line."""
    kept, (finding,) = linted(text)
    assert kept == []
    assert finding.startswith(f"web.yaml:{line}: {says}")
    assert "\n" not in finding


@pytest.mark.parametrize(
    "name", ["..", ".", "../../pods/x", "a/b", "a%2fb", "a?b", "a#b", "a\\\\b", "a\\nb", "x" * 254]
)
def test_a_name_that_leaves_its_place(name: str) -> None:
    """A name that would be another path to the API server is found at its line."""
    kept, (finding,) = linted(f'{HEAD}metadata:\n  name: "{name}"\n')
    assert kept == []
    assert finding.startswith("web.yaml:4: ConfigMap cannot be named '")


def test_names_of_roles_may_have_colons() -> None:
    """What is no name for a Pod may be one for a Role: the API server knows, and says so."""
    kept, findings = linted(f"{HEAD}metadata: {{name: 'system:Web'}}\n")
    assert (len(kept), findings) == (1, [])


@pytest.mark.parametrize(("field", "value"), [("apiVersion", "apps/v1/.."), ("kind", "Certificate.cert-manager.io")])
def test_kinds_and_versions_are_words(field: str, value: str) -> None:
    """A kind or an apiVersion with odd characters is none."""
    text = "apiVersion: v1\nkind: ConfigMap\n".replace(f"{field}: ", f"{field}: {value} # ")
    kept, (finding,) = linted(f"{text}metadata: {{name: a}}\n")
    assert kept == []
    assert f"{value!r} is no {field}; expected a text such as " in finding


def test_an_empty_namespace_is_none() -> None:
    """`namespace: ""` is the lab's first, as no namespace is."""
    (kept,), _ = linted(f"{HEAD}metadata: {{name: a, namespace: ''}}\n")
    assert kept.namespace == "lab-07"


def test_duplicates() -> None:
    """Of two objects of one name the first stays, and the finding names both places."""
    kept, findings = linted(f"{HEAD}metadata: {{name: a}}\n---\n{HEAD}metadata: {{name: a, namespace: lab-07}}\n")
    assert [m.line for m in kept] == [1]
    assert findings == ["web.yaml:5: ConfigMap a stands at web.yaml:1 already; keep one of the two."]


def test_same_name_other_kind() -> None:
    """One name for two kinds, or for one kind of two API groups, is no duplicate; two versions of one group are."""
    other = "---\napiVersion: {}\nkind: {}\nmetadata: {{name: a}}\n"
    objects = [
        ("v1", "Service"),
        ("serving.knative.dev/v1", "Service"),
        ("apps/v1", "Service"),
        ("apps/v1beta1", "Service"),
    ]
    kept, findings = linted("".join(other.format(*pair) for pair in objects))
    assert (len(kept), len(findings)) == (3, 1)


def test_no_labels_at_all() -> None:
    """`labels:` with nothing behind it is an empty mapping, as Kubernetes sees it."""
    kept, findings = linted(f"{HEAD}metadata:\n  name: a\n  labels:\n")
    assert (len(kept), findings) == (1, [])


CLASS = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata:\n  name: fast-local\n"
FAST = Thing("StorageClass.storage.k8s.io", "fast-local")


@pytest.mark.parametrize("text", [CLASS, f"{CLASS}  namespace: lab-07\n"])
def test_what_is_granted_has_no_namespace(text: str) -> None:
    """A cluster-wide object that the lab grants stays, and gets no namespace, as kubectl would give it none."""
    (kept,), findings = linted(text, FAST)
    assert findings == []
    assert "namespace" not in kept.document["metadata"]


@pytest.mark.parametrize(
    ("granted", "finding"),
    [
        ([], "web.yaml:2: StorageClass fast-local is cluster-wide; this lab lets you make nothing of the kind."),
        (
            [Thing("PersistentVolume", "fast-0")],
            "web.yaml:2: StorageClass fast-local is cluster-wide; this lab lets you make PersistentVolume fast-0.",
        ),
        (
            [Thing("StorageClass.storage.k8s.io", "fast")],
            "web.yaml:4: StorageClass fast-local is cluster-wide, and this lab lets you make StorageClass fast; give it"
            " that name.",
        ),
    ],
)
def test_what_is_not_granted_is_found(granted: list[Thing], finding: str) -> None:
    """A cluster-wide object that the lab does not grant is left out, and what it grants is named."""
    assert linted(CLASS, *granted) == ([], [finding])
