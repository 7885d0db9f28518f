"""A submission that is a kustomization, built by a real kubectl; it needs no cluster."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindlabs import kustomize, submission
from kindlabs.clusters import tools
from kindlabs.course import find
from kindlabs.errors import UnreadableSubmission
from kindlabs.progress import Steps
from kindlabs.submission import Submission

COURSE = find(Path(__file__).parent)
DEPLOYMENT = "# web\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n"


@pytest.fixture(scope="module")
def kubectl() -> Path:
    """The kubectl that the project uses."""
    return tools.kubectl(Steps())


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A kustomization over a base in a sub-folder, which renames, patches and generates."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "deployment.yaml").write_text(DEPLOYMENT)
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [deployment.yaml]\n")
    (tmp_path / "kustomization.yaml").write_text(
        "namePrefix: my-\nresources:\n- base\nreplicas: [{name: web, count: 3}]\n"
        "configMapGenerator:\n- name: settings\n  literals: [a=b]\n"
    )
    return tmp_path


def resolve(folder: Path, kubectl: Path) -> Submission:
    """The folder as a submission to lab 02."""
    return submission.resolve(COURSE, COURSE.lab("02"), str(folder), kubectl=lambda: kubectl)


def test_built_and_traced(mine: Path, kubectl: Path) -> None:
    """What the kustomization builds is applied, and a field of it is found in the file that it came from."""
    found = resolve(mine, kubectl)
    assert sorted(m.kind for m in found.manifests) == ["ConfigMap", "Deployment"]
    (deployment,) = (m for m in found.manifests if m.kind == "Deployment")
    assert (deployment.name, deployment.namespace) == ("my-web", "lab-02")
    assert deployment.document["spec"]["replicas"] == 3
    place = found.source("Deployment", "my-web", "lab-02", "spec", "replicas")
    assert str(place) == f"{mine}/base/deployment.yaml:7"
    (generated,) = (m for m in found.manifests if m.kind == "ConfigMap")
    assert str(found.source("ConfigMap", generated.name, "lab-02")) == f"{mine}/kustomization.yaml:1"


def test_a_patch_is_not_taken_for_what_it_changes(tmp_path: Path, kubectl: Path) -> None:
    """A patch of the same kind and name, first by its file's name, is no source: lines are those of the resource."""
    (tmp_path / "web.yaml").write_text(DEPLOYMENT)
    (tmp_path / "a-patch.yaml").write_text(DEPLOYMENT.replace("replicas: 1", "replicas: 2").replace("# web\n", ""))
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]\npatches: [{path: a-patch.yaml}]\n")
    found = resolve(tmp_path, kubectl)
    assert found.manifests[0].document["spec"]["replicas"] == 2
    assert str(found.source("Deployment", "web", "lab-02", "spec", "replicas")) == f"{tmp_path}/web.yaml:7"


@pytest.mark.parametrize(
    "entry",
    ["https://example.com/web.yaml", "../elsewhere", "/etc", "gone.yaml", "github.com/a/b//c?ref=v1", "a" * 5000],
)
def test_nothing_from_outside(mine: Path, kubectl: Path, entry: str) -> None:
    """What is not in the folder is refused at its line, at once: no address is asked, no parent folder is read."""
    (mine / "kustomization.yaml").write_text(f"resources:\n- base\n- {entry}\n")
    with pytest.raises(UnreadableSubmission) as caught:
        resolve(mine, kubectl)
    assert caught.value.message == f"{mine}/kustomization.yaml:3: {entry} is not in the submission's folder."


def test_refused_by_kustomize(mine: Path, kubectl: Path) -> None:
    """What kustomize refuses is said in its own words, with the learner's path and not that of the copy."""
    (mine / "kustomization.yaml").write_text("resources: [base]\nnamePrefix: [my]\n")
    with pytest.raises(UnreadableSubmission) as caught:
        resolve(mine, kubectl)
    assert caught.value.message.startswith(f"{mine}/kustomization.yaml: cannot be built: ")
    assert "namePrefix" in caught.value.message


def test_resources_that_are_no_list(mine: Path, kubectl: Path) -> None:
    """A number or a text where the list should be is refused by kustomize, not stumbled over."""
    for text in ("resources: 3\n", "resources: base\n", "resources: {a: b}\n"):
        (mine / "kustomization.yaml").write_text(text)
        with pytest.raises(UnreadableSubmission, match="resources"):
            resolve(mine, kubectl)


def test_files_outside_are_not_generated_from(mine: Path, kubectl: Path) -> None:
    """A generator cannot take a file from outside of the folder into a ConfigMap."""
    (mine.parent / "secret.txt").write_text("secret")
    text = "configMapGenerator:\n- name: stolen\n  files: [../secret.txt]\n"
    (mine / "kustomization.yaml").write_text(text)
    with pytest.raises(UnreadableSubmission, match=r"kustomization.yaml:3: ../secret.txt is not in the submission's"):
        resolve(mine, kubectl)


PLUGIN = "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\ntarget: {kind: Deployment}\npath: "


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine that nobody may ask."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/x.yaml"
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize(
    "text",
    [
        *(f"{field}:\n- URL\n" for field in ("resources", "bases", "components", "crds", "configurations")),
        *(f"{field}:\n- URL\n" for field in ("transformers", "generators", "validators", "patchesStrategicMerge")),
        *(f"{field}:\n- path: URL\n" for field in ("patches", "patchesJson6902", "replacements")),
        *(f"{field}:\n- {{name: a, files: [URL]}}\n" for field in ("configMapGenerator", "secretGenerator")),
        *(f"{field}:\n- {{name: a, files: [k=URL]}}\n" for field in ("configMapGenerator", "secretGenerator")),
        *(f"{field}:\n- {{name: a, envs: [URL]}}\n" for field in ("configMapGenerator", "secretGenerator")),
        *(f"{field}:\n- {{name: a, env: URL}}\n" for field in ("configMapGenerator", "secretGenerator")),
        "openapi:\n  path: URL\n",
        "patches:\n- URL\n",
        "patches:\n- Path: URL\n",
        "Resources:\n- URL\n",
        "RESOURCES:\n- URL\n",
        "helmCharts:\n- {name: a, repo: URL}\n",
        "helmChartInflationGenerator:\n- {chartName: a, chartRepoUrl: URL}\n",
        "helmGlobals: {chartHome: URL}\n",
        "imageTags:\n- URL\n",
        f"transformers:\n- |\n  {PLUGIN.replace(chr(10), chr(10) + '  ')}URL\n",
        "generators:\n- |\n  {apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: a}, files: [k=URL]}\n",
        "validators:\n- '{apiVersion: builtin, kind: PatchTransformer, metadata: {name: a}, path: URL}'\n",
    ],
)
@pytest.mark.parametrize("below", [False, True])
def test_no_field_asks_an_address(mine: Path, kubectl: Path, address: str, text: str, below: bool) -> None:
    """No field of a kustomization, nor of one that it builds on, gets a server asked that any machine can reach."""
    top = f"resources: [base/deployment.yaml]\n{text}" if "resources:\n" not in text else text
    (mine / "kustomization.yaml").write_text("resources: [base]\n" if below else top.replace("URL", address))
    if below:
        (mine / "base" / "kustomization.yaml").write_text(top.replace("base/", "").replace("URL", address))
    folder = f"{mine}/base" if below else str(mine)
    with pytest.raises(UnreadableSubmission) as caught:
        resolve(mine, kubectl)
    assert re.match(rf"{folder}/kustomization.yaml:\d: ", caught.value.message)


def test_folders_named_as_an_address(mine: Path, kubectl: Path, address: str) -> None:
    """That an address can be read as a path to a file of the folder makes it no file."""
    place = mine / address.replace("//", "/")
    place.parent.mkdir(parents=True)
    place.write_text(DEPLOYMENT)
    (mine / "kustomization.yaml").write_text(f"resources:\n- {address}\n")
    with pytest.raises(
        UnreadableSubmission, match=r"kustomization.yaml:2: http://.* is not in the submission's folder"
    ):
        resolve(mine, kubectl)


def test_plugins_are_files_that_name_no_address(mine: Path, kubectl: Path, address: str) -> None:
    """What a transformer's file names is looked at as well; a folder, which could build one, is not taken."""
    (mine / "plugin.yaml").write_text(f"{PLUGIN}{address}\n")
    (mine / "kustomization.yaml").write_text("resources: [base]\ntransformers:\n- plugin.yaml\n")
    with pytest.raises(UnreadableSubmission, match=r"plugin.yaml:5: http://.* is not in the submission's folder"):
        resolve(mine, kubectl)
    (mine / "kustomization.yaml").write_text("resources: [base]\ntransformers:\n- base\n")
    with pytest.raises(UnreadableSubmission, match=r"kustomization.yaml:3: base is a folder; transformers are taken"):
        resolve(mine, kubectl)


def test_files_of_the_folder_are_taken(mine: Path, kubectl: Path) -> None:
    """Each field takes what lies in the folder, or stands in the kustomization, and texts may name what they like."""
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {minReadySeconds: 1}\n"
    plugin = "{apiVersion: builtin, kind: AnnotationsTransformer, metadata: {name: a}, annotations: {a: https://b.c},"
    plugin += " fieldSpecs: [{path: metadata/annotations, create: true}]}"
    (mine / "patch.yaml").write_text(patch)
    (mine / "plugin.yaml").write_text(plugin)
    (mine / "a.env").write_text("A=b\n")
    (mine / "kustomization.yaml").write_text(
        "resources: [base]\ncommonAnnotations: {home: https://example.com}\npatches:\n- path: patch.yaml\n"
        f"- patch: |\n    {patch.replace(chr(10), chr(10) + '    ').rstrip()}\n"
        f"transformers:\n- plugin.yaml\n- '{plugin.replace('name: a', 'name: b')}'\n"
        "configMapGenerator:\n- {name: a, files: [b=a.env, patch.yaml], envs: [a.env], literals: ['URL=http://web']}\n"
    )
    found = {m.kind: m for m in resolve(mine, kubectl).manifests}
    assert found["ConfigMap"].document["data"]["URL"] == "http://web"
    assert found["Deployment"].document["metadata"]["annotations"] == {
        "a": "https://b.c",
        "home": "https://example.com",
    }
    assert found["Deployment"].document["spec"]["minReadySeconds"] == 1


def test_what_cannot_be_read_is_told_by_its_line(mine: Path, kubectl: Path) -> None:
    """A base that is no YAML is told with its own line and column, not with kustomize's words."""
    (mine / "base" / "deployment.yaml").write_text(DEPLOYMENT.replace("  name", "\u00a0 name"))
    with pytest.raises(UnreadableSubmission, match=r"base/deployment.yaml:5:1: an invisible character, no-break space"):
        resolve(mine, kubectl)


def test_without_kubectl(mine: Path) -> None:
    """Without a kubectl a kustomization is unreadable, and the learner is told what to run."""
    with pytest.raises(UnreadableSubmission, match="needs kubectl") as caught:
        submission.resolve(COURSE, COURSE.lab("02"), str(mine))
    assert caught.value.next_step == "make doctor"
    assert kustomize.kustomization_of(mine) == mine / "kustomization.yaml"
