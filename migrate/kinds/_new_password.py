"""A secret whose password was made anew in the target: which version of it holds that, and what else may differ.

The rule: besides the password nothing of the value may differ from legacy's, and the label says whose doing it is.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from migrate.kinds import _carried as carried
from migrate.sites import NEW_PASSWORD
from migrate.values import Json

LABEL = NEW_PASSWORD
CURRENT = "AWSCURRENT"


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
    if login is None:
        return text
    old = login[1]

    def with_new(document: Json) -> Json:
        if not isinstance(document, dict):
            return document
        changed = {name: _in_urls(value, old, new) for name, value in document.items()}
        return changed | {"password": new}

    return carried.renamed(text, with_new)


def _in_urls(value: Json, old: str, new: str) -> Json:
    if not isinstance(value, str) or not old:
        return value
    for written in {old, quote(old, safe="")}:
        value = value.replace(f":{written}@", f":{new}@")
    return value


def holds(value: str, password: str) -> bool:
    """Whether a text is this password, has it as a part of its JSON, or holds it as URLs and connection strings do."""
    written = {password, quote(password, safe="")}
    if value in written or any(f":{one}@" in value for one in written):
        return True
    if any(f"password={one}".lower() in value.lower() for one in written):
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
    return [document] if isinstance(document, str) else []
