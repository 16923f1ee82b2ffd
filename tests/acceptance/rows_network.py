"""What the stories of databases share: the network (one VPC, two subnets, a group), and a person's way in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import psycopg

from migrate.demo.world import World


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


def connected(world: World, endpoint: Callable[[], tuple[str, int]]) -> Any:
    """A connection from where a person's tunnel ends. `endpoint` raises LookupError while there is none."""
    until = time.monotonic() + 30
    while True:
        try:
            host, port = world.tunnel(*endpoint())
            return psycopg.connect(host=host, port=port, dbname="shop", user="shop", password="password-1")
        except (LookupError, psycopg.OperationalError):
            assert time.monotonic() < until, "no tunnel to the database"
            time.sleep(0.2)
