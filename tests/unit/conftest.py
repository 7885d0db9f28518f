"""What several unit tests need."""

from pathlib import Path

import pytest
import yaml
from worlds import Words

from kindlabs.course import FOLDERS, Course, find

LAB_YAML = "version: kind-labs/lab/v2\ntitle: A name that answers\nminutes: 5\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
  annotations:
    nonce: "${NONCE}"
spec:
  selector:
    app: web
"""
MUTANTS = """\
version: kind-labs/mutants/v2
mutants:
- id: wrong-selector
  object: Service/web
  patch: [{op: replace, path: /spec/selector/app, value: wbe}]
  fails: endpoints-match
  says: Service web selects app=wbe.
"""
VALIDATOR = '''\
from kindlabs import check


@check(points=10)
def test_endpoints_match(lab):
    """The endpoints of Service `web` are the Pods of Deployment `web`."""
    lab.service("web").has_endpoints_of(lab.deployment("web"))
'''
LOCK = """\
version: kind-labs/images/v1
images: {}
nodes: {}
default: "1.36"
debian: {suite: trixie, packages: ""}
"""


RECORDED = {file.stem: yaml.safe_load(file.read_text()) for file in (Path(__file__).parent / "recorded").glob("*.yaml")}


@pytest.fixture(params=sorted(RECORDED))
def words(request: pytest.FixtureRequest) -> Words:
    """What Kubernetes says, in each version that was recorded; see recorded/1.36.yaml."""
    return dict(RECORDED[request.param])


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where faults of our own are kept, for somebody who works in a folder without a course."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".labs" / "logs"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with one lab, 07-names, in a folder of its own."""
    root = tmp_path / "course"
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    for path, text in {
        "labs/07-names/lab.yaml": LAB_YAML,
        "labs/07-names/README.md": "# 07\n",
        "labs/07-names/start/web.yaml": DEPLOYMENT,
        "labs/07-names/start/note.txt": "nonce: ${NONCE}\n",
        "labs/07-names/setup/note.yaml": "kind: ConfigMap\nmetadata: {name: note}\ndata: {nonce: '${NONCE}'}\n",
        "clusters/images.lock.yaml": LOCK,
        "clusters/profiles/single.yaml": "nodes: [{role: control-plane}]\n",
        "validators/test_07_names.py": VALIDATOR,
        "fixtures/07-names/solution/web.yaml": f"{DEPLOYMENT}---\n{SERVICE}",
        "fixtures/07-names/mutants.yaml": MUTANTS,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return find(root)
