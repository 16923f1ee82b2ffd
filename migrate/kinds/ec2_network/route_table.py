"""Route table: the routes people wrote, and the subnets that were told to use it.

The rule: what AWS writes itself is not repeated: the local route, routes of gateway endpoints, propagated routes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    after,
    pair_tags,
    same_place,
)
from migrate.kinds.ec2_network.shared import (
    OWN,
    adopted,
    arn_of,
    bridges,
    default_vpcs,
    names_of,
    narrowed,
    ordered,
    own_prefix_lists,
    specification,
)

DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    # Before the network interface: a route to an instance shows both, and CreateRoute takes one.
    "InstanceId",
    "NetworkInterfaceId",
    "GatewayId",
)
MADE_BY_KIND = {
    "nat-": "ec2.nat_gateway",
    "igw-": "ec2.internet_gateway",
    "vpce-": "ec2.vpc_endpoint",
    "eigw-": "ec2.egress_only_internet_gateway",
    "pcx-": "ec2.vpc_peering_connection",
    "i-": "ec2.instance",
    "vgw-": "ec2.vpn_gateway",
}
SEEN_IN_CONTENT = ("tgw-", "eni-", "arn:")
"""Ids that are found in the facts without being said; what they name has no kind, so the plan shows them."""


class RouteTableFacts(Facts):
    """Source: ec2.DescribeRouteTables. Routes are `{destination parameter, target parameter}` as CreateRoute takes
    them."""

    vpc_id: str
    in_default_vpc: bool
    is_main: bool
    """Subnets without an association of their own use the main table."""
    routes: list[dict[str, str]]
    dead_routes: list[dict[str, str]]
    """Blackholes: their target is gone. They are not made again."""
    own_prefix_lists: list[str]
    """Prefix lists among the destinations that are not AWS's."""
    subnet_ids: list[str]
    gateway_ids: list[str]
    """Gateways whose incoming traffic follows this table."""
    propagating_gateways: list[str]


class Create(Action[RouteTableFacts]):
    """The empty table; for legacy's main table the one that AWS made with the target's VPC."""

    name = "create"
    title = "Create the route table"

    def applies(self, it: It[RouteTableFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[RouteTableFacts], place: Place) -> Sequence[Request]:
        if it.facts.is_main:
            own_id = "RouteTables[0].RouteTableId"
            main = ("association.main", "true")
            return adopted("ec2.DescribeRouteTables", it.facts.vpc_id, *main, own_id, place, it.tags)
        return [
            Request(
                "ec2.CreateRouteTable",
                {"VpcId": it.facts.vpc_id, "TagSpecifications": specification("route-table", place, it.tags)},
                once="tagged",
                creates=True,
                outputs={"id": "RouteTable.RouteTableId"},
                undo=Request(
                    "ec2.DeleteRouteTable",
                    {"RouteTableId": OWN},
                    done=("InvalidRouteTableID.NotFound",),
                    retry=("DependencyViolation",),
                ),
            )
        ]


class AddRoutes(Action[RouteTableFacts]):
    """Every route that a person wrote and whose target lives."""

    name = "routes"
    title = "Add the routes"
    sets = frozenset({"routes", "own_prefix_lists", "propagating_gateways"})

    def applies(self, it: It[RouteTableFacts]) -> bool:
        return not it.facts.in_default_vpc and bool(it.facts.routes or it.facts.propagating_gateways)

    def requests(self, it: It[RouteTableFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"RouteTableId": OWN}
        requests = []
        for route in it.facts.routes:
            destination = {name: value for name, value in route.items() if name in DESTINATIONS}
            requests.append(
                Request(
                    "ec2.CreateRoute",
                    own | route,
                    # What stands there instead, should it be another route, is found by the proof.
                    done=("RouteAlreadyExists",),
                    retry=(
                        "InvalidRouteTableID.NotFound",
                        "InvalidGatewayID.NotFound",
                        "InvalidNatGatewayID.NotFound",
                        "InvalidVpcEndpointId.NotFound",
                        "InvalidVpcPeeringConnectionID.NotFound",
                        "InvalidInstanceID.NotFound",
                        "InvalidPrefixListID.NotFound",
                    ),
                    undo=Request(
                        "ec2.DeleteRoute",
                        own | destination,
                        done=("InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"),
                    ),
                )
            )
        for gateway in it.facts.propagating_gateways:
            both = own | {"GatewayId": gateway}
            requests.append(
                Request("ec2.EnableVgwRoutePropagation", both, undo=Request("ec2.DisableVgwRoutePropagation", both))
            )
        return requests


class Associate(Action[RouteTableFacts]):
    """Subnets (and gateways) that name this table. Those of the main table are there by themselves."""

    name = "associate"
    title = "Associate the subnets with the route table"
    sets = frozenset({"subnet_ids", "gateway_ids"})

    def applies(self, it: It[RouteTableFacts]) -> bool:
        return not it.facts.in_default_vpc and bool(it.facts.subnet_ids or it.facts.gateway_ids)

    def requests(self, it: It[RouteTableFacts], place: Place) -> Sequence[Request]:
        members = [{"SubnetId": subnet_id} for subnet_id in it.facts.subnet_ids]
        members += [{"GatewayId": gateway_id} for gateway_id in it.facts.gateway_ids]
        return [
            # Associating twice gives the same association again (measured with moto 5.2.5; unverified against AWS).
            Request(
                "ec2.AssociateRouteTable",
                {"RouteTableId": OWN} | member,
                outputs={f"association_{number}": "AssociationId"},
                retry=("InvalidRouteTableID.NotFound", "InvalidSubnetID.NotFound"),
                undo=Request(
                    "ec2.DisassociateRouteTable",
                    {"AssociationId": after("associate", f"association_{number}")},
                    done=("InvalidAssociationID.NotFound",),
                ),
            )
            for number, member in enumerate(members)
        ]


class RouteTable(Kind[RouteTableFacts]):
    """A route table. Main: legacy's stands for the one that the target's VPC has from the start.

    A route that replaced the local one (a middlebox between subnets) is refused by AWS as it stands and shows as a
    difference. Transit gateways, bare network interfaces, local and carrier gateways and Cloud WAN have no kind that
    moves, and a virtual private gateway is made by hand: a route to one names what goes nowhere, and the plan says so
    until a person decides. A route to an instance's interface arrives as one to the instance.
    """

    name = "ec2.route_table"
    title = "Route table"
    facts = RouteTableFacts
    named = False
    reads = frozenset(
        {
            "ec2.DescribeManagedPrefixLists",
            "ec2.DescribeRouteTables",
            "ec2.DescribeVpcPeeringConnections",
            "ec2.DescribeVpcs",
        }
    )
    tagging_types = ("ec2:route-table",)
    volatile = frozenset({"dead_routes"})
    actions = (Create(), AddRoutes(), Associate())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(site.pages("ec2.DescribeRouteTables", "RouteTables", **narrowed("route-table-id", only)))
        defaults = default_vpcs(site) if found else frozenset()
        lists = {table["RouteTableId"]: _lists(table) for table in found}
        own_lists = own_prefix_lists(site, frozenset().union(*lists.values()))
        over = bridges(site, (connection for table in found for connection in _peerings(table)))
        for table in found:
            associations = [one for one in table.get("Associations", ()) if _stands(one)]
            written = [route for route in table.get("Routes", ()) if _is_written(route)]
            written = [route for route in written if route.get("VpcPeeringConnectionId") not in over]
            yield self.found(
                site,
                table["RouteTableId"],
                RouteTableFacts(
                    vpc_id=table["VpcId"],
                    in_default_vpc=table["VpcId"] in defaults,
                    is_main=any(one.get("Main") for one in associations),
                    routes=ordered(_route(route) for route in written if route.get("State") != "blackhole"),
                    dead_routes=ordered(_route(route) for route in written if route.get("State") == "blackhole"),
                    own_prefix_lists=ordered(lists[table["RouteTableId"]] & own_lists),
                    subnet_ids=ordered(one["SubnetId"] for one in associations if one.get("SubnetId")),
                    gateway_ids=ordered(one["GatewayId"] for one in associations if one.get("GatewayId")),
                    propagating_gateways=ordered(one["GatewayId"] for one in table.get("PropagatingVgws", ())),
                ),
                arn=arn_of(site, "route-table", table["RouteTableId"]),
                tags=pair_tags(table.get("Tags")),
            )

    def needs(self, it: It[RouteTableFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeRouteTables RouteTables[]"
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for route in it.facts.routes:
            for name, target in route.items():
                if name in DESTINATIONS or target.startswith(SEEN_IN_CONTENT):
                    continue
                kind = next((kind for start, kind in MADE_BY_KIND.items() if target.startswith(start)), None)
                # Soft: the table itself is made without its routes, and they wait for what they name.
                on = same_place(it, kind, target) if kind else target
                yield Need(on, "routes to", "soft", f"{seen_in}.Routes[].{name}")
        for prefix_list in it.facts.own_prefix_lists:
            on = same_place(it, "ec2.prefix_list", prefix_list)
            yield Need(on, "routes to", "soft", f"{seen_in}.Routes[].DestinationPrefixListId")
        for gateway_id in it.facts.propagating_gateways:
            yield Need(gateway_id, "routes to", "soft", f"{seen_in}.PropagatingVgws[].GatewayId")
        for subnet_id in it.facts.subnet_ids:
            subnet = same_place(it, "ec2.subnet", subnet_id)
            yield Need(subnet, "attached to", "soft", f"{seen_in}.Associations[].SubnetId")

    def names(self, it: It[RouteTableFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "route-table")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RouteTableFacts]) -> dict[str, Json]:
        routed, associated = "routes" in done, "associate" in done
        return facts | {
            "routes": ordered(facts["routes"]) if routed else [],
            "own_prefix_lists": ordered(facts["own_prefix_lists"]) if routed else [],
            "propagating_gateways": ordered(facts["propagating_gateways"]) if routed else [],
            "subnet_ids": ordered(facts["subnet_ids"]) if associated else [],
            "gateway_ids": ordered(facts["gateway_ids"]) if associated else [],
        }


def _stands(association: Mapping[str, Any]) -> bool:
    state = association.get("AssociationState", {}).get("State", "associated")
    return state in ("associated", "associating")


def _lists(table: Mapping[str, Any]) -> frozenset[str]:
    """Prefix lists to which a person wrote a route that lives."""
    written = (one for one in table.get("Routes", ()) if _is_written(one) and one.get("State") != "blackhole")
    return frozenset(one["DestinationPrefixListId"] for one in written if one.get("DestinationPrefixListId"))


def _peerings(table: Mapping[str, Any]) -> Iterator[str]:
    return (str(one["VpcPeeringConnectionId"]) for one in table.get("Routes", ()) if one.get("VpcPeeringConnectionId"))


def _is_written(route: Mapping[str, Any]) -> bool:
    """Whether a person wrote it. An endpoint's route to a prefix list comes and goes with the endpoint."""
    if route.get("GatewayId") == "local" or route.get("Origin") == "EnableVgwRoutePropagation":
        return False
    return not ("DestinationPrefixListId" in route and str(route.get("GatewayId", "")).startswith("vpce-"))


def _route(route: Mapping[str, Any]) -> dict[str, str]:
    """The one destination and the one target, as CreateRoute takes them."""
    destination = next(name for name in DESTINATIONS if route.get(name))
    made = {destination: str(route[destination])}
    target = next((name for name in TARGETS if route.get(name)), None)
    if target is not None:
        # A Gateway Load Balancer's endpoint is read as a gateway and written as an endpoint.
        # Source: ec2.CreateRoute, botocore 1.44.5.
        is_endpoint = target == "GatewayId" and str(route[target]).startswith("vpce-")
        made["VpcEndpointId" if is_endpoint else target] = str(route[target])
    return made
