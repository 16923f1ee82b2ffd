"""What the parts of a network share besides EC2's ids and tags: the default VPC, and what AWS makes with a VPC.

The rule: what AWS made with the VPC is adopted and stamped, never made a second time and never deleted.
"""

from collections.abc import Iterable, Mapping

from migrate.kind import Json, Place, ReadSite, Request, tag_pairs
from migrate.kinds._ec2 import BRIDGE_TAG, OWN, arn_of, names_of, narrowed, ordered, specification

__all__ = [
    "BRIDGE_TAG", "OWN", "adopted", "arn_of", "bridges", "default_vpcs", "names_of", "narrowed", "ordered",
    "own_prefix_lists", "specification",
]  # fmt: skip


def default_vpcs(site: ReadSite) -> frozenset[str]:
    """The VPC that AWS made with the account. It and all in it stay: each target account has its own, or none."""
    wanted = [{"Name": "is-default", "Values": ["true"]}]
    return frozenset(vpc["VpcId"] for vpc in site.pages("ec2.DescribeVpcs", "Vpcs", Filters=wanted))


def bridges(site: ReadSite, connections: Iterable[str]) -> frozenset[str]:
    """Those of the peering connections that are temporary bridges of a migration: routes over them are no facts."""
    wanted = sorted(set(connections))
    if not wanted:
        return frozenset()
    filters = [{"Name": "vpc-peering-connection-id", "Values": wanted}]
    shown = site.pages("ec2.DescribeVpcPeeringConnections", "VpcPeeringConnections", Filters=filters)
    marked = (one for one in shown if any(tag["Key"] == BRIDGE_TAG for tag in one.get("Tags", ())))
    return frozenset(one["VpcPeeringConnectionId"] for one in marked) & frozenset(wanted)


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


def own_prefix_lists(site: ReadSite, lists: Iterable[str]) -> frozenset[str]:
    """Those of the lists that are not AWS's: a customer's, whose id is another one in each account."""
    wanted = sorted(set(lists))
    if not wanted:
        return frozenset()
    filters = [{"Name": "prefix-list-id", "Values": wanted}]
    answer = site.optional("ec2.DescribeManagedPrefixLists", missing=(), Filters=filters, MaxResults=100)
    shown = (answer or {}).get("PrefixLists", [])
    return frozenset(one["PrefixListId"] for one in shown if one.get("OwnerId") != "AWS") & frozenset(wanted)
