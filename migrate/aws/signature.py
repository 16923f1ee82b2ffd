"""AWS Signature Version 4 for S3 requests without a body, with the day's key kept.

The rule: the same signature as botocore's own signer gives (a test compares them); keys are never kept longer than the
credentials they were made of are in use. Source: IAM user guide, Create a signed AWS API request, read 2026-11.
"""

import hmac
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

EMPTY_BODY = sha256(b"").hexdigest()
UNSIGNED = frozenset({"user-agent", "content-length", "expect", "connection"})


class Signer:
    """Signs for one region and service; safe in several threads."""

    def __init__(self, region: str, service: str) -> None:
        self._scope = f"{region}/{service}/aws4_request"
        self._parts = (region, service, "aws4_request")
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def sign(
        self,
        method: str,
        host: str,
        path: str,
        query: str,
        headers: dict[str, str],
        credentials: Any,
        at: float | None = None,
    ) -> None:
        """Add the signature to `headers` (small letters). `path` and `query` are quoted, the query in sorted order."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        headers["host"] = host
        headers["x-amz-content-sha256"] = EMPTY_BODY
        headers["x-amz-date"] = stamp
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        names = sorted(name for name in headers if name not in UNSIGNED)
        listed = ";".join(names)
        lines = "\n".join(f"{name}:{' '.join(headers[name].split())}" for name in names)
        canonical = f"{method}\n{path}\n{query}\n{lines}\n\n{listed}\n{EMPTY_BODY}"
        scope = f"{stamp[:8]}/{self._scope}"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(stamp[:8], credentials.secret_key), text.encode(), "sha256").hex()
        who = f"{credentials.access_key}/{scope}"
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={who}, SignedHeaders={listed}, Signature={signature}"

    def _key_of(self, day: str, secret: str) -> bytes:
        known, key = self._key
        if known != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, *self._parts):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = ((day, secret), key)
        return key


def scope_of(headers: Mapping[str, Any]) -> tuple[str, str] | None:
    """Region and service for which a request was signed, or None where it was not signed in this way."""
    said = headers.get("Authorization") or b""
    text = said.decode("latin-1") if isinstance(said, bytes) else str(said)
    if not text.startswith("AWS4-HMAC-SHA256 Credential="):
        return None
    parts = text.partition("Credential=")[2].partition(",")[0].split("/")
    return (parts[-3], parts[-2]) if len(parts) >= 5 else None
