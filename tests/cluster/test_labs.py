"""What the engine owes every lab, whatever was judged before; that each lab is right, `lab verify` shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from kindlabs import course, submission
from kindlabs.checks import SUBMISSION
from kindlabs.clusters.cluster import Cluster
from kindlabs.course import CourseLab
from kindlabs.record import Record, Verdict, schema
from kindlabs.run import Run

COURSE = course.find(Path(__file__))
Judge = Callable[..., Record]


@pytest.fixture
def judge(cluster: Cluster) -> Judge:
    """Judges a submission of a lab on the shared cluster; every record is held to the schema."""

    def judge_one(lab: CourseLab, word: str, *, fresh: bool = False) -> Record:
        handed_in = submission.resolve(COURSE, lab, word)
        record = Run(lab, handed_in, cluster, lab.setup(handed_in.nonce), fresh=fresh).judge()
        jsonschema.validate(record.as_dict(), schema(), cls=jsonschema.Draft202012Validator)
        return record

    return judge_one


def test_changing_what_cannot_be_changed_works(judge: Judge) -> None:
    """A Pod whose image changes between two runs is replaced, as its learner means it."""
    lab = COURSE.lab("01")
    assert judge(lab, "no-such-tag").verdict == Verdict.FAILED
    record = judge(lab, "crashes")
    cause = next(c for c in record.checks if c.verdict == Verdict.FAILED).cause
    assert cause is not None, _failed(record)
    assert cause.reason == "CrashLoop", _failed(record)


def test_object_elsewhere_is_a_finding(judge: Judge, tmp_path: Path) -> None:
    """An object of another namespace and a cluster-wide one are findings with file and line, and are not applied."""
    (tmp_path / "other.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stray, namespace: default}\n---\n"
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: stray}\nrules: []\n---\n"
        "apiVersion: example.org/v1\nkind: Nonsense\nmetadata: {name: stray}\n"
    )
    record = judge(COURSE.lab("03"), str(tmp_path))
    first = record.checks[0]
    assert (first.id, first.verdict) == (SUBMISSION, Verdict.FAILED)
    assert sorted(f["line"] for f in record.submission["findings"]) == [3, 6, 11]
    assert record.exit_code == 1


def test_judging_twice_gives_the_same(judge: Judge) -> None:
    """A run on what an earlier run left settled gives the same verdict, and waits for nothing."""
    lab = COURSE.lab("03")
    judge(lab, "solution")
    again = judge(lab, "solution")
    assert again.verdict == Verdict.PASSED, _failed(again)


def test_a_certificate_of_another_ingress_is_made_again(judge: Judge, tmp_path: Path) -> None:
    """Where two Ingresses ask for one Secret, the Certificate is one's own; when that goes, the other gets its own."""
    lab = COURSE.lab("03")
    shutil.copytree(lab.solution, tmp_path / "two")
    twin = (lab.solution / "ingress.yaml").read_text().replace("name: web\n", "name: a-twin\n", 1)
    (tmp_path / "two" / "a-twin.yaml").write_text(twin)
    judge(lab, str(tmp_path / "two"), fresh=True)
    record = judge(lab, "solution")
    assert record.verdict == Verdict.PASSED, _failed(record)


def _failed(record: Record) -> str:
    return "; ".join(
        f"{c.id} {c.verdict}: {c.observed} {c.cause}" for c in record.checks if c.verdict != Verdict.PASSED
    )


OWN_CERTIFICATE = """---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web-tls}
spec:
  secretName: web-tls
  dnsNames: [web.localhost]
  issuerRef: {kind: ClusterIssuer, name: lab-ca}
"""


def test_a_verdict_does_not_depend_on_the_run_before(judge: Judge, tmp_path: Path) -> None:
    """Annotation, a Certificate of one's own, another name, in any order: each is judged as if it were the first."""
    lab = COURSE.lab("03")
    own = _variant(lab, tmp_path / "own", OWN_CERTIFICATE)
    nameless = _variant(lab, tmp_path / "nameless", OWN_CERTIFICATE.replace("  dnsNames: [web.localhost]\n", ""))
    other_host = _variant(lab, tmp_path / "other", OWN_CERTIFICATE.replace("web.localhost", "shop.localhost"))
    passes, fails = ("passed", None), ("failed", "certificate-issued")
    expected = [("solution", passes), (own, passes), (nameless, fails), ("solution", passes), (nameless, fails)]
    renamed = tmp_path / "renamed"
    shutil.copytree(lab.solution, renamed)
    ingress = renamed / "ingress.yaml"
    ingress.write_text(ingress.read_text().replace("name: web\n", "name: shop\n", 1))
    expected += [
        (str(renamed), passes),
        (own, passes),
        (other_host, ("failed", "tls-served")),
        (own, passes),
        ("solution", passes),
    ]
    for submitted, verdict in expected:
        record = judge(lab, submitted)
        failed = next((check.id for check in record.checks if check.verdict == Verdict.FAILED), None)
        assert (record.verdict, failed) == verdict, f"{submitted}: {_failed(record)}"


def _variant(lab: CourseLab, folder: Path, certificate: str) -> str:
    """The solution with a Certificate of its own in place of the annotation."""
    folder.mkdir()
    for file in lab.solution.glob("*.yaml"):
        text = file.read_text().replace("  annotations:\n    cert-manager.io/cluster-issuer: lab-ca\n", "")
        (folder / file.name).write_text(text)
    (folder / "certificate.yaml").write_text(certificate)
    return str(folder)
