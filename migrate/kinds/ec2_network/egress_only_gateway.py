"""Egress-only internet gateway: the way out over IPv6. The rule: it belongs to one VPC for ever."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Name, Need, Place, ReadSite, Request, pair_tags, same_place
from migrate.kinds.ec2_network.shared import OWN, arn_of, default_vpcs, names_of, specification


class EgressGatewayFacts(Facts):
    """Source: ec2.DescribeEgressOnlyInternetGateways."""

    vpc_id: str
    in_default_vpc: bool


class Create(Action[EgressGatewayFacts]):
    """The gateway; routes to it are the route tables' own."""

    name = "create"
    title = "Create the egress-only internet gateway"

    def applies(self, it: It[EgressGatewayFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[EgressGatewayFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "ec2.CreateEgressOnlyInternetGateway",
                {
                    "VpcId": it.facts.vpc_id,
                    "TagSpecifications": specification("egress-only-internet-gateway", place, it.tags),
                },
                # Tagged and not by token: AWS forgets a token, and a second gateway would be made unseen.
                once="tagged",
                creates=True,
                outputs={"id": "EgressOnlyInternetGateway.EgressOnlyInternetGatewayId"},
                retry=("InvalidVpcID.NotFound",),
                undo=Request(
                    "ec2.DeleteEgressOnlyInternetGateway",
                    {"EgressOnlyInternetGatewayId": OWN},
                    done=("InvalidGatewayID.NotFound", "InvalidEgressOnlyInternetGatewayId.NotFound"),
                ),
            )
        ]


class EgressOnlyInternetGateway(Kind[EgressGatewayFacts]):
    """An egress-only internet gateway. One in the default VPC is not moved. It translates nothing: what leaves through
    it has the subnet's own IPv6 addresses, which are new in the target, so who allows the old ones has to be told.
    """

    name = "ec2.egress_only_internet_gateway"
    title = "Egress-only internet gateway"
    facts = EgressGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeEgressOnlyInternetGateways", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:egress-only-internet-gateway",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # No filter takes an id, and a list of ids that are not there is refused with a code that nobody wrote down:
        # a region has five of them by default, so all are read.
        listed = site.pages("ec2.DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGateways", MaxResults=255)
        found = [
            (one, attached["VpcId"])
            for one in listed
            if only in (None, one["EgressOnlyInternetGatewayId"])
            for attached in one.get("Attachments", ())[:1]
        ]
        defaults = default_vpcs(site) if found else frozenset()
        for one, vpc_id in found:
            yield self.found(
                site,
                one["EgressOnlyInternetGatewayId"],
                EgressGatewayFacts(vpc_id=vpc_id, in_default_vpc=vpc_id in defaults),
                arn=arn_of(site, "egress-only-internet-gateway", one["EgressOnlyInternetGatewayId"]),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[EgressGatewayFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeEgressOnlyInternetGateways EgressOnlyInternetGateways[].Attachments[].VpcId"
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "attached to", "hard", seen_in)

    def names(self, it: It[EgressGatewayFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "egress-only-internet-gateway")
