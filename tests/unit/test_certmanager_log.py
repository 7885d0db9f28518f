"""What cert-manager says in its log alone, told from lines as a real one wrote them (recorded/cert-manager.log)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from kindlabs.diagnosis.cause import Scene
from kindlabs.diagnosis.certificates import why_not_issued
from kindlabs.diagnosis.certmanager import complaint_about_annotation, complaint_about_certificate
from kindlabs.kube.world import World

LOG = (Path(__file__).parent / "recorded" / "cert-manager.log").read_text()


def made(seconds: float, **fields: Any) -> dict[str, Any]:
    """An object of lab-03 that was made so many seconds ago."""
    when = datetime.now(UTC) - timedelta(seconds=seconds)
    meta = {"name": fields.pop("name", "web-tls"), "namespace": "lab-03", "uid": "1"}
    meta |= {"creationTimestamp": when.isoformat(timespec="seconds").replace("+00:00", "Z")}
    return {"metadata": meta | fields.pop("metadata", {})} | fields


def scene(*objects: dict[str, Any]) -> Scene:
    """A scene of these objects, with the recorded log."""

    class Fixed:
        def get(self, kind: str, name: str, _namespace: str | None = None) -> Any:
            return next((o for o in self.list(kind) if o["metadata"]["name"] == name), None)

        def list(self, kind: str, _namespace: str | None = None) -> list[Any]:
            return [o for o in objects if o["kind"] == kind.partition(".")[0]]

    return Scene(cast("World", Fixed()), addon_logs={"cert-manager": lambda: LOG})


def certificate(seconds: float, **spec: Any) -> dict[str, Any]:
    """A Certificate that ClusterIssuer lab-ca is asked for, and that nobody has issued yet."""
    issuer = {"kind": "ClusterIssuer", "name": "lab-ca"}
    whole = {"secretName": "web-tls", "dnsNames": ["web.localhost"], "issuerRef": issuer} | spec
    return made(seconds, kind="Certificate", spec=whole)


ISSUER = made(
    99, name="lab-ca", kind="ClusterIssuer", status={"conditions": [{"type": "Ready", "status": "True"}]}, spec={}
)


def test_key_size_is_told_by_its_number() -> None:
    """The log does not say whose key is too small; the Certificate that asks for that size does."""
    found = complaint_about_certificate(scene(), certificate(3, privateKey={"size": 1024}))
    assert found == (("spec", "privateKey", "size"), "weak rsa key size specified: 1024. minimum key size: 2048")
    assert complaint_about_certificate(scene(), certificate(3, privateKey={"size": 2048})) is None


def test_a_line_with_a_key_is_of_that_certificate() -> None:
    """Lines that name namespace and name are read for that Certificate alone."""
    other = certificate(3)
    other["metadata"]["name"] = "web-ip"
    assert complaint_about_certificate(scene(), other) == (
        ("spec",),
        'ParseAddr("999.1.1.1"): IPv4 field has value >255',
    )
    assert complaint_about_certificate(scene(), certificate(3)) is None


@pytest.mark.parametrize(
    "error", ["the object has been modified", r"certificaterequests.cert-manager.io \"web-tls-1\" already exists"]
)
def test_what_passes_is_no_complaint(error: str) -> None:
    """cert-manager tries again when two of its controllers changed an object at once."""
    said = scene()
    said.addon_logs = {
        "cert-manager": lambda: f'E1121 14:00:00.1 1 x.go:1] "failed" err="{error}" key="lab-03/web-tls"'
    }
    assert complaint_about_certificate(said, certificate(3)) is None


def test_any_error_can_be_read() -> None:
    """Go quotes what is not printable in its own way; no line of a log may end a run."""
    said = scene()
    said.addon_logs = {
        "cert-manager": lambda: r'E1121 14:00:00.1 1 x.go:1] "no" err="bad \x01\a\u00e9 \"name\"" key="lab-03/web-tls"'
    }
    assert complaint_about_certificate(said, certificate(3)) == (("spec",), 'bad \x01\a\u00e9 "name"')


def test_an_annotation_is_told_by_its_name() -> None:
    """An Ingress is told which of its annotations is wrong; one without that annotation is not."""
    asks = made(3, kind="Ingress", metadata={"annotations": {"cert-manager.io/usages": "nonsense"}})
    found = complaint_about_annotation(scene(), asks)
    assert found is not None
    assert (found[0], found[1][-30:]) == ("cert-manager.io/usages", 'invalid key usage name "nonsense"'[-30:])
    plain = made(3, kind="Ingress", metadata={"annotations": {"cert-manager.io/cluster-issuer": "lab-ca"}})
    assert complaint_about_annotation(scene(), plain) is None


@pytest.mark.parametrize(
    ("secret", "annotation", "is_told"),
    [
        ("web-tls", "cert-manager.io/renew-before", True),
        ("web-tls", "cert-manager.io/duration", False),
        ("other-tls", "cert-manager.io/renew-before", False),
    ],
)
def test_an_annotation_that_makes_a_refused_certificate_is_told(secret: str, annotation: str, is_told: bool) -> None:
    """What the API server refuses of a Certificate stands in the annotation of the Ingress that it was made for."""
    tls = [{"hosts": ["web.localhost"], "secretName": secret}]
    asks = made(3, kind="Ingress", metadata={"annotations": {annotation: "2h"}}, spec={"tls": tls})
    found = complaint_about_annotation(scene(), asks)
    assert bool(found) == is_told
    assert found is None or found[0] == annotation
    assert found is None or found[1].startswith("cert-manager.io/renew-before: 2h0m0s before its end a certificate")


def test_nobody_listens_at_once() -> None:
    """What was changed just now is answered without the log: nobody reads it for a submission that works."""
    assert complaint_about_certificate(scene(), certificate(0, privateKey={"size": 1024})) is None


@pytest.mark.parametrize(("seconds", "is_told"), [(6, False), (12, False), (40, True)])
def test_silence_is_no_fault_of_the_learners_for_long(seconds: float, is_told: bool) -> None:
    """Others may have changed the object at the same time: cert-manager tries again after 5 s and after 10 s more."""
    cause = why_not_issued(scene(certificate(seconds), ISSUER), "web-tls", "lab-03", "lab-ca")
    assert bool(cause) == is_told
    assert cause is None or "its log is: ParseAddr" in cause.message


def test_silence_without_an_error_is_ours() -> None:
    """A cert-manager that does nothing and finds nothing wrong is broken itself."""
    speechless = scene(certificate(40), ISSUER)
    speechless.addon_logs = {}
    cause = why_not_issued(speechless, "web-tls", "lab-03", "lab-ca")
    assert cause is not None
    assert cause.ours
