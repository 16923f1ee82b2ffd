"""What the parts of a network share: ids, tags, order. The rule: lists are sorted by one function on both sides.

Ids differ after renaming, so a list that is sorted in legacy is sorted again before it is compared.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from migrate.kind import It, Json, Name, Place, ReadSite, Request, after, join, tag_pairs

OWN = after("create", "id")


def ordered(items: Iterable[Json]) -> list[Json]:
    """Items of a list whose order has no meaning, in an order that their content alone decides."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def default_vpcs(site: ReadSite) -> frozenset[str]:
    """The VPC that AWS made with the account. It and all in it stay: each target account has its own, or none."""
    wanted = [{"Name": "is-default", "Values": ["true"]}]
    return frozenset(vpc["VpcId"] for vpc in site.pages("ec2.DescribeVpcs", "Vpcs", Filters=wanted))


def narrowed(filter_name: str, only: str | None, parameter: str = "Filters") -> dict[str, Json]:
    """The filter for one id, or none. A filter that matches nothing is no error; an unknown id would be."""
    return {parameter: [{"Name": filter_name, "Values": [only]}]} if only else {}


def arn_of(site: ReadSite, resource_type: str, own_id: str) -> str:
    """The ARN in the account that is scanned."""
    return f"arn:aws:ec2:{site.region}:{site.account}:{resource_type}/{own_id}"


def specification(resource_type: str, place: Place, tags: Mapping[str, str]) -> list[Json]:
    """Tags and stamp in the form of EC2's create calls."""
    return [{"ResourceType": resource_type, "Tags": tag_pairs(place.stamp(tags))}]


def adopted(
    operation: str, vpc_id: str, filter_name: str, value: str, own_id: str, place: Place, tags: Mapping[str, str]
) -> list[Request]:
    """Take over what AWS made with the VPC: find it by a filter, its id at `own_id` of the answer, and stamp it."""
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": filter_name, "Values": [value]}]
    return [Request(operation, {"Filters": filters}, outputs={"id": own_id}), _stamp_adopted(place, tags)]


def _stamp_adopted(place: Place, tags: Mapping[str, str]) -> Request:
    """Tag a thing that AWS made with the VPC; undone by taking those tags away, the thing goes with its VPC."""
    stamped = tag_pairs(place.stamp(tags))
    keys: list[Json] = [{"Key": pair["Key"]} for pair in stamped]
    return Request(
        "ec2.CreateTags",
        {"Resources": [OWN], "Tags": stamped},
        undo=Request("ec2.DeleteTags", {"Resources": [OWN], "Tags": keys}),
    )


def names_of(it: It[Json], place: Place, resource_type: str) -> Iterator[Name]:
    """The two names that everything in EC2 has: its id and its ARN."""
    yield Name(it.ref.name, OWN, "id")
    yield Name(it.arn, join(f"arn:aws:ec2:{place.region}:{place.account}:{resource_type}/", OWN))
