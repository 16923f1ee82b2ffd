"""Ways to other networks that no call moves: transit gateways, VPN connections and what stands at their ends.

The rule: each says the exact steps and how one sees that they are done. What a VPN's keys are is never kept.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Facts, It, Kind, Need, ReadSite, pair_tags, same_place
from migrate.kinds.ec2_network import references
from migrate.kinds.ec2_network.shared import arn_of, narrowed, ordered

STANDING = ("available", "pending", "pendingAcceptance", "modifying", "initiating", "initiatingRequest")


class TransitGatewayFacts(Facts):
    """Source: ec2.DescribeTransitGateways."""

    description: str
    owner: str
    is_own: bool
    options: dict[str, str]
    cidr_blocks: list[str]


class TransitGateway(Kind[TransitGatewayFacts]):
    """A transit gateway, the account's own or one that another account shares with it."""

    name = "ec2.transit_gateway"
    title = "Transit gateway"
    facts = TransitGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeTransitGateways"})
    tagging_types = ("ec2:transit-gateway",)
    manual = (
        "One that another account owns: its owner shares it with the target account (ram.AssociateResourceShare) and "
        "nothing is made anew. An own one that others stay attached to: keep it in legacy until the last has moved; "
        "meanwhile share it with the target account. To make it anew: ec2.CreateTransitGateway with the same options "
        "and AmazonSideAsn, its route tables (ec2.CreateTransitGatewayRouteTable, ec2.CreateTransitGatewayRoute), then "
        "share it (ram.CreateResourceShare). Verify: ec2.DescribeTransitGateways in the target account shows it as "
        "available, and ec2.SearchTransitGatewayRoutes shows the same routes as in legacy."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "route tables, propagations, peerings": "made anew by hand with the gateway; legacy shows them meanwhile"
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("transit-gateway-id", only)
        for one in site.pages("ec2.DescribeTransitGateways", "TransitGateways", MaxResults=1000, **wanted):
            if one.get("State") not in STANDING or only not in (None, one["TransitGatewayId"]):
                continue
            options = one.get("Options") or {}
            yield self.found(
                site,
                one["TransitGatewayId"],
                TransitGatewayFacts(
                    description=one.get("Description") or "",
                    owner=one.get("OwnerId", site.account),
                    is_own=one.get("OwnerId", site.account) == site.account,
                    options={name: str(value) for name, value in options.items() if not isinstance(value, list)},
                    cidr_blocks=sorted(options.get("TransitGatewayCidrBlocks") or ()),
                ),
                arn=one.get("TransitGatewayArn") or arn_of(site, "transit-gateway", one["TransitGatewayId"]),
                tags=pair_tags(one.get("Tags")),
            )


class AttachmentFacts(Facts):
    """Source: ec2.DescribeTransitGatewayAttachments."""

    transit_gateway_id: str
    transit_gateway_owner: str
    resource_type: str
    resource_id: str
    resource_owner: str
    route_table_id: str | None
    referenced_by: list[dict[str, str]]
    """`{group, vpc}`: groups of ours that rules of other attached VPCs name. Source:
    ec2.DescribeSecurityGroupReferences."""


class TransitGatewayAttachment(Kind[AttachmentFacts]):
    """What is attached to a transit gateway: a VPC, a VPN connection, another gateway."""

    name = "ec2.transit_gateway_attachment"
    title = "Transit gateway attachment"
    facts = AttachmentFacts
    named = False
    reads = frozenset({"ec2.DescribeTransitGatewayAttachments"}) | references.READS
    tagging_types = ("ec2:transit-gateway-attachment",)
    manual = (
        "1. The gateway's owner shares it with the target account (ram.AssociateResourceShare). 2. In the target: "
        "ec2.CreateTransitGatewayVpcAttachment with the new VPC and one new subnet a zone. 3. The owner accepts "
        "(ec2.AcceptTransitGatewayVpcAttachment), associates and propagates it as legacy's. 4. In the target: routes "
        "to the gateway (ec2.CreateRoute with TransitGatewayId) in the tables that have them in legacy. 5. At the "
        "cut-over the owner takes legacy's routes away: two attachments with the same CIDR cannot both be reached. "
        "Verify: ec2.DescribeTransitGatewayAttachments says available, ec2.SearchTransitGatewayRoutes of the owner "
        "shows the VPC's CIDR by the new attachment, and a connection from the other side succeeds."
    )
    left_out: ClassVar[Mapping[str, str]] = {"options (DNS, IPv6, appliance mode)": "set them as in legacy by hand"}

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("transit-gateway-attachment-id", only)
        for one in site.pages(
            "ec2.DescribeTransitGatewayAttachments", "TransitGatewayAttachments", MaxResults=1000, **wanted
        ):
            own = one["TransitGatewayAttachmentId"]
            if one.get("State") not in STANDING or only not in (None, own):
                continue
            yield self.found(
                site,
                own,
                AttachmentFacts(
                    transit_gateway_id=one["TransitGatewayId"],
                    transit_gateway_owner=one.get("TransitGatewayOwnerId", site.account),
                    resource_type=one.get("ResourceType", ""),
                    resource_id=one.get("ResourceId", ""),
                    resource_owner=one.get("ResourceOwnerId", site.account),
                    route_table_id=(one.get("Association") or {}).get("TransitGatewayRouteTableId"),
                    referenced_by=references.referenced_by(site, _own_vpc(site, one), one["TransitGatewayId"]),
                ),
                arn=arn_of(site, "transit-gateway-attachment", own),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[AttachmentFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeTransitGatewayAttachments TransitGatewayAttachments[]"
        on = same_place(it, "ec2.transit_gateway", it.facts.transit_gateway_id)
        yield Need(on, "attached to", "soft", f"{seen_in}.TransitGatewayId")
        if it.facts.resource_type == "vpc" and it.facts.resource_owner == it.ref.account:
            vpc = same_place(it, "ec2.vpc", it.facts.resource_id)
            yield Need(vpc, "attached to", "soft", f"{seen_in}.ResourceId")

    def by_hand(self, it: It[AttachmentFacts]) -> str:
        return self.manual + references.to_tell(it.facts.referenced_by, it.facts.transit_gateway_id)


def _own_vpc(site: ReadSite, one: Mapping[str, Any]) -> list[str]:
    is_own = one.get("ResourceType") == "vpc" and one.get("ResourceOwnerId", site.account) == site.account
    return [one["ResourceId"]] if is_own and one.get("ResourceId") else []


class CustomerGatewayFacts(Facts):
    """Source: ec2.DescribeCustomerGateways."""

    address: str
    bgp_asn: str
    certificate_arn: str | None
    device: str


class CustomerGateway(Kind[CustomerGatewayFacts]):
    """The far end of a VPN as AWS knows it: an address and a number, at somebody's own machine."""

    name = "ec2.customer_gateway"
    title = "Customer gateway"
    facts = CustomerGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeCustomerGateways"})
    tagging_types = ("ec2:customer-gateway",)
    manual = (
        "In the target: ec2.CreateCustomerGateway with the same IpAddress, BgpAsn and, where it has one, a certificate "
        "of the target. Nothing changes at the machine itself until the VPN connection is made. Verify: "
        "ec2.DescribeCustomerGateways in the target says available with the same address."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("customer-gateway-id", only)
        for one in site.call("ec2.DescribeCustomerGateways", **wanted).get("CustomerGateways", ()):
            if one.get("State") not in STANDING or only not in (None, one["CustomerGatewayId"]):
                continue
            yield self.found(
                site,
                one["CustomerGatewayId"],
                CustomerGatewayFacts(
                    address=one.get("IpAddress") or "",
                    bgp_asn=str(one.get("BgpAsnExtended") or one.get("BgpAsn") or ""),
                    certificate_arn=one.get("CertificateArn") or None,
                    device=one.get("DeviceName") or "",
                ),
                arn=arn_of(site, "customer-gateway", one["CustomerGatewayId"]),
                tags=pair_tags(one.get("Tags")),
            )


class VpnGatewayFacts(Facts):
    """Source: ec2.DescribeVpnGateways."""

    vpc_ids: list[str]
    amazon_asn: str


class VpnGateway(Kind[VpnGatewayFacts]):
    """A virtual private gateway: the near end of a VPN or of Direct Connect."""

    name = "ec2.vpn_gateway"
    title = "Virtual private gateway"
    facts = VpnGatewayFacts
    named = False
    reads = frozenset({"ec2.DescribeVpnGateways"})
    tagging_types = ("ec2:vpn-gateway",)
    manual = (
        "In the target: ec2.CreateVpnGateway with the same AmazonSideAsn, ec2.AttachVpnGateway to the new VPC, and "
        "ec2.EnableVgwRoutePropagation for the tables that have it in legacy. A Direct Connect interface of it is a "
        "request to who runs the line (directconnect.CreatePrivateVirtualInterface): days. Verify: "
        "ec2.DescribeVpnGateways says attached, and routes with Origin EnableVgwRoutePropagation appear in the tables "
        "once the connection is up."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = narrowed("vpn-gateway-id", only)
        for one in site.call("ec2.DescribeVpnGateways", **wanted).get("VpnGateways", ()):
            if one.get("State") not in STANDING or only not in (None, one["VpnGatewayId"]):
                continue
            attached = [
                a["VpcId"] for a in one.get("VpcAttachments") or () if a.get("State") in ("attaching", "attached")
            ]
            yield self.found(
                site,
                one["VpnGatewayId"],
                VpnGatewayFacts(vpc_ids=ordered(attached), amazon_asn=str(one.get("AmazonSideAsn") or "")),
                arn=arn_of(site, "vpn-gateway", one["VpnGatewayId"]),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[VpnGatewayFacts]) -> Iterator[Need]:
        for vpc_id in it.facts.vpc_ids:
            seen_in = "ec2.DescribeVpnGateways VpnGateways[].VpcAttachments[].VpcId"
            yield Need(same_place(it, "ec2.vpc", vpc_id), "attached to", "soft", seen_in)


class VpnFacts(Facts):
    """Source: ec2.DescribeVpnConnections, without the keys of its tunnels."""

    customer_gateway_id: str
    vpn_gateway_id: str | None
    transit_gateway_id: str | None
    category: str
    static_routes: list[str]
    is_static: bool
    tunnel_addresses: list[str]
    """AWS's ends, at which the machine there points: the target's are others."""


class VpnConnection(Kind[VpnFacts]):
    """A site-to-site VPN connection. Its keys are in legacy's answer and are never kept."""

    name = "ec2.vpn_connection"
    title = "VPN connection"
    facts = VpnFacts
    named = False
    reads = frozenset({"ec2.DescribeVpnConnections"})
    tagging_types = ("ec2:vpn-connection",)
    manual = (
        "1. In the target, with its customer and private (or transit) gateway: ec2.CreateVpnConnection with the same "
        "options; static routes by ec2.CreateVpnConnectionRoute. 2. Give who runs the machine there the new "
        "configuration (ec2.GetVpnConnectionDeviceSampleConfiguration): the tunnels have new addresses and keys. It "
        "may hold both connections at once, but routes the network to one. 3. At the cut-over that person moves that "
        "route. Verify: ec2.DescribeVpnConnections shows VgwTelemetry UP for both tunnels, and a connection from the "
        "other side reaches the new network. 4. Legacy's stays until then: the way back."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "pre-shared keys, CustomerGatewayConfiguration": "credentials: the target's connection gets keys of its own",
        "tunnel options": "set them as in legacy by hand",
    }

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # All at once: there are few, and an endpoint may not know the filter.
        for one in site.call("ec2.DescribeVpnConnections").get("VpnConnections", ()):
            if one.get("State") not in STANDING or only not in (None, one["VpnConnectionId"]):
                continue
            yield self.found(
                site,
                one["VpnConnectionId"],
                _vpn(one),
                arn=arn_of(site, "vpn-connection", one["VpnConnectionId"]),
                tags=pair_tags(one.get("Tags")),
            )

    def needs(self, it: It[VpnFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeVpnConnections VpnConnections[]"
        facts = it.facts
        for kind, own, where in (
            ("ec2.customer_gateway", facts.customer_gateway_id, "CustomerGatewayId"),
            ("ec2.vpn_gateway", facts.vpn_gateway_id, "VpnGatewayId"),
            ("ec2.transit_gateway", facts.transit_gateway_id, "TransitGatewayId"),
        ):
            if own:
                yield Need(same_place(it, kind, own), "attached to", "soft", f"{seen_in}.{where}")


def _vpn(one: Mapping[str, Any]) -> VpnFacts:
    options = one.get("Options") or {}
    return VpnFacts(
        customer_gateway_id=one.get("CustomerGatewayId") or "",
        vpn_gateway_id=one.get("VpnGatewayId") or None,
        transit_gateway_id=one.get("TransitGatewayId") or None,
        category=one.get("Category") or "",
        static_routes=sorted(route["DestinationCidrBlock"] for route in one.get("Routes") or ()),
        is_static=bool(options.get("StaticRoutesOnly")),
        tunnel_addresses=sorted(
            tunnel["OutsideIpAddress"]
            for tunnel in options.get("TunnelOptions") or ()
            if tunnel.get("OutsideIpAddress")
        ),
    )
