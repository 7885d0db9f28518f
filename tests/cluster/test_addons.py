"""The add-ons do what labs rely on: asked by requests, from where a learner's browser would ask."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from kindlabs import course
from kindlabs.addons.addon import load
from kindlabs.clusters.cluster import Cluster
from kindlabs.diagnosis.refusals import explain
from kindlabs.kube.api import ApiError, Object
from kindlabs.promises import readiness
from kindlabs.promises.trial import Trial

NAMESPACE = "kl-probe"


@pytest.fixture
def ingress(cluster: Cluster) -> Iterator[Object]:
    """An Ingress for shop.localhost whose certificate lab-ca issues; gone after the test."""
    rule = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "probe", "port": {"number": 80}}}}
    manifest: Object = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "shop",
            "namespace": NAMESPACE,
            "annotations": {"cert-manager.io/cluster-issuer": "lab-ca"},
        },
        "spec": {
            "ingressClassName": "traefik",
            "tls": [{"hosts": ["shop.localhost"], "secretName": "shop-tls"}],
            "rules": [{"host": "shop.localhost", "http": {"paths": [rule]}}],
        },
    }
    yield manifest
    for kind, name in (("Ingress", "shop"), ("Certificate", "shop-tls"), ("Secret", "shop-tls")):
        cluster.api.delete(kind, name, NAMESPACE)


def test_every_addon_has_answered(cluster: Cluster) -> None:
    """What the lease calls ready is ready: asked again, every add-on keeps its promise within seconds."""
    promises = [promise for name in cluster.addons for promise in load(course.find(Path(__file__)).root, name).promises]
    assert {promise.name for promise in promises} == {"probe-answers", "ingress-routes", "lab-ca-signs"}
    readiness.wait(promises, Trial(cluster.api, cluster.ports, "test"), timeout=10)


def test_kubeadm_was_told(cluster: Cluster) -> None:
    """What the course's patches say has arrived: the controller manager's flags, kind's own too, and kube-proxy's."""
    (manager,) = cluster.api.list("Pod", "kube-system", "component=kube-controller-manager")
    flags = manager["spec"]["containers"][0]["command"]
    assert {"--leader-elect=false", "--kube-api-qps=200", "--enable-hostpath-provisioner=true"} <= set(flags)
    proxy = cluster.api.get("ConfigMap", "kube-proxy", "kube-system")
    assert proxy is not None
    assert yaml.safe_load(proxy["data"]["config.conf"])["iptables"]["minSyncPeriod"] == "100ms"


def test_chain_ends_in_the_authority(cluster: Cluster, ingress: Object) -> None:
    """An annotated Ingress is served with a chain that verifies against Secret lab-ca alone."""
    cluster.api.apply(ingress, manager="test")
    served = _served_when_not(cluster, "shop.localhost", "TRAEFIK DEFAULT CERT")
    store = Store([_authority(cluster)])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName("shop.localhost"))
    chain = verifier.verify(served, [])
    assert len(chain) == 2
    assert chain[1] == _authority(cluster)


def test_authority_is_a_chain_not_a_bare_leaf(cluster: Cluster) -> None:
    """The authority's certificate may sign others; a leaf's may not."""
    authority = _authority(cluster).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert authority.ca


@pytest.mark.parametrize(
    ("field", "value", "refused"),
    [
        ("duration", "90d", "spec.duration: 90d is no duration"),
        ("renewBefore", "1 h", "spec.renewBefore: 1 h is no duration"),
        ("duration", "1h30m0.5s", ""),
        ("duration", "-1h", ""),
    ],
)
def test_a_duration_that_go_cannot_read_is_refused(cluster: Cluster, field: str, value: str, refused: str) -> None:
    """One of these in the cluster would keep cert-manager from reading any Certificate; the server says why not."""
    said = _refusal(cluster, {field: value})
    assert said.startswith(refused)
    assert bool(said) == bool(refused)


BEFORE, PERCENT = "renewBefore", "renewBeforePercentage"


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        (
            {"duration": "1h", BEFORE: "2h"},
            "spec.renewBefore: 2h before its end a certificate is to be renewed that is",
        ),
        ({"duration": "90m", BEFORE: "1h30m"}, "spec.renewBefore: 1h30m before its end a certificate is to be renewed"),
        (
            {BEFORE: "2160h"},
            "spec.renewBefore: 2160h before its end a certificate is to be renewed that is valid for 2160",
        ),
        ({BEFORE: "4m"}, "spec.renewBefore: 4m is shorter than 5m, the least that cert-manager takes"),
        ({BEFORE: "-1h"}, "spec.renewBefore: -1h is shorter than 5m"),
        ({BEFORE: "1h", PERCENT: 20}, "spec.renewBeforePercentage: it cannot stand beside renewBefore"),
        ({PERCENT: 100}, "spec.renewBeforePercentage: 100 of 100 leave no 5m of 2160h"),
        ({PERCENT: 0}, "spec.renewBeforePercentage: 0 of 100"),
        ({"duration": "1h", PERCENT: 95}, "spec.renewBeforePercentage: 95 of 100 leave no 5m of 1h"),
        ({"duration": "1h", BEFORE: "59m"}, ""),
        ({"duration": "1h", BEFORE: "5m"}, ""),
        ({"duration": "1h", PERCENT: 50}, ""),
        ({BEFORE: "720h"}, ""),
    ],
)
def test_a_renewal_that_cannot_be_is_refused(cluster: Cluster, fields: dict[str, Any], refused: str) -> None:
    """What cert-manager's webhook refuses about renewals, the server refuses without one."""
    said = _refusal(cluster, fields)
    assert said.startswith(refused)
    assert bool(said) == bool(refused)


def _refusal(cluster: Cluster, fields: dict[str, Any]) -> str:
    """Why the server takes no Certificate with these *fields*; empty when it does."""
    spec = {"secretName": "x", "dnsNames": ["x.localhost"], "issuerRef": {"name": "lab-ca"}} | fields
    meta = {"name": "durations", "namespace": NAMESPACE}
    body = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta, "spec": spec}
    path = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates"
    try:
        cluster.api.request("POST", path, query={"dryRun": "All"}, body=body)
    except ApiError as error:
        return explain(body, error.message).why
    return ""


@pytest.mark.parametrize("name", [None, "nginx"])
def test_ingress_of_no_known_class_is_not_served(cluster: Cluster, ingress: Object, name: str | None) -> None:
    """An Ingress that names no class, or one that does not exist, gets 404 while its twin of class traefik answers."""
    ingress["spec"]["ingressClassName"] = name
    cluster.api.apply(ingress, manager="test")
    time.sleep(1)  # ten times as long as Traefik takes for what it serves
    assert _get(cluster, "shop.localhost").status_code == 404
    assert _get(cluster, "probe.localhost").status_code == 200


def test_default_storage_class(cluster: Cluster) -> None:
    """The one default StorageClass is local-path's, and waits for a Pod before it fills a claim."""
    mark = "storageclass.kubernetes.io/is-default-class"
    classes = cluster.api.list("StorageClass")
    default = [found for found in classes if (found["metadata"].get("annotations") or {}).get(mark) == "true"]
    facts = [(found["provisioner"], found["volumeBindingMode"]) for found in default]
    assert facts == [("rancher.io/local-path", "WaitForFirstConsumer")]


@pytest.mark.parametrize(
    ("addon", "deployment", "words"),
    [
        ("traefik", "traefik", "the Ingress controller does not answer"),
        ("cert-manager", "cert-manager", "no Pod of cert-manager"),
    ],
)
def test_addon_that_is_gone_is_a_fault(cluster: Cluster, addon: str, deployment: str, words: str) -> None:
    """A cluster without its add-on is broken, not the submission; with the add-on back it is well."""
    try:
        cluster.api.patch("Deployment", deployment, addon, {"spec": {"replicas": 0}}, subresource="scale")
        _until(lambda: words in (cluster.fault() or ""))
    finally:
        cluster.api.patch("Deployment", deployment, addon, {"spec": {"replicas": 1}}, subresource="scale")
    _until(lambda: cluster.fault() is None)


def test_addons_are_not_administrators(cluster: Cluster) -> None:
    """No ServiceAccount of an add-on is bound to cluster-admin."""
    for binding in cluster.api.list("ClusterRoleBinding"):
        accounts = [s["name"] for s in binding.get("subjects") or [] if s["kind"] == "ServiceAccount"]
        assert binding["roleRef"]["name"] != "cluster-admin" or not {"traefik", "cert-manager"} & set(accounts)


def _get(cluster: Cluster, host: str) -> httpx.Response:
    url = f"https://127.0.0.1:{cluster.ports['https']}/hostname"
    with httpx.Client(verify=False, trust_env=False) as client:
        return client.get(url, headers={"Host": host}, extensions={"sni_hostname": host})


def _authority(cluster: Cluster) -> x509.Certificate:
    secret = cluster.api.get("Secret", "lab-ca", "cert-manager")
    assert secret is not None
    return x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))


def _served(cluster: Cluster, host: str) -> x509.Certificate:
    context = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", cluster.ports["https"]), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        leaf = connection.getpeercert(binary_form=True)
    assert leaf
    return x509.load_der_x509_certificate(leaf)


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def _served_when_not(cluster: Cluster, host: str, unwanted: str) -> x509.Certificate:
    until = time.monotonic() + 20
    while unwanted in (served := _served(cluster, host)).subject.rfc4514_string() and time.monotonic() < until:
        time.sleep(0.1)
    return served
