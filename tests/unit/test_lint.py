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


CONTAINER = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - name: c\n    resources:\n"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("limits: {memory: 128m}", "128m is 0.128 bytes, because m means thousandths; write 128Mi for mebibytes"),
        ("requests: {memory: 64m}", "64m is 0.064 bytes, because m means thousandths; write 64Mi for mebibytes"),
        ("requests: {memory: 5u}", "5u is 0.000005 bytes, because u means millionths; write 5Mi"),
        ("requests: {memory: 7n}", "7n is 0.000000007 bytes, because n means billionths; write 7Mi"),
        ("limits: {memory: 64}", "64 is 64 bytes; write 64Mi for mebibytes or 64Gi for gibibytes"),
        ("limits: {memory: 0.5}", "0.5 is 0.5 bytes; write 0.5Mi"),
        ("limits: {memory: 64k}", "64k is 64000 bytes; write 64Mi"),
        ("limits: {memory: 64000m}", "64000m is 64 bytes, because m means thousandths; write 64Mi"),
        ("limits: {memory: 64MB}", "'64MB' is no quantity; write 64Mi"),
        ("limits: {memory: 64mi}", "'64mi' is no quantity; write 64Mi"),
        ("limits: {memory: 64K}", "'64K' is no quantity; write 64Mi"),
        ("limits: {memory: 64 Mi}", "'64 Mi' is no quantity; write 64Mi"),
        ("limits: {memory: lots}", "'lots' is no quantity; write 64Mi"),
        ("limits: {ephemeral-storage: 1m}", "1m is 0.001 bytes, because m means thousandths; write 1Mi"),
        (
            "requests: {cpu: 500Mi}",
            "500Mi is 524,288,000 CPUs, because Mi is a unit of bytes; write 500m for thousandths",
        ),
        ("requests: {cpu: 2G}", "2G is 2,000,000,000 CPUs, because G is a unit of bytes; write 2m for thousandths"),
        ("limits: {cpu: 1k}", "1k is 1,000 CPUs, because k is a unit of bytes; write 1m for thousandths of one, or 1"),
        ("limits: {cpu: 100u}", "100u is 0.0001 CPUs, less than a thousandth of one; write 100m for thousandths"),
        ("limits: {cpu: half}", "'half' is no quantity; write CPUs as 500m, which is half of one, or 2"),
        ("limits: {cpu: 500 m}", "'500 m' is no quantity; write CPUs as 500m"),
    ],
)
def test_units_that_are_mistaken(written: str, says: str) -> None:
    """A quantity in the unit of another one is told at its line: what it means, and what to write."""
    kept, (finding,) = linted(f"{CONTAINER}      {written}\n")
    assert kept == []
    group, _, name = written.removesuffix("}").partition(": {")
    path = f"spec.containers[0].resources.{group}.{name.partition(':')[0]}"
    assert finding.startswith(f"web.yaml:8: Pod a: {path}: {says}")


@pytest.mark.parametrize(
    "written",
    [
        "limits: {memory: 64Mi, cpu: 500m}",
        "limits: {memory: 64M, cpu: 0.5}",
        "limits: {memory: 134217728, cpu: 2}",
        "limits: {memory: 128974848000m, cpu: 1e3}",
        "limits: {memory: 1e9, cpu: '1000'}",
        "requests: {memory: 64k}",
        "requests: {memory: 0, cpu: 0}",
        "requests: {memory: 900Gi, cpu: 1m}",
        "requests: {example.com/dongle: 2, hugepages-2Mi: 4Mi}",
    ],
)
def test_units_that_may_be_meant(written: str) -> None:
    """What Kubernetes' own pages write, what is nothing, and what somebody may mean stays."""
    kept, findings = linted(f"{CONTAINER}      {written}\n")
    assert (len(kept), findings) == (1, [])


@pytest.mark.parametrize(
    ("kind", "spec", "path"),
    [
        ("PersistentVolumeClaim", "resources: {requests: {storage: 1}}", "spec.resources.requests.storage"),
        ("PersistentVolume", "capacity: {storage: 5m}", "spec.capacity.storage"),
        ("ResourceQuota", "hard: {requests.memory: 512m}", "spec.hard.requests.memory"),
        ("ResourceQuota", "hard: {limits.cpu: 2Gi}", "spec.hard.limits.cpu"),
        ("LimitRange", "limits: [{default: {memory: 64m}}]", "spec.limits[0].default.memory"),
        ("LimitRange", "limits: [{max: {cpu: 500M}}]", "spec.limits[0].max.cpu"),
        ("Pod", "volumes: [{emptyDir: {sizeLimit: 64m}}]", "spec.volumes[0].emptyDir.sizeLimit"),
        ("Pod", "resources: {limits: {memory: 64m}}", "spec.resources.limits.memory"),
    ],
)
def test_units_wherever_a_quantity_stands(kind: str, spec: str, path: str) -> None:
    """Claims, volumes, quotas, ranges and empty directories have quantities too."""
    text = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {spec}\n"
    kept, (finding,) = linted(text, Thing("PersistentVolume", "a"))
    assert kept == []
    assert finding.startswith(f"web.yaml:5: {kind} a: {path}: ")


def test_other_kinds_have_other_units() -> None:
    """What a kind of somebody else's calls memory is not ours to judge."""
    kept, findings = linted("apiVersion: x.io/v1\nkind: X\nmetadata: {name: a}\nspec: {limits: {memory: lots}}\n")
    assert (len(kept), findings) == (1, [])


INGRESS = "networking.k8s.io/v1", "Ingress", "rules: [{{http: {{paths: [{{backend: {{service: {{name: w, {}}}}}}}]}}}}]"
SERVICE, POD = ("v1", "Service", "ports: [{{{}}}]"), ("v1", "Pod", "containers: [{{{}}}]")
POLICY = "networking.k8s.io/v1", "NetworkPolicy", "ingress: [{{ports: [{{{}}}]}}]"


@pytest.mark.parametrize(
    ("where", "written", "path", "says"),
    [
        (
            INGRESS,
            "port: {name: 80}",
            "name",
            "80 is a number, and a port's name has a letter; write number: 80 in its",
        ),
        (INGRESS, "port: {name: '80'}", "name", "80 is a number, and a port's name has a letter; write number: 80 in"),
        (INGRESS, "port: {number: '80'}", "number", "'80' in quotes is a text; write the number 80 without quotes."),
        (
            INGRESS,
            "port: {number: http}",
            "number",
            "http is a name, and this takes a number only; write name: http in",
        ),
        (INGRESS, "port: 80", "port", "found 80, expected a mapping; write port: {number: 80}."),
        (INGRESS, "port: http", "port", "found http, expected a mapping; write port: {name: http}."),
        (SERVICE, "targetPort: '8080'", "targetPort", "'8080' in quotes is a text; write the number 8080 without"),
        (SERVICE, "port: '80'", "port", "'80' in quotes is a text; write the number 80 without quotes."),
        (SERVICE, "port: http", "port", "http is a name, and this takes a number only; write a number, such as port:"),
        (SERVICE, "nodePort: '30080'", "nodePort", "'30080' in quotes is a text; write the number 30080 without"),
        (
            SERVICE,
            "name: 80",
            "name",
            "80 is a number, and a port's name has a letter; write a word, such as name: http",
        ),
        (POD, "ports: [{containerPort: '8080'}]", "containerPort", "'8080' in quotes is a text; write the number 8080"),
        (POD, "ports: [{containerPort: web}]", "containerPort", "web is a name, and this takes a number only"),
        (POD, "ports: [{name: 8080}]", "name", "8080 is a number, and a port's name has a letter; write a word, such"),
        (POD, "ports: [{name: '8080'}]", "name", "8080 is a number, and a port's name has a letter; write a word"),
        (POD, "readinessProbe: {httpGet: {port: '8080'}}", "port", "'8080' in quotes is a text; write the number 8080"),
        (POD, "livenessProbe: {tcpSocket: {port: '80'}}", "port", "'80' in quotes is a text; write the number 80"),
        (POD, "startupProbe: {grpc: {port: '80'}}", "port", "'80' in quotes is a text; write the number 80 without"),
        (POD, "startupProbe: {grpc: {port: rpc}}", "port", "rpc is a name, and this takes a number only"),
        (POLICY, "port: '80'", "port", "'80' in quotes is a text; write the number 80 without quotes."),
        (POLICY, "endPort: '90'", "endPort", "'90' in quotes is a text; write the number 90 without quotes."),
    ],
)
def test_ports_by_number_and_by_name(where: tuple[str, str, str], written: str, path: str, says: str) -> None:
    """A port is told what its field takes, so that what is written then is taken."""
    version, kind, spec = where
    head = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n"
    kept, (finding,) = linted(f"{head}  {spec.format(written)}\n")
    assert kept == []
    assert finding.startswith(f"web.yaml:5: {kind} a: spec.")
    assert f"{path}: {says}" in finding


@pytest.mark.parametrize(
    ("where", "written"),
    [
        (INGRESS, "port: {name: http}"),
        (INGRESS, "port: {number: 80}"),
        (SERVICE, "name: '80', port: 80, targetPort: http"),
        (SERVICE, "name: web, port: 80, targetPort: 8080"),
        (POD, "name: '1', ports: [{name: http2, containerPort: 80}], livenessProbe: {httpGet: {port: http2}}"),
        (POLICY, "port: http"),
    ],
)
def test_ports_that_fit(where: tuple[str, str, str], written: str) -> None:
    """Numbers and names in their own places stay."""
    version, kind, spec = where
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {spec.format(written)}\n"
    kept, findings = linted(text)
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
