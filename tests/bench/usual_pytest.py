"""Lab 03's outcomes as people write them in pytest: the official client, httpx, and a loop that looks each second.

KUBECONFIG, MANIFESTS and HTTPS_PORT are in the environment. Run by its path; pytest does not collect it by its name.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography import x509
from kubernetes import client, config

NAMESPACE, HOST, PORT = "lab-03", "web.localhost", int(os.environ["HTTPS_PORT"])


def eventually(look: Callable[[], object], seconds: float = 60) -> None:
    """Try again each second until *look* raises nothing."""
    until = time.monotonic() + seconds
    while True:
        try:
            look()
            return
        except Exception:
            if time.monotonic() > until:
                raise
        time.sleep(1)


def get(host: str, path: str = "/hostname") -> httpx.Response:
    """One request over its own connection, whatever certificate is served."""
    url = f"https://127.0.0.1:{PORT}{path}"
    with httpx.Client(verify=False, trust_env=False) as web:
        return web.get(url, headers={"Host": host}, extensions={"sni_hostname": host})


@pytest.fixture(scope="session")
def core() -> Any:
    """The cluster with the manifests applied."""
    config.load_kube_config()  # type: ignore[no-untyped-call]
    subprocess.run(["kubectl", "-n", NAMESPACE, "apply", "-f", os.environ["MANIFESTS"]], check=True, timeout=60)
    return client.CoreV1Api()


def test_pods_ready(core: Any) -> None:
    """Two Pods are ready."""

    def look() -> None:
        found: Any = client.AppsV1Api().read_namespaced_deployment("web", NAMESPACE)
        assert found.status.ready_replicas == 2

    eventually(look)


def test_service_answers(core: Any) -> None:
    """Ten requests inside the cluster reach both Pods."""
    url = f"http://web.{NAMESPACE}.svc.cluster.local/hostname?[1-10]"
    curl = ["curl", "-sf", "--max-time", "2", "-H", "Connection: close", "-w", "\\n", url]

    def look() -> None:
        said = subprocess.check_output(["kubectl", "-n", "kl-probe", "exec", "mouth-0", "--", *curl], timeout=10)
        names = said.decode().split()
        assert len(names) == 10
        assert len(set(names)) == 2

    eventually(look)


def test_https(core: Any) -> None:
    """Twenty requests from outside reach both Pods."""

    def look() -> None:
        answers = [get(HOST) for _ in range(20)]
        assert all(answer.status_code == 200 for answer in answers)
        assert len({answer.text for answer in answers}) == 2

    eventually(look)


def test_certificate_issued(core: Any) -> None:
    """The Certificate is ready."""

    def look() -> None:
        found: Any = client.CustomObjectsApi().get_namespaced_custom_object(
            "cert-manager.io", "v1", NAMESPACE, "certificates", "web-tls"
        )
        assert {"type": "Ready", "status": "True"}.items() <= found["status"]["conditions"][0].items()

    eventually(look)


def test_served(core: Any) -> None:
    """What is served is verified, and is what the Secret holds."""
    authority = core.read_namespaced_secret("lab-ca", "cert-manager").data["tls.crt"]
    context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())

    def look() -> None:
        url = f"https://127.0.0.1:{PORT}/hostname"
        with httpx.Client(verify=context, trust_env=False) as web:
            assert web.get(url, headers={"Host": HOST}, extensions={"sni_hostname": HOST}).status_code == 200
        own = base64.b64decode(core.read_namespaced_secret("web-tls", NAMESPACE).data["tls.crt"])
        with (
            socket.create_connection(("127.0.0.1", PORT)) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as s,
        ):
            served = x509.load_der_x509_certificate(s.getpeercert(binary_form=True) or b"")
        assert served.serial_number == x509.load_pem_x509_certificate(own).serial_number

    eventually(look)


def test_other_host(core: Any) -> None:
    """Another host is refused."""
    eventually(lambda: _assert_404(get("other.localhost", "/")))


def _assert_404(answer: httpx.Response) -> None:
    assert answer.status_code == 404
