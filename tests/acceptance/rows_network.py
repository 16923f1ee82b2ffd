"""The network that a database of a story lies in: one VPC of the development environment, two subnets, a group."""

from typing import Any

import boto3


def rows_network(session: boto3.Session) -> str:
    """Build it, with the subnet group `rows`; return the id of the security group."""
    ec2, rds = session.client("ec2"), session.client("rds")

    def tags(kind: str) -> Any:
        return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": "rows"}, {"Key": "env", "Value": "dev"}]}]

    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags("vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.1.{at}.0/24", AvailabilityZone=f"eu-west-1{'ab'[at]}",
            TagSpecifications=tags("subnet"),
        )["Subnet"]["SubnetId"]
        for at in range(2)
    ]  # fmt: skip
    group = ec2.create_security_group(
        GroupName="rows", Description="rows", VpcId=vpc, TagSpecifications=tags("security-group")
    )["GroupId"]
    rds.create_db_subnet_group(DBSubnetGroupName="rows", DBSubnetGroupDescription="rows", SubnetIds=subnets)
    return str(group)
