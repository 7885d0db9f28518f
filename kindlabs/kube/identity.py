"""The learner as herself: a kubeconfig of her own, so that what works by hand works when it is handed in."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kindlabs.errors import InfraError
from kindlabs.kube.api import Api, ApiError, Object
from kindlabs.kube.apply import LEARNER
from kindlabs.patience import LOOK_AGAIN, TAKEN_IN_SECONDS, poll

KIND = "CertificateSigningRequest.certificates.k8s.io"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SIGNER = "kubernetes.io/kube-apiserver-client"
"""The signer of certificates that the API server takes for its users
(kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests)."""
VALID = timedelta(days=30)
RENEW = timedelta(days=1)
"""A certificate with less time left is replaced: nobody's kubectl is to stop in the middle of a lesson."""
IN_CLUSTER = "https://kubernetes.default.svc"


def learner_kubeconfig(api: Api, path: Path, namespace: str) -> Path:
    """See that *path* holds a kubeconfig of the learner on *api*'s cluster, whose context names *namespace*.

    Args:
        api: the server as the administrator sees it.

    Raises: InfraError when the cluster signs no certificate.
    """
    admin = yaml.safe_load(api.kubeconfig.read_text(encoding="utf-8"))
    cluster = admin["clusters"][0]
    known = _read(path)
    fits = known.get("clusters") == [cluster] and _lasts(known)
    user = known["users"][0]["user"] if fits else _issue(api)
    _write(path, _kubeconfig(cluster, user, namespace), known)
    return path


def inside(path: Path, server: str = IN_CLUSTER) -> Object:
    """The kubeconfig at *path* for somebody inside: a Pod of the same cluster, or its node by another *server*."""
    config: Object = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = server
    return config


def _kubeconfig(cluster: Object, user: Object, namespace: str) -> Object:
    context = {"cluster": cluster["name"], "user": LEARNER.user, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": LEARNER.user, "user": user}],
        "contexts": [{"name": LEARNER.user, "context": context}],
        "current-context": LEARNER.user,
    }


def _read(path: Path) -> Object:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return config if isinstance(config, dict) else {}


def _write(path: Path, config: Object, known: Object) -> None:
    if config != known:
        unfinished = path.with_suffix(".new")
        unfinished.touch(mode=0o600)
        unfinished.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        unfinished.replace(path)


def _lasts(config: Object) -> bool:
    try:
        pem = base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc > datetime.now(UTC) + RENEW
    except (KeyError, IndexError, TypeError, ValueError):
        return False


def _issue(api: Api) -> Object:
    """A key and a certificate for it, signed by the cluster, as a kubeconfig's user holds them."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, LEARNER.user)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, g) for g in LEARNER.groups if not g.startswith("system:")]
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = sign(api, f"kind-labs-learner-{time.time_ns():x}", request.public_bytes(serialization.Encoding.PEM))
    return {"client-certificate-data": certificate, "client-key-data": base64.b64encode(pem).decode()}


def sign(api: Api, name: str, request: bytes) -> str:
    """Have the cluster sign *request* (PEM) for API clients; the certificate, PEM in base64. Raises: InfraError."""
    spec: dict[str, Any] = {
        "request": base64.b64encode(request).decode(),
        "signerName": SIGNER,
        "expirationSeconds": int(VALID.total_seconds()),
        "usages": ["client auth"],
    }
    body = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name}}
    try:
        made = api.request("POST", REQUESTS, body=body | {"spec": spec})
        approve(api, made, "kind-labs", "the learner's own")
        return _signed(api, name)
    except ApiError as error:
        raise InfraError(
            f"the cluster signs no certificate: {error.message}", "make clean, then run the command again"
        ) from error
    finally:
        api.delete(KIND, name)


def approve(api: Api, request: Object, reason: str, message: str) -> None:
    """Approve a CertificateSigningRequest, saying why. Raises: ApiError."""
    approved = {"type": "Approved", "status": "True", "reason": reason, "message": message}
    body = request | {"status": {"conditions": [approved]}}
    api.request("PUT", f"{REQUESTS}/{request['metadata']['name']}/approval", body=body)


def _signed(api: Api, name: str) -> str:
    def look() -> str | None:
        return ((api.get(KIND, name) or {}).get("status") or {}).get("certificate")

    if certificate := poll(look, TAKEN_IN_SECONDS, LOOK_AGAIN):
        return certificate
    raise InfraError(f"the cluster has not signed a certificate within {TAKEN_IN_SECONDS:g} s", "run the command again")
