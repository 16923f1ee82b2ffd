"""A secret whose password was made anew in the target: which version of it holds that, and what else may differ.

The rule: besides the password nothing of the value may differ from legacy's, and the label says whose doing it is.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from migrate.kinds import _carried as carried
from migrate.sites import NEW_PASSWORD
from migrate.values import Json

LABEL = NEW_PASSWORD
CURRENT = "AWSCURRENT"
_NO_PASSWORD = frozenset(
    {"username", "password", "engine", "host", "port", "dbname", "dbInstanceIdentifier", "dbClusterIdentifier"}
)
"""Fields that are something else, were they the same word. Source: Secrets Manager User Guide, JSON structure of
Secrets Manager secrets."""


def version_of(secret: Mapping[str, Any], label: str) -> str | None:
    """The id of the version that carries a label, by DescribeSecret's answer."""
    stages: Mapping[str, list[str]] = secret.get("VersionIdsToStages") or {}
    return next((version for version, labels in stages.items() if label in labels), None)


def is_current(secret: Mapping[str, Any]) -> bool:
    """Whether the version with the new password is the one that everybody reads."""
    current = version_of(secret, CURRENT)
    return current is not None and current == version_of(secret, LABEL)


def login_of(value: object) -> tuple[str, str] | None:
    """User and password of a secret's text; None where it is no such JSON."""
    try:
        known = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if not isinstance(known, dict) or not all(isinstance(known.get(name), str) for name in ("username", "password")):
        return None
    return known["username"], known["password"]


def renewed(text: str, new: str) -> str:
    """A login's text with another password: in `password`, and where a URL in it holds the old one."""
    login = login_of(text)
    if login is None or login[1] == new:
        return text
    old = login[1]

    def with_new(document: Json) -> Json:
        changed = _renewed(document, old, new)
        return changed | {"password": new} if isinstance(changed, dict) else changed

    return carried.renamed(text, with_new)


def left_of(text: str) -> list[str]:
    """Where a login's text would still hold its password once it is renewed: the names of its fields."""
    login = login_of(text)
    if login is None:
        return []
    document = json.loads(renewed(text, "".join("b" if letter == "a" else "a" for letter in login[1])))
    return sorted(
        name for name, value in document.items() if name not in _NO_PASSWORD and holds(json.dumps([value]), login[1])
    )


def _renewed(value: Json, old: str, new: str) -> Json:
    """URLs and connection strings in it with the new password."""
    if isinstance(value, dict):
        return {name: _renewed(one, old, new) for name, one in value.items()}
    if isinstance(value, list):
        return [_renewed(one, old, new) for one in value]
    if not isinstance(value, str) or not old:
        return value
    for written in _spelt(old):
        value = value.replace(f":{written}@", f":{new}@")
        # As libpq, JDBC and ADO.NET have it: to the end, or to what ends a value there.
        found = rf"(?i)(password\s*=\s*['\"]?){re.escape(written)}(?=$|[\s'\"&;,])"
        value = re.sub(found, lambda match: str(match[1]) + new, value)
    return value


def _spelt(password: str) -> list[str]:
    """A password as it stands in texts and URLs, the longest first."""
    return sorted({password, quote(password, safe=""), quote(password), quote_plus(password)}, key=len, reverse=True)


def _is_telling(password: str) -> bool:
    """Whether a text that has it somewhere has it from nowhere else: a word or a number stands in many."""
    sorts = {"a" if one.islower() else "A" if one.isupper() else "1" if one.isdigit() else "." for one in password}
    return len(password) >= 8 and len(sorts) >= 3


def holds(value: str, password: str) -> bool:
    """Whether a text is this password, has it as a part of its JSON, or holds it as URLs and connection strings do.
    One that is no word and no number is found anywhere in it."""
    written = {*_spelt(password), json.dumps(password)[1:-1]}
    if value.strip() in written or any(f":{one}@" in value for one in written):
        return True
    if any(f"password={one}".lower() in value.lower() for one in written):
        return True
    if _is_telling(password) and any(one in value for one in written):
        return True
    try:
        return password in _texts(json.loads(value))
    except (ValueError, RecursionError):
        return False


def _texts(document: Json) -> list[str]:
    if isinstance(document, dict):
        return [text for one in document.values() for text in _texts(one)]
    if isinstance(document, list):
        return [text for one in document for text in _texts(one)]
    return [document.strip(), document] if isinstance(document, str) else []
