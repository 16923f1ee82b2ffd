"""Peering of two VPCs: asked for and accepted again where both of them move. The rule: nobody accepts for others.

Where the other side is somebody else's (another account, another region), a person asks and the other person accepts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    pair_tags,
    same_place,
)
from migrate.kinds.ec2_network import references
from migrate.kinds.ec2_network.shared import BRIDGE_TAG, OWN, arn_of, names_of, narrowed, specification

STANDING = ("initiating-request", "pending-acceptance", "provisioning", "active")
GONE = "InvalidVpcPeeringConnectionID.NotFound"


class PeeringFacts(Facts):
    """Source: ec2.DescribeVpcPeeringConnections."""

    requester_vpc: str
    accepter_vpc: str
    own_sides: list[str]
    """`requester`, `accepter`, or both: sides of the scanned account."""
    other_accounts: list[str]
    regions: list[str]
    requester_resolves: bool
    """Host names of the accepter's side are private addresses to the requester's."""
    accepter_resolves: bool
    status: str
    referenced_by: list[dict[str, str]]
    """`{group, vpc}`: groups of ours that rules of the foreign side name. Source:
    ec2.DescribeSecurityGroupReferences."""

    @property
    def moves(self) -> bool:
        """Whether both sides are ours, in one region, and connected."""
        return len(self.own_sides) == 2 and len(self.regions) == 1 and self.status == "active"


def _until(*ok: str) -> Wait:
    return Wait(
        "ec2.DescribeVpcPeeringConnections",
        {"VpcPeeringConnectionIds": [OWN]},
        "VpcPeeringConnections[].Status.Code",
        ok,
        ("failed", "expired", "rejected", "deleted", "deleting"),
    )


class Create(Action[PeeringFacts]):
    """The connection between the two new VPCs, accepted, with its DNS settings; its routes are the tables' own."""

    name = "create"
    title = "Peer the two VPCs"

    def applies(self, it: It[PeeringFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[PeeringFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own: dict[str, Json] = {"VpcPeeringConnectionId": OWN}
        resolves = {
            "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": facts.requester_resolves},
            "AccepterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": facts.accepter_resolves},
        }
        ask = Request(
            "ec2.CreateVpcPeeringConnection",
            {
                "VpcId": facts.requester_vpc,
                "PeerVpcId": facts.accepter_vpc,
                "TagSpecifications": specification("vpc-peering-connection", place, it.tags),
            },
            once="tagged",
            creates=True,
            outputs={"id": "VpcPeeringConnection.VpcPeeringConnectionId"},
            retry=("InvalidVpcID.NotFound",),
            wait=_until("pending-acceptance", "provisioning", "active"),
            undo=Request("ec2.DeleteVpcPeeringConnection", dict(own), done=(GONE, "InvalidStateTransition")),
        )
        accept = Request(
            "ec2.AcceptVpcPeeringConnection",
            dict(own),
            # It was accepted before. Source: EC2 error codes, read 2026-11; unverified.
            done=("InvalidStateTransition",),
            retry=(GONE,),
            wait=_until("active"),
        )
        requests = [ask, accept]
        if facts.requester_resolves or facts.accepter_resolves:
            # Both sides in one call: both are the same account's, in one region.
            requests.append(Request("ec2.ModifyVpcPeeringConnectionOptions", own | resolves))
        return requests


class VpcPeeringConnection(Kind[PeeringFacts]):
    """A peering connection. One whose other side is another account's or in another region is reported, as is one
    that nobody accepted. Two VPCs that go to two accounts cannot be peered by one of them alone: AWS refuses the
    request, and it is done by hand as with a foreign side. Networks that overlap are refused by AWS.
    """

    name = "ec2.vpc_peering_connection"
    title = "VPC peering connection"
    facts = PeeringFacts
    named = False
    reads = frozenset({"ec2.DescribeVpcPeeringConnections"}) | references.READS
    tagging_types = ("ec2:vpc-peering-connection",)
    volatile = frozenset({"own_sides", "other_accounts", "regions", "status", "referenced_by"})
    manual = (
        "With a foreign side: agree with its owner on a time. In the target: ec2.CreateVpcPeeringConnection with the "
        "new VPC, PeerVpcId, PeerOwnerId and PeerRegion of the other side; its owner accepts within seven days "
        "(ec2.AcceptVpcPeeringConnection). Both add routes to each other's CIDR (ec2.CreateRoute with the new pcx- "
        "id), allow each other in their security groups, and set DNS each for their side "
        "(ec2.ModifyVpcPeeringConnectionOptions). Verify: ec2.DescribeVpcPeeringConnections says active in both "
        "accounts, and a connection through it succeeds from a machine of each side. Both connections cannot stand at "
        "once where the other side routes the same CIDR to legacy: its owner changes that route at the cut-over."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "ClassicLink options": "AWS has ended EC2-Classic",
        "routes and rules": "are facts of the route tables and security groups that hold them",
    }
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("vpc-peering-connection-id", only)
        for one in site.pages("ec2.DescribeVpcPeeringConnections", "VpcPeeringConnections", MaxResults=1000, **wanted):
            own = one["VpcPeeringConnectionId"]
            # An endpoint may not know the filter.
            if only not in (None, own) or one["Status"]["Code"] not in STANDING or not _is_here(site, one):
                continue
            if BRIDGE_TAG in pair_tags(one.get("Tags")) or _is_only_asked(site, one):
                continue
            yield self.found(
                site,
                own,
                _facts(site, one),
                arn=arn_of(site, "vpc-peering-connection", own),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[PeeringFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeVpcPeeringConnections VpcPeeringConnections[]"
        for side, vpc_id in (("requester", it.facts.requester_vpc), ("accepter", it.facts.accepter_vpc)):
            if side in it.facts.own_sides and len(it.facts.regions) == 1:
                where = f"{seen_in}.{side.title()}VpcInfo.VpcId"
                yield Need(same_place(it, "ec2.vpc", vpc_id), "attached to", "hard", where)

    def names(self, it: It[PeeringFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "vpc-peering-connection")

    def by_hand(self, it: It[PeeringFacts]) -> str:
        return self.manual + references.to_tell(it.facts.referenced_by, it.ref.name)


def _is_here(site: ReadSite, one: Mapping[str, Any]) -> bool:
    """Both regions show one between them: the requester's counts, where that side is ours."""
    requester, accepter = one["RequesterVpcInfo"], one["AccepterVpcInfo"]
    side = requester if requester.get("OwnerId") == site.account else accepter
    return bool(side.get("Region", site.region) == site.region)


def _is_only_asked(site: ReadSite, one: Mapping[str, Any]) -> bool:
    """Another account asks, and nobody here said yes: nothing stands, and it ends by itself in seven days."""
    return bool(one["RequesterVpcInfo"].get("OwnerId") != site.account and one["Status"]["Code"] != "active")


def _facts(site: ReadSite, one: Mapping[str, Any]) -> PeeringFacts:
    sides = {"requester": one["RequesterVpcInfo"], "accepter": one["AccepterVpcInfo"]}
    owners = {name: side.get("OwnerId", site.account) for name, side in sides.items()}

    def resolves(side: str) -> bool:
        return bool((sides[side].get("PeeringOptions") or {}).get("AllowDnsResolutionFromRemoteVpc"))

    own_sides = [name for name, owner in owners.items() if owner == site.account]
    # Rules name groups of another VPC over a peering within a region. Source: VPC Peering Guide, "Update your security
    # groups to reference peer security groups", read 2026-11; unverified.
    is_foreign = len(own_sides) == 1 and one["Status"]["Code"] == "active"
    own_vpcs = [sides[name]["VpcId"] for name in own_sides] if is_foreign else []
    return PeeringFacts(
        requester_vpc=sides["requester"]["VpcId"],
        accepter_vpc=sides["accepter"]["VpcId"],
        own_sides=own_sides,
        other_accounts=sorted({owner for owner in owners.values() if owner != site.account}),
        regions=sorted({side.get("Region", site.region) for side in sides.values()}),
        requester_resolves=resolves("requester"),
        accepter_resolves=resolves("accepter"),
        status=one["Status"]["Code"],
        referenced_by=references.referenced_by(site, own_vpcs, one["VpcPeeringConnectionId"]),
    )
