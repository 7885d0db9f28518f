"""A submission that is a kustomization, built by a real kubectl; it needs no cluster."""

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
    (mine / "kustomization.yaml").write_text("resources: [base]\nnamePrefx: my-\n")
    with pytest.raises(UnreadableSubmission) as caught:
        resolve(mine, kubectl)
    assert caught.value.message.startswith(f"{mine}/kustomization.yaml: cannot be built: ")
    assert "namePrefx" in caught.value.message


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
    with pytest.raises(UnreadableSubmission, match="cannot be built"):
        resolve(mine, kubectl)


def test_without_kubectl(mine: Path) -> None:
    """Without a kubectl a kustomization is unreadable, and the learner is told what to run."""
    with pytest.raises(UnreadableSubmission, match="needs kubectl") as caught:
        submission.resolve(COURSE, COURSE.lab("02"), str(mine))
    assert caught.value.next_step == "make doctor"
    assert kustomize.kustomization_of(mine) == mine / "kustomization.yaml"
