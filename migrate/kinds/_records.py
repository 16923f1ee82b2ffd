"""Record sets of Route 53 in one form, whose each is, and how many go into one call.

The rule: a record belongs to one resource. One of a public zone that leads into AWS is a resource of its own
(`route53.record_set`), every other one is its zone's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import STEP_TAG, Json, Place

VALUES_A_BATCH = 400
"""AWS takes 1000 values and 32000 characters a call, each twice in an UPSERT. Source: Route 53 Developer Guide, quotas,
read 2026-11; unverified."""
CHARACTERS_A_BATCH = 12_000
_OF_ACM = re.compile(r".+\.acm-validations\.aws\.?", re.IGNORECASE)

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


def is_public(zone: Mapping[str, Any]) -> bool:
    """A public zone of ours: no private one, and none that a service keeps."""
    return not (zone.get("Config") or {}).get("PrivateZone") and not zone.get("LinkedService")


def is_zones_own(record: Mapping[str, Any], domain: str) -> bool:
    """The zone's own NS and SOA, which AWS makes with it."""
    return record["Name"] == domain and record["Type"] in ("NS", "SOA")


def validates(record: Mapping[str, Any]) -> bool:
    """Whether ACM validates a certificate by it."""
    values = [str(one["Value"]) for one in record.get("ResourceRecords") or ()]
    return record["Type"] == "CNAME" and any(_OF_ACM.fullmatch(value) for value in values)


def record_order(record: Mapping[str, Json]) -> tuple[str, str, str]:
    """What sorts record sets."""
    return *record_key(record), str(record.get("SetIdentifier", ""))


def batches(records: Sequence[dict[str, Json]]) -> Iterator[list[dict[str, Json]]]:
    """The record sets in calls of a size that AWS takes; those of one name and type, where they follow each other,
    stay in one call."""
    batch: list[dict[str, Json]] = []
    values = characters = 0
    for record in records:
        more, longer = max(1, len(record.get("ResourceRecords", ()))), len(str(record))
        too_many = values + more > VALUES_A_BATCH or characters + longer > CHARACTERS_A_BATCH
        if batch and too_many and record_key(batch[-1]) != record_key(record):
            yield batch
            batch, values, characters = [], 0, 0
        batch.append(record)
        values, characters = values + more, characters + longer
    if batch:
        yield batch


def zone_of_step(
    found: Sequence[Resource], place: Place, outputs: Mapping[str, str], domain: str, *, is_private: bool
) -> Resource | None:
    """The zone that a step made among those of the target: the one of its id, or else of its stamp, or else one that
    was made and whose answer was lost before it was tagged: still empty, and nobody's. Raises ValueError for two."""
    if outputs.get("id"):
        return next(iter(found), None)
    ours = [one for one in found if one.tags.get(STEP_TAG) == place.step]
    if not ours:
        same: tuple[str, bool, list[Json]] = (domain, is_private, [])
        ours = [
            one
            for one in found
            if (one.facts["domain"], one.facts.get("private", False), one.facts["records"]) == same and not one.tags
        ]
    if len(ours) > 1:
        raise ValueError(f"{len(ours)} zones may be {place.step}: {[one.ref.name for one in ours]}")
    return ours[0] if ours else None
