"""An API server over one kept connection, with the standard library alone: what an observer needs, nothing else."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

TIMEOUT = 5.0


class RawApi:
    """GET requests to the API server that *kubeconfig* names, as its user."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
            pem.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pem.flush()
            context.load_cert_chain(pem.name)
        self._connection = http.client.HTTPSConnection(
            urlsplit(cluster["server"]).netloc, timeout=TIMEOUT, context=context
        )

    def get(self, path: str) -> dict[str, Any]:
        """The answer's JSON; empty when the server answers with an error or closes an idle connection."""
        try:
            self._connection.request("GET", path)
            answer = self._connection.getresponse()
            body = answer.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            return {}
        found: dict[str, Any] = json.loads(body) if answer.status == 200 else {}
        return found

    def items(self, path: str) -> list[dict[str, Any]]:
        """The items of a list; none when there is no such list."""
        return self.get(path).get("items") or []


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()
