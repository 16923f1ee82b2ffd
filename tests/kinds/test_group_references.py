"""Rules of another VPC that name our security groups: asked for where a peering or transit gateway joins one."""

from collections.abc import Callable
from typing import Any

import pytest

from migrate.inventory import Resource
from migrate.kind import Kind
from migrate.kinds.ec2_network import references
from migrate.kinds.ec2_network.peering import VpcPeeringConnection
from migrate.kinds.ec2_network.ways_elsewhere import TransitGatewayAttachment
from tests.kinds.by_hand import LEGACY, REGION
from tests.kinds.shapes import check_request
from tests.kinds.told_site import Answers, ToldSite

PARTNER = "999988887777"


class Site(ToldSite):
    """Keeps what was asked."""

    def __init__(self, kind: Kind[Any], answers: Answers) -> None:
        super().__init__(LEGACY, REGION, kind.reads, answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        self.asked.append((operation, params))
        return super().call(operation, **params)

    def optional(self, operation: str, *, missing: tuple[str, ...], **params: Any) -> dict[str, Any] | None:
        # Nothing is taken for "there is none": every refusal is a gap.
        assert missing == ()
        check_request(operation, params)
        return self.call(operation, **params)


def two_groups(params: dict[str, Any]) -> dict[str, Any]:
    assert params == {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}
    return {"SecurityGroups": [{"GroupId": "sg-2"}, {"GroupId": "sg-1"}]}


def named(**way: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def answer(params: dict[str, Any]) -> dict[str, Any]:
        assert params == {"GroupId": ["sg-1", "sg-2"]}
        other = {"GroupId": "sg-2", "ReferencingVpcId": "vpc-8", "VpcPeeringConnectionId": "pcx-8"}
        return {"SecurityGroupReferenceSet": [other, {"GroupId": "sg-1", "ReferencingVpcId": "vpc-9", **way}]}

    return answer


def peered(accepter: str, status: str = "active") -> Callable[[dict[str, Any]], dict[str, Any]]:
    one = {
        "VpcPeeringConnectionId": "pcx-1", "Status": {"Code": status},
        "RequesterVpcInfo": {"VpcId": "vpc-1", "OwnerId": LEGACY, "Region": REGION},
        "AccepterVpcInfo": {"VpcId": "vpc-9", "OwnerId": accepter, "Region": REGION},
    }  # fmt: skip
    return lambda _: {"VpcPeeringConnections": [one]}


def attached(resource_type: str, owner: str = LEGACY) -> Callable[[dict[str, Any]], dict[str, Any]]:
    one = {
        "TransitGatewayAttachmentId": "tgw-attach-1", "TransitGatewayId": "tgw-1", "State": "available",
        "ResourceType": resource_type, "ResourceId": "vpc-1", "ResourceOwnerId": owner,
    }  # fmt: skip
    return lambda _: {"TransitGatewayAttachments": [one]}


def scanned(kind: Kind[Any], **answers: Any) -> tuple[Resource, list[str]]:
    site = Site(kind, {f"ec2.{name}": answer for name, answer in answers.items()})
    (found,) = kind.scan(site)
    return found, [operation for operation, _ in site.asked]


def test_a_foreign_peering_says_which_of_our_groups_their_rules_name_and_what_they_do_about_it() -> None:
    kind = VpcPeeringConnection()

    found, _ = scanned(
        kind, DescribeVpcPeeringConnections=peered(PARTNER), DescribeSecurityGroups=two_groups,
        DescribeSecurityGroupReferences=named(VpcPeeringConnectionId="pcx-1"),
    )  # fmt: skip

    # What they name by another connection is said there.
    assert found.facts["referenced_by"] == [{"group": "sg-1", "vpc": "vpc-9"}]
    said = kind.by_hand(kind.typed(found))
    assert said.startswith(kind.manual)
    assert "Rules over there name groups of ours by pcx-1: sg-1 (by vpc-9)." in said
    assert "ec2.AuthorizeSecurityGroupIngress" in said


def test_an_attached_vpc_says_whose_rules_name_its_groups_by_the_transit_gateway() -> None:
    kind = TransitGatewayAttachment()

    found, _ = scanned(
        kind, DescribeTransitGatewayAttachments=attached("vpc"), DescribeSecurityGroups=two_groups,
        DescribeSecurityGroupReferences=named(TransitGatewayId="tgw-1"),
    )  # fmt: skip

    assert found.facts["referenced_by"] == [{"group": "sg-1", "vpc": "vpc-9"}]
    assert "by tgw-1: sg-1 (by vpc-9)" in kind.by_hand(kind.typed(found))


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        (VpcPeeringConnection(), {"DescribeVpcPeeringConnections": peered(LEGACY)}),
        (VpcPeeringConnection(), {"DescribeVpcPeeringConnections": peered(PARTNER, "pending-acceptance")}),
        (TransitGatewayAttachment(), {"DescribeTransitGatewayAttachments": attached("vpn")}),
        (TransitGatewayAttachment(), {"DescribeTransitGatewayAttachments": attached("vpc", PARTNER)}),
    ],
    ids=["both ours", "not accepted", "a VPN", "their VPC"],
)
def test_where_no_vpc_of_ours_is_joined_to_anothers_nobody_is_asked(kind: Kind[Any], answers: Any) -> None:
    found, asked = scanned(kind, **answers)

    assert len(asked) == 1
    assert found.facts["referenced_by"] == []
    assert kind.by_hand(kind.typed(found)) == kind.manual


def test_many_groups_are_asked_about_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "_MOST", 1)
    batches: list[list[str]] = []

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        batches.append(params["GroupId"])
        one = {"GroupId": params["GroupId"][0], "ReferencingVpcId": "vpc-9", "VpcPeeringConnectionId": "pcx-1"}
        return {"SecurityGroupReferenceSet": [one]}

    found, _ = scanned(
        VpcPeeringConnection(), DescribeVpcPeeringConnections=peered(PARTNER), DescribeSecurityGroups=two_groups,
        DescribeSecurityGroupReferences=answer,
    )  # fmt: skip

    assert batches == [["sg-1"], ["sg-2"]]
    assert [one["group"] for one in found.facts["referenced_by"]] == ["sg-1", "sg-2"]
