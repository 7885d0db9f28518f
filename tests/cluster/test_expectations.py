"""What validators can say, said about real objects: each holds, and its opposite is told with a cause."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kindlabs import course, submission
from kindlabs.clusters.cluster import Cluster
from kindlabs.record import Record, Verdict
from kindlabs.run import Run

AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.63.0"
LABFILE = """version: kind-labs/lab/v2
title: Everything
minutes: 1
images: [agnhost]
deadline: 90
namespaces: [lab-92, lab-92-ops]
rights:
  cluster: [CustomResourceDefinition.apiextensions.k8s.io/widgets.example.org]
  rules: [{apiGroups: [example.org], resources: [widgets], verbs: ["*"]}]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: {space}, labels: {{app: {app}}}}}
spec:
  containers:
  - name: app
    image: {image}
    args: [netexec, --http-port=8080, "--http-override=/echo?msg={name}"]
---"""
OBJECTS = """
apiVersion: example.org/v1
kind: Widget
metadata: {name: one}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 8Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: color}
spec: {selector: {app: color}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: redis}
spec: {selector: {app: redis}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  replicas: 2
  serviceName: redis
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      containers:
      - name: app
        image: IMAGE
        command: [sh, -c, "echo starts; id -u > /data/user; exec /agnhost netexec --http-port=8080"]
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
VALIDATOR = '''
import re

from kindlabs import check


@check(points=1)
def test_made_again(lab):
    """A Pod of a StatefulSet is waited for while it is made again."""
    redis = lab.stateful_set("redis")
    redis.has_ready_replicas(2)
    redis.loses_a_pod()
    lab.pod("redis-0").is_ready()
    lab.pod("redis-1").is_ready()
    lab.service("redis").has_endpoints_of(redis)
    lab.service("redis").answers("/hostname", times=20, from_every_pod_of=redis)


@check(points=1)
def test_own_kind(lab):
    """An object right after the definition of its kind is there."""
    lab.object("Widget.example.org", "one").exists()
    lab.cluster("CustomResourceDefinition", "widgets.example.org").exists()


@check(points=1)
def test_texts(lab):
    """Answers are texts, in shares."""
    lab.pod("blue").answers("/", port=8080, saying="blue")
    lab.service("color").answers("/", saying=re.compile("^(blue|green)$"))
    lab.service("color").answers("/", times=60, shares={"blue": (0.2, 0.8), "green": (0.2, 0.8)})
    lab.namespace("lab-92-ops").pod("monitor").answers("/", port=8080, saying="monitor")


@check(points=1)
def test_inside(lab):
    """Commands, files, processes and logs of a container."""
    app = lab.pod("redis-0").container("app")
    app.runs("echo yes", saying="yes")
    app.runs("exit 3", code=3)
    app.has_file("/data/user", saying="0")
    app.has_no_file("/data/nothing")
    app.has_process(re.compile("netexec"))
    app.logs("starts")


@check(points=1)
def test_reaches(lab):
    """From inside a Pod, and into another namespace."""
    lab.connections({lab.namespace("lab-92-ops").pod("monitor"): {"http://color.lab-92/": True}})
    lab.connections({lab.stateful_set("redis"): {lab.service("color").at(80): True, lab.pod("blue").at(8080): True}})
    lab.resolves("color", lab.stateful_set("redis"), lab.pod("blue"))
    lab.pod("blue").reaches("http://redis/hostname", saying=re.compile("redis-[01]"))


@check(points=1)
def test_may(lab):
    """What the API server lets somebody do."""
    lab.user("learner", "kind-labs:learners").may("get list", "pods")
    lab.user("mira").may_not("get", "pods/log")
    lab.service_account("default").may_not("list", "secrets")


@check(points=1)
def test_storage(lab):
    """A claim is bound, and Pods are on nodes."""
    lab.claim("data").is_bound()
    lab.volume(lab.claim("data").volume).is_in_phase("Bound")
    lab.pod("blue").is_on(**{"kubernetes.io/os": "linux"})


@check(points=1)
def test_other_answer(lab):
    """FAILS: another answer is told with what was answered."""
    lab.pod("blue").answers("/", port=8080, saying="green")


@check(points=1)
def test_never_made(lab):
    """FAILS: a Pod with an ordinal that there is not is missing at once."""
    lab.pod("redis-2").is_ready()


@check(points=1)
def test_wrong_inside(lab):
    """FAILS: what a command says otherwise is told."""
    lab.pod("redis-0").container("app").has_file("/data/user", saying="1000")
'''


@pytest.fixture(scope="module")
def record(root: Path, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The record of a lab whose validator says everything once."""
    own = tmp_path_factory.mktemp("course")
    shutil.copytree(root / "clusters", own / "clusters")
    for folder in ("labs/92-all/start", "fixtures/92-all/solution", "validators"):
        (own / folder).mkdir(parents=True)
    names = (("blue", "lab-92", "color"), ("green", "lab-92", "color"), ("monitor", "lab-92-ops", "monitor"))
    pods = "".join(POD.format(name=name, space=space, app=app, image=AGNHOST) for name, space, app in names)
    (own / "fixtures" / "92-all" / "solution" / "all.yaml").write_text(pods + OBJECTS.replace("IMAGE", AGNHOST))
    (own / "labs" / "92-all" / "start" / "all.yaml").write_text(pods)
    (own / "labs" / "92-all" / "lab.yaml").write_text(LABFILE)
    (own / "validators" / "test_92_all.py").write_text(VALIDATOR)
    found = course.Course(own)
    lab = found.lab("92")
    handed_in = submission.resolve(found, lab, "solution")
    return Run(lab, handed_in, cluster, lab.setup(handed_in.nonce), fresh=True).judge()


def test_what_holds_passes(record: Record) -> None:
    """Each check that is to pass does, and each that is to fail does so at once, in words."""
    wrong = [
        f"{check.id} {check.verdict}: {check.observed} {check.cause}"
        for check in record.checks
        if check.verdict != (Verdict.FAILED if check.title.startswith("FAILS") else Verdict.PASSED)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("other-answer", "Pod blue answers / with 'blue', not with 'green'."),
        ("never-made", "There is no Pod redis-2 in lab-92"),
        ("wrong-inside", "container app of Pod redis-0 has '0' there."),
    ],
)
def test_what_does_not_is_told(record: Record, check: str, says: str) -> None:
    """The cause has the values that do not fit."""
    cause = next(result for result in record.checks if result.id == check).cause
    assert cause is not None
    assert says in cause.message
