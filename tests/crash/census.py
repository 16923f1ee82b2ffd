"""Counts, by plain boto3, what stands in a target under each step's stamp.

The rule: it knows AWS's API and the name of the stamp, and nothing else of the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

STAMP = "migrate:step"
Thing = tuple[str, str]
"""What sort of thing, and the step on its stamp (empty: none)."""


def census(session: Any) -> Counter[Thing]:
    """Everything in this account that a crash could make twice."""
    return Counter([*_ec2(session.client("ec2")), *_tagged(session.client)])


def twice(found: Counter[Thing]) -> list[str]:
    """What stands more than once under one stamp."""
    return sorted(f"{count} × {sort} of {step}" for (sort, step), count in found.items() if step and count > 1)


def _ec2(ec2: Any) -> Iterator[Thing]:
    listings = (
        ("vpc", ec2.describe_vpcs()["Vpcs"]),
        ("subnet", ec2.describe_subnets()["Subnets"]),
        ("address", ec2.describe_addresses()["Addresses"]),
        ("security group", ec2.describe_security_groups()["SecurityGroups"]),
        ("route table", ec2.describe_route_tables()["RouteTables"]),
        ("network acl", ec2.describe_network_acls()["NetworkAcls"]),
        ("internet gateway", ec2.describe_internet_gateways()["InternetGateways"]),
        ("endpoint", [e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"] if e["State"].lower() != "deleted"]),
        ("nat gateway", [n for n in ec2.describe_nat_gateways()["NatGateways"] if n["State"] != "deleted"]),
    )
    for sort, listed in listings:
        yield from ((sort, _step(one.get("Tags", []))) for one in listed)


def _tagged(client: Any) -> Iterator[Thing]:
    kms = client("kms")
    for key in kms.get_paginator("list_keys").paginate().search("Keys[].KeyId"):
        about = kms.describe_key(KeyId=key)["KeyMetadata"]
        if about["KeyManager"] == "CUSTOMER" and about["KeyState"] != "PendingDeletion":
            tags = kms.list_resource_tags(KeyId=key)["Tags"]
            yield "key", _step([{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags])
    rds = client("rds")
    for snapshot in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]:
        yield "snapshot", _step(snapshot.get("TagList", []))
    for instance in rds.describe_db_instances()["DBInstances"]:
        yield "database", _step(instance.get("TagList", []))
    for secret in client("secretsmanager").list_secrets()["SecretList"]:
        yield "secret", _step(secret.get("Tags", []))
    elb = client("elbv2")
    balancers = [one["LoadBalancerArn"] for one in elb.describe_load_balancers()["LoadBalancers"]]
    groups = [one["TargetGroupArn"] for one in elb.describe_target_groups()["TargetGroups"]]
    for arn in balancers + groups:
        yield "balancer", _step(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])
    for listener in (one for arn in balancers for one in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]):
        arn = listener["ListenerArn"]
        for rule in elb.describe_rules(ListenerArn=arn)["Rules"]:
            yield "rule", _step(elb.describe_tags(ResourceArns=[rule["RuleArn"]])["TagDescriptions"][0]["Tags"])
        yield "listener", _step(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])
    aws_lambda = client("lambda")
    for mapping in aws_lambda.list_event_source_mappings()["EventSourceMappings"]:
        # A mapping has no name: two of one source and function are one too many.
        yield "mapping", f"{mapping['EventSourceArn']} {mapping['FunctionArn']}"
    for layer in aws_lambda.list_layers()["Layers"]:
        for _ in aws_lambda.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]:
            yield "layer version", ""
    for topic in client("sns").list_subscriptions()["Subscriptions"]:
        yield "subscription", f"{topic['TopicArn']} {topic['Endpoint']}"
    for arn in client("ecs").list_task_definitions()["taskDefinitionArns"]:
        yield "task definition", arn.rpartition(":")[0]


def _step(tags: list[dict[str, str]]) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == STAMP), "")
