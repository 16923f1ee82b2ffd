"""Texts that are often JSON (an input, a definition): read as a document, sent as one text again.

The rule: what looks like a credential inside is sealed, and a text that is no JSON stays the very text it is.
"""

import json
from typing import Any

from migrate.kind import Json, ReadSite
from migrate.values import as_json, is_mark


def read(site: ReadSite, name: str, text: str | None) -> Json:
    """The document, or the text where it is none; credentials sealed. None where nothing is set."""
    if not text:
        return None
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return sealed(site, name, document if isinstance(document, (dict, list)) else text)


def sent(content: Json) -> Json:
    """What a parameter takes for it."""
    is_document = isinstance(content, (dict, list)) and not is_mark(content)
    return as_json(content) if is_document else content


def sealed(site: ReadSite, name: str, value: Json) -> Json:
    """The value with every text in it that looks like a credential sealed."""
    if isinstance(value, str):
        return site.seal(name, value)
    if isinstance(value, list):
        return [sealed(site, name, item) for item in value]
    if isinstance(value, dict):
        return {key: sealed(site, key, item) for key, item in value.items()}
    return value


def plain(value: Any) -> Json:
    """An answer's part without what is not set; texts keep, lists of nothing go."""
    if isinstance(value, dict):
        items = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, "", [], {})}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def ordered(value: Json) -> Json:
    """The same with the lists sorted whose order means nothing to AWS: subnets and security groups."""
    if isinstance(value, dict):
        return {
            key: sorted(item, key=str) if key in _UNORDERED and isinstance(item, list) else ordered(item)
            for key, item in value.items()
        }
    return [ordered(item) for item in value] if isinstance(value, list) else value


_UNORDERED = frozenset({"Subnets", "SecurityGroups", "SecurityGroup", "SubnetIds", "SecurityGroupIds"})
