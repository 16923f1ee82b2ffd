"""What the examples of networked things stand on: a network on both sides, and names that only a look tells."""

from dataclasses import dataclass

from migrate.kinds import every_kind
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import REGION, TwoSides


@dataclass(frozen=True)
class Network:
    """Legacy's ids."""

    vpc: str
    subnets: tuple[str, str]
    group: str


def a_network(world: TwoSides) -> Network:
    """A VPC with two subnets and a security group, on both sides."""
    ec2 = world.client("legacy", "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    needed.moved(world, "ec2.vpc", vpc)
    subnets = [_subnet(world, vpc, zone) for zone in "ab"]
    for subnet in subnets:
        needed.moved(world, "ec2.subnet", subnet)
    group = ec2.create_security_group(GroupName="shop", Description="shop", VpcId=vpc)["GroupId"]
    needed.moved(world, "ec2.security_group", group)
    return Network(vpc, (subnets[0], subnets[1]), group)


def _subnet(world: TwoSides, vpc: str, zone: str) -> str:
    cidr = f"10.8.{ord(zone)}.0/24"
    made = world.client("legacy", "ec2").create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")
    return str(made["Subnet"]["SubnetId"])


def another_subnet(world: TwoSides) -> str:
    """One more subnet of the example's VPC in the target."""
    ec2 = world.client("target", "ec2")
    found = ec2.describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.8.0.0/16"]}])["Vpcs"]
    made = ec2.create_subnet(VpcId=found[0]["VpcId"], CidrBlock="10.8.9.0/24", AvailabilityZone=f"{REGION}c")
    return str(made["Subnet"]["SubnetId"])


def another_group(world: TwoSides) -> str:
    """One more security group in the target."""
    made = world.client("target", "ec2").create_security_group(GroupName="other", Description="other")
    return str(made["GroupId"])


def looked_at(world: TwoSides, kind: str, name: str) -> None:
    """What a look at a moved thing tells is known from now on: to others, once its step is done."""
    world.learn(every_kind()[kind], needed.scanned(world, kind, name))
