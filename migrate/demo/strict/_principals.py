"""Which principals of a policy document do not exist.

The one rule it keeps: only accounts of the world are judged; a third party's principals are taken on trust.
"""

from __future__ import annotations

import json
import re
from typing import Any

from migrate.demo.accounts import ACCOUNTS
from migrate.demo.strict._caller import many

_PRINCIPAL = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/(.+)")


def ghosts(document: str | bytes) -> list[str]:
    """List the roles and users that a policy names and that do not exist."""
    from moto.iam.models import iam_backends

    missing = []
    for statement in many(json.loads(document).get("Statement", [])):
        for element in ("Principal", "NotPrincipal"):
            principal: Any = statement.get(element)
            named = many(principal.get("AWS", [])) if isinstance(principal, dict) else []
            for arn in named:
                found = _PRINCIPAL.fullmatch(str(arn))
                if not found or found[1] not in ACCOUNTS:
                    continue
                backend = iam_backends[found[1]]["aws"]
                kept = backend.roles.values() if found[2] == "role" else backend.users.values()
                if all(entry.arn != arn for entry in kept):
                    missing.append(str(arn))
    return missing
