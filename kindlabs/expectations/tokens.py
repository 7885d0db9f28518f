"""What a ServiceAccount token says of itself: for whom it is, and for how long."""

from __future__ import annotations

import base64
import json
from typing import Any


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JSON Web Token; empty for what is none. Its signature is the API server's to check."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def lifetime(claims: dict[str, Any]) -> float:
    """Seconds between issue and end; infinite for a token that does not end."""
    return float(claims["exp"] - claims["iat"]) if {"exp", "iat"} <= set(claims) else float("inf")
