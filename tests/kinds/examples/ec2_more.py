"""What else is in a network: a prefix list, an egress-only gateway, a flow log, a peering of two VPCs."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

FORMAT = "${version} ${vpc-id} ${srcaddr} ${dstaddr} ${action}"


def a_vpc(world: TwoSides, cidr: str = "10.0.0.0/16") -> str:
    vpc = str(world.client("legacy", "ec2").create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"])
    needed.moved(world, "ec2.vpc", vpc)
    return vpc


def a_prefix_list(world: TwoSides) -> Resource:
    made = world.client("legacy", "ec2").create_managed_prefix_list(
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=7,
        Entries=[{"Cidr": "10.9.0.0/16", "Description": "north"}, {"Cidr": "10.8.0.0/16"}],
        TagSpecifications=needed.ec2_tagged("prefix-list"),
    )
    return needed.scanned(world, "ec2.prefix_list", made["PrefixList"]["PrefixListId"])


def listed(**change: Any) -> Change:
    def apply(world: TwoSides, it: Resource) -> None:
        ec2 = world.client("target", "ec2")
        shown = ec2.describe_managed_prefix_lists(PrefixListIds=[it.ref.name])["PrefixLists"][0]
        # moto 5.2.5 takes the name away where it is not said.
        said = {"PrefixListName": shown["PrefixListName"], "CurrentVersion": shown["Version"]} | change
        ec2.modify_managed_prefix_list(PrefixListId=it.ref.name, **said)

    return apply


def an_egress_gateway(world: TwoSides) -> Resource:
    made = world.client("legacy", "ec2").create_egress_only_internet_gateway(
        VpcId=a_vpc(world), TagSpecifications=needed.ec2_tagged("egress-only-internet-gateway")
    )["EgressOnlyInternetGateway"]
    return needed.scanned(world, "ec2.egress_only_internet_gateway", made["EgressOnlyInternetGatewayId"])


def a_flow_log(world: TwoSides) -> Resource:
    role = needed.a_role(world, "flow", "vpc-flow-logs.amazonaws.com")
    world.client("legacy", "logs").create_log_group(logGroupName="traffic")
    needed.moved(world, "logs.log_group", "traffic")
    made = world.client("legacy", "ec2").create_flow_logs(
        ResourceIds=[a_vpc(world)],
        ResourceType="VPC",
        TrafficType="REJECT",
        LogDestination=f"arn:aws:logs:{REGION}:{LEGACY}:log-group:traffic:*",
        DeliverLogsPermissionArn=role,
        LogFormat=FORMAT,
        MaxAggregationInterval=60,
        TagSpecifications=needed.ec2_tagged("vpc-flow-log"),
    )
    return needed.scanned(world, "ec2.flow_log", made["FlowLogIds"][0])


def a_peering(world: TwoSides) -> Resource:
    ec2 = world.client("legacy", "ec2")
    made = ec2.create_vpc_peering_connection(
        VpcId=a_vpc(world),
        PeerVpcId=a_vpc(world, "10.1.0.0/16"),
        TagSpecifications=needed.ec2_tagged("vpc-peering-connection"),
    )["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    both = {"AllowDnsResolutionFromRemoteVpc": True}
    ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=made, RequesterPeeringConnectionOptions=both, AccepterPeeringConnectionOptions=both
    )
    return needed.scanned(world, "ec2.vpc_peering_connection", made)


def resolves(**sides: bool) -> Change:
    said = {side: {"AllowDnsResolutionFromRemoteVpc": value} for side, value in sides.items()}
    return needed.changed("ec2", "modify_vpc_peering_connection_options", "VpcPeeringConnectionId", **said)


EXAMPLES = (
    Example(
        "ec2.vpc_peering_connection",
        a_peering,
        {
            "requester_resolves": resolves(RequesterPeeringConnectionOptions=False),
            "accepter_resolves": resolves(AccepterPeeringConnectionOptions=False),
            "tags": needed.retagged,
        },
        fixed={
            "requester_vpc": "AWS takes it at creation only",
            "accepter_vpc": "AWS takes it at creation only",
        },
    ),
    Example(
        "ec2.prefix_list",
        a_prefix_list,
        {
            "list_name": listed(PrefixListName="offices-renamed"),
            "entries": listed(AddEntries=[{"Cidr": "10.7.0.0/16"}]),
            "tags": needed.retagged,
        },
        fixed={
            "address_family": "AWS takes it at creation only",
            "max_entries": "moto 5.2.5 answers a resize and does not do it",
        },
    ),
    Example(
        "ec2.egress_only_internet_gateway",
        an_egress_gateway,
        {"tags": needed.retagged},
        fixed={
            "vpc_id": "AWS takes it at creation only",
            "in_default_vpc": "a gateway stays in its VPC for ever",
        },
    ),
    Example(
        "ec2.flow_log",
        a_flow_log,
        {"tags": needed.retagged},
        fixed=dict.fromkeys(
            (
                "resource_id", "traffic_type", "destination_type", "destination", "role_arn", "cross_account_role_arn",
                "log_format", "max_aggregation_interval_s", "options",
            ),
            "AWS has no call that changes a flow log",
        )
        | {"in_default_vpc": "a VPC does not become the default one"},
    ),
)  # fmt: skip
