"""Record sets of Route 53 in one form, and which of a public zone's lead into AWS.

The rule: a record belongs to one resource. One that leads into AWS is its own (`route53.record_set`), every other one
is its zone's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.kind import Json

_INTO_AWS = re.compile(r"amazonaws\.com|(?<![\w.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.]*\w)", re.IGNORECASE)
"""A host that AWS gives, or an IPv4 address, which may be an elastic one."""

RecordKey = tuple[str, str]
"""Name and type: what the record sets of one routing policy share."""


def record_key(record: Mapping[str, Any]) -> RecordKey:
    """What it is called, and its type."""
    return str(record["Name"]), str(record["Type"])


def record_in_one_form(record: Mapping[str, Any]) -> dict[str, Json]:
    """A record set with its values sorted, and without an empty list of them."""
    if record.get("ResourceRecords"):
        return dict(record) | {"ResourceRecords": sorted(record["ResourceRecords"], key=lambda one: str(one["Value"]))}
    return {key: value for key, value in record.items() if key != "ResourceRecords"}


def records_apart(records: Iterable[Mapping[str, Any]]) -> dict[RecordKey, list[dict[str, Json]]]:
    """The record sets of a public zone of which one leads into AWS, by name and type."""
    found: dict[RecordKey, list[dict[str, Json]]] = defaultdict(list)
    for record in records:
        found[record_key(record)].append(record_in_one_form(record))
    return {key: sets for key, sets in found.items() if any(map(_leads_into_aws, sets))}


def _leads_into_aws(record: Mapping[str, Any]) -> bool:
    if "AliasTarget" in record:
        return _INTO_AWS.search(str(record["AliasTarget"]["DNSName"])) is not None
    return any(_INTO_AWS.search(str(one["Value"])) for one in record.get("ResourceRecords") or ())
