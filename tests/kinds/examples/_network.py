"""The plainest parts of a network, made in legacy and moved: what other parts stand on. Each gives its legacy id."""

from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import REGION, Side, TwoSides

OF_A_VPC = "a part of one VPC stays in it: no call moves it"
BY_AWS = "AWS alone says which VPC is the default one"
AT_CREATION = "EC2 takes it at creation and has no call that changes it"


def a_bare_vpc(world: TwoSides) -> str:
    vpc_id = str(world.client("legacy", "ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
    needed.moved(world, "ec2.vpc", vpc_id)
    return vpc_id


def a_bare_subnet(world: TwoSides, vpc_id: str, number: int = 0) -> str:
    made = world.client("legacy", "ec2").create_subnet(
        VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{'abc'[number]}"
    )
    needed.moved(world, "ec2.subnet", made["Subnet"]["SubnetId"])
    return str(made["Subnet"]["SubnetId"])


def a_bare_gateway(world: TwoSides, vpc_id: str) -> str:
    ec2 = world.client("legacy", "ec2")
    gateway = str(ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"])
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
    needed.moved(world, "ec2.internet_gateway", gateway)
    return gateway


def a_bare_group(world: TwoSides, vpc_id: str, name: str) -> str:
    made = world.client("legacy", "ec2").create_security_group(GroupName=name, Description=name, VpcId=vpc_id)
    needed.moved(world, "ec2.security_group", made["GroupId"])
    return str(made["GroupId"])


def a_prefix_list(world: TwoSides, side: Side = "legacy") -> str:
    """The id of a prefix list of the account's own; in legacy it is moved."""
    made = world.client(side, "ec2").create_managed_prefix_list(
        PrefixListName="office", MaxEntries=1, AddressFamily="IPv4", Entries=[{"Cidr": "192.0.2.0/24"}]
    )
    own = str(made["PrefixList"]["PrefixListId"])
    if side == "legacy":
        needed.moved(world, "ec2.prefix_list", own)
    return own
