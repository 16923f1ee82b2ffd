"""What all of EC2 shares: ids, ARNs, filters, tags. The rule: lists are sorted by one function on both sides.

Ids differ after renaming, so a list that is sorted in legacy is sorted again before it is compared.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from migrate.kind import It, Json, Name, Place, ReadSite, after, join, tag_pairs

OWN = after("create", "id")

BRIDGE_TAG = "migrate:bridge"
"""Tag of a temporary bridge's connection on both sides. What goes over it is the bridge's, no fact of a table."""


def bridge_mark(alias: str) -> str:
    """Description of the rules that a bridge to that account adds to legacy's groups."""
    return f"{BRIDGE_TAG} {alias}"


def ordered(items: Iterable[Json]) -> list[Json]:
    """Items of a list whose order has no meaning, in an order that their content alone decides."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def narrowed(filter_name: str, only: str | None, parameter: str = "Filters") -> dict[str, Json]:
    """The filter for one id, or none. A filter that matches nothing is no error; an unknown id would be."""
    return {parameter: [{"Name": filter_name, "Values": [only]}]} if only else {}


def arn_of(site: ReadSite, resource_type: str, own_id: str) -> str:
    """The ARN in the account that is scanned."""
    return f"arn:aws:ec2:{site.region}:{site.account}:{resource_type}/{own_id}"


def specification(resource_type: str, place: Place, tags: Mapping[str, str]) -> list[Json]:
    """Tags and stamp in the form of EC2's create calls."""
    return [{"ResourceType": resource_type, "Tags": tag_pairs(place.stamp(tags))}]


def names_of(it: It[Json], place: Place, resource_type: str) -> Iterator[Name]:
    """The two names that everything in EC2 has: its id and its ARN."""
    yield Name(it.ref.name, OWN, "id")
    yield Name(it.arn, join(f"arn:aws:ec2:{place.region}:{place.account}:{resource_type}/", OWN))
