"""The ways out of a VPC: internet gateways, elastic addresses, NAT gateways. Public addresses are new in the target.

The rule: an address is a name too. Where the old one stands in a document it is rewritten; where an outsider's
allow-list holds it, a person has to tell them, or transfer the address (ec2.EnableAddressTransfer) by hand.
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
    after,
    pair_tags,
    same_place,
)
from migrate.kinds.ec2_network.shared import OWN, arn_of, default_vpcs, names_of, narrowed, ordered, specification


class InternetGatewayFacts(Facts):
    """Source: ec2.DescribeInternetGateways."""

    vpc_id: str | None
    in_default_vpc: bool


class CreateInternetGateway(Action[InternetGatewayFacts]):
    """The gateway, attached where legacy's is."""

    name = "create"
    title = "Create the internet gateway and attach it"

    def applies(self, it: It[InternetGatewayFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[InternetGatewayFacts], place: Place) -> Sequence[Request]:
        requests = [
            Request(
                "ec2.CreateInternetGateway",
                {"TagSpecifications": specification("internet-gateway", place, it.tags)},
                once="tagged",
                creates=True,
                outputs={"id": "InternetGateway.InternetGatewayId"},
                undo=Request(
                    "ec2.DeleteInternetGateway",
                    {"InternetGatewayId": OWN},
                    done=("InvalidInternetGatewayID.NotFound",),
                ),
            )
        ]
        if it.facts.vpc_id:
            attached: dict[str, Json] = {"InternetGatewayId": OWN, "VpcId": it.facts.vpc_id}
            requests.append(
                Request(
                    "ec2.AttachInternetGateway",
                    attached,
                    done=("Resource.AlreadyAssociated",),
                    retry=("InvalidInternetGatewayID.NotFound",),
                    undo=Request(
                        "ec2.DetachInternetGateway",
                        attached,
                        done=("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound"),
                        # Mapped public addresses go some seconds after what used them.
                        retry=("DependencyViolation",),
                    ),
                )
            )
        return requests


class InternetGateway(Kind[InternetGatewayFacts]):
    """An internet gateway. The default VPC's is not moved."""

    name = "ec2.internet_gateway"
    title = "Internet gateway"
    facts = InternetGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeInternetGateways", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:internet-gateway",)
    actions = (CreateInternetGateway(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("internet-gateway-id", only)
        found = list(site.pages("ec2.DescribeInternetGateways", "InternetGateways", **wanted))
        defaults = default_vpcs(site) if found else frozenset()
        for gateway in found:
            vpc_id = next((attached["VpcId"] for attached in gateway.get("Attachments", ())), None)
            yield self.found(
                site,
                gateway["InternetGatewayId"],
                InternetGatewayFacts(vpc_id=vpc_id, in_default_vpc=vpc_id in defaults),
                arn=arn_of(site, "internet-gateway", gateway["InternetGatewayId"]),
                tags=pair_tags(gateway.get("Tags")),
            )

    def needs(self, it: It[InternetGatewayFacts]) -> Iterator[Need]:
        if it.facts.vpc_id:
            seen_in = "ec2.DescribeInternetGateways InternetGateways[].Attachments[].VpcId"
            yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "attached to", "hard", seen_in)

    def names(self, it: It[InternetGatewayFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "internet-gateway")

    def quota(self, it: It[InternetGatewayFacts]) -> tuple[str, str] | None:
        return "vpc", "L-A4707A72"


class AddressFacts(Facts):
    """Source: ec2.DescribeAddresses."""

    public_ip: str
    """AWS gives another one in the target."""
    network_border_group: str | None
    service_managed: str | None
    """The service that allocated it for itself (a regional NAT gateway, a load balancer), and does so again."""


class CreateAddress(Action[AddressFacts]):
    """A new address; what holds it (a NAT gateway, a load balancer) takes it when it is made itself."""

    name = "create"
    title = "Allocate an elastic address (a new one: tell those who allow the old one)"

    def applies(self, it: It[AddressFacts]) -> bool:
        return it.facts.service_managed is None

    def requests(self, it: It[AddressFacts], place: Place) -> Sequence[Request]:
        made: dict[str, Json] = {
            "Domain": "vpc",
            "TagSpecifications": specification("elastic-ip", place, it.tags),
        }
        if it.facts.network_border_group:
            made["NetworkBorderGroup"] = it.facts.network_border_group
        return [
            Request(
                "ec2.AllocateAddress",
                made,
                once="tagged",
                creates=True,
                outputs={"id": "AllocationId", "public_ip": "PublicIp"},
                undo=Request(
                    "ec2.ReleaseAddress",
                    {"AllocationId": OWN},
                    done=("InvalidAllocationID.NotFound",),
                    # A deleted NAT gateway lets go of its address a little later.
                    retry=("InvalidIPAddress.InUse", "AuthFailure"),
                ),
            )
        ]


class ElasticIp(Kind[AddressFacts]):
    """An elastic address. An instance takes its own when it is launched; a bare network interface's is held by nothing.

    Bring-your-own ranges are not moved: the new address is Amazon's. Its reverse DNS name is not carried either.
    """

    name = "ec2.elastic_ip"
    title = "Elastic IP address"
    facts = AddressFacts
    named = False
    reads = frozenset({"ec2.DescribeAddresses"})
    tagging_types = ("ec2:elastic-ip",)
    volatile = frozenset({"public_ip"})
    actions = (CreateAddress(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        for address in site.pages("ec2.DescribeAddresses", "Addresses", **narrowed("allocation-id", only)):
            group = address.get("NetworkBorderGroup")
            yield self.found(
                site,
                address["AllocationId"],
                AddressFacts(
                    public_ip=address["PublicIp"],
                    # The region's own group is what a new address gets without asking.
                    network_border_group=group if group != site.region else None,
                    service_managed=address.get("ServiceManaged"),
                ),
                arn=arn_of(site, "elastic-ip", address["AllocationId"]),
                tags=pair_tags(address.get("Tags")),
            )

    def names(self, it: It[AddressFacts], place: Place) -> Iterator[Name]:
        yield from names_of(it, place, "elastic-ip")
        yield Name(it.facts.public_ip, after("create", "public_ip"), "host")

    def finding(self, it: It[AddressFacts]) -> str:
        # Source of the transfer: EC2 User Guide, "Transfer Elastic IP addresses", read 2026-08: same region, 7 days to
        # accept; a NAT gateway's own address cannot be taken from it (VPC User Guide, "NAT gateways").
        return (
            f"{it.facts.public_ip} ({it.ref}) does not move: who lets it in (partners, offices, other clouds) has "
            "to let the new address in as well before the cut-over; `migrate outside` prints it once it is there. To "
            "keep the old one, transfer it by hand after the cut-over: delete what holds it in legacy (a NAT gateway: "
            "what is behind it is cut off then), `aws ec2 enable-address-transfer` there, `accept-address-transfer` in "
            "the target within 7 days."
        )

    def outputs(self, found: Resource) -> dict[str, str]:
        return super().outputs(found) | {"public_ip": found.facts["public_ip"]}

    def quota(self, it: It[AddressFacts]) -> tuple[str, str] | None:
        return "ec2", "L-0263D0A3"


class NatGatewayFacts(Facts):
    """Source: ec2.DescribeNatGateways."""

    vpc_id: str
    in_default_vpc: bool
    subnet_id: str | None
    """None: a regional gateway, which is in the VPC and no subnet."""
    connectivity_type: str
    availability_mode: str
    allocation_id: str | None
    secondary_allocation_ids: list[str]


class CreateNatGateway(Action[NatGatewayFacts]):
    """The gateway with its addresses; done when it is available, which takes some minutes."""

    name = "create"
    title = "Create the NAT gateway"

    def applies(self, it: It[NatGatewayFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[NatGatewayFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "ConnectivityType": facts.connectivity_type,
            "TagSpecifications": specification("natgateway", place, it.tags),
        }
        if facts.subnet_id:
            made["SubnetId"] = facts.subnet_id
        else:
            # AWS provides a regional gateway's addresses by itself; its own choice of zones is kept.
            made |= {"VpcId": facts.vpc_id, "AvailabilityMode": facts.availability_mode}
        if facts.allocation_id:
            made["AllocationId"] = facts.allocation_id
        if facts.secondary_allocation_ids:
            made["SecondaryAllocationIds"] = facts.secondary_allocation_ids
        own: dict[str, Json] = {"NatGatewayIds": [OWN]}
        state = "NatGateways[].State"
        return [
            Request(
                "ec2.CreateNatGateway",
                made,
                once="token",
                token_param="ClientToken",
                creates=True,
                outputs={"id": "NatGateway.NatGatewayId"},
                retry=("InvalidSubnetID.NotFound", "InvalidAllocationID.NotFound", "InvalidElasticIpID.NotFound"),
                wait=Wait(
                    "ec2.DescribeNatGateways",
                    own,
                    state,
                    ok=("available",),
                    failed=("failed", "deleting", "deleted"),
                    timeout_s=1800.0,
                ),
                undo=Request(
                    "ec2.DeleteNatGateway",
                    {"NatGatewayId": OWN},
                    done=("NatGatewayNotFound",),
                    wait=Wait(
                        "ec2.DescribeNatGateways",
                        own,
                        state,
                        ok=("deleted", "failed"),
                        gone=("NatGatewayNotFound",),
                        timeout_s=1800.0,
                    ),
                ),
            )
        ]


class NatGateway(Kind[NatGatewayFacts]):
    """A NAT gateway. Its private addresses are chosen anew by AWS. It bills by the hour from the day it is made."""

    name = "ec2.nat_gateway"
    title = "NAT gateway"
    facts = NatGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeNatGateways", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:natgateway",)
    actions = (CreateNatGateway(),)
    left_out: ClassVar[Mapping[str, str]] = {
        "NatGatewayAddresses[].PrivateIp": "AWS chooses others; whoever allows the old ones has to be told",
        "addresses and zones of a regional gateway": "AWS provides them by itself",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # Deleted gateways are shown for about an hour: only living ones are wanted.
        wanted: list[Json] = [{"Name": "state", "Values": ["pending", "available"]}]
        wanted += narrowed("nat-gateway-id", only).get("Filters", [])
        found = list(site.pages("ec2.DescribeNatGateways", "NatGateways", Filter=wanted))
        defaults = default_vpcs(site) if found else frozenset()
        for gateway in found:
            primary, secondary = _allocations(gateway.get("NatGatewayAddresses", []))
            regional = not gateway.get("SubnetId")
            yield self.found(
                site,
                gateway["NatGatewayId"],
                NatGatewayFacts(
                    vpc_id=gateway["VpcId"],
                    in_default_vpc=gateway["VpcId"] in defaults,
                    subnet_id=gateway.get("SubnetId"),
                    connectivity_type=gateway.get("ConnectivityType", "public"),
                    availability_mode=gateway.get("AvailabilityMode", "zonal"),
                    allocation_id=None if regional else primary,
                    secondary_allocation_ids=[] if regional else secondary,
                ),
                arn=arn_of(site, "natgateway", gateway["NatGatewayId"]),
                tags=pair_tags(gateway.get("Tags")),
            )

    def needs(self, it: It[NatGatewayFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeNatGateways NatGateways[]"
        if it.facts.subnet_id:
            yield Need(same_place(it, "ec2.subnet", it.facts.subnet_id), "in", "hard", f"{seen_in}.SubnetId")
        else:
            yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for allocation in filter(None, (it.facts.allocation_id, *it.facts.secondary_allocation_ids)):
            address = same_place(it, "ec2.elastic_ip", allocation)
            yield Need(address, "attached to", "hard", f"{seen_in}.NatGatewayAddresses[].AllocationId")

    def names(self, it: It[NatGatewayFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "natgateway")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[NatGatewayFacts]) -> dict[str, Json]:
        return facts | {"secondary_allocation_ids": ordered(facts["secondary_allocation_ids"])}


def _allocations(addresses: list[dict[str, Any]]) -> tuple[str | None, list[str]]:
    """The primary allocation and the others. Where nothing is marked as primary, the first one is."""
    marked = sorted(addresses, key=lambda address: not address.get("IsPrimary", False))
    ids = [address["AllocationId"] for address in marked if address.get("AllocationId")]
    return (ids[0], ordered(ids[1:])) if ids else (None, [])
