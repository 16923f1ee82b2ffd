"""What AWS takes as a name: checked before anything is sent, because a plan that AWS will refuse is no plan.

The rule: data with its source. A kind that is not here has no rule that a new name could break: names stay as they
are in legacy unless `buckets` or `renames` of migration.yaml says otherwise.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True, slots=True)
class NameRule:
    """The names that one kind may have."""

    pattern: str
    """The whole name matches it."""
    words: str
    """The same for people."""
    never: str = ""
    """No part of the name matches it."""


# Sources: the patterns and lengths of botocore 1.44.5's models, named at each; what no model holds is of the guide.
_DATABASE = NameRule(
    r"[A-Za-z](?!.*--)[A-Za-z0-9-]{0,62}(?<!-)",
    "up to 63 letters, digits and single hyphens, a letter first, no hyphen last",
)
NAME_RULES: Mapping[str, NameRule] = {
    # S3 User Guide, "General purpose bucket naming rules".
    "s3.bucket": NameRule(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
        r"\.\.|^xn--|^sthree-|^amzn-s3-demo-|-s3alias$|--ol-s3$|\.mrap$|--x-s3$|^[0-9]+(?:\.[0-9]+){3}$",
    ),
    # elbv2.CreateLoadBalancer Name, elbv2.CreateTargetGroup Name (documentation of the members).
    "elbv2.load_balancer": NameRule(
        r"(?!-|internal-)[A-Za-z0-9-]{1,32}(?<!-)", "up to 32 letters, digits and hyphens, none at an end"
    ),
    "elbv2.target_group": NameRule(
        r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)", "up to 32 letters, digits and hyphens, none at an end"
    ),
    # sqs.CreateQueue QueueName, sns.CreateTopic Name (documentation of the members).
    "sqs.queue": NameRule(r"[A-Za-z0-9_-]{1,75}\.fifo|[A-Za-z0-9_-]{1,80}", "up to 80 letters, digits, - and _"),
    "sns.topic": NameRule(r"[A-Za-z0-9_-]{1,251}\.fifo|[A-Za-z0-9_-]{1,256}", "up to 256 letters, digits, - and _"),
    # iam.CreateRole RoleName, iam.CreatePolicy PolicyName, iam.CreateInstanceProfile InstanceProfileName.
    "iam.role": NameRule(r"[\w+=,.@-]{1,64}", "up to 64 letters, digits and +=,.@_-"),
    "iam.policy": NameRule(r"[\w+=,.@-]{1,128}", "up to 128 letters, digits and +=,.@_-"),
    "iam.instance_profile": NameRule(r"[\w+=,.@-]{1,128}", "up to 128 letters, digits and +=,.@_-"),
    # lambda.CreateFunction FunctionName: 64 characters where it is a name alone (documentation of the member).
    "lambda.function": NameRule(r"[A-Za-z0-9_-]{1,64}", "up to 64 letters, digits, - and _"),
    # rds.CreateDBInstance DBInstanceIdentifier, rds.CreateDBCluster DBClusterIdentifier (documentation of the members).
    "rds.instance": _DATABASE,
    "rds.cluster": _DATABASE,
    # ecr.CreateRepository repositoryName pattern and length.
    "ecr.repository": NameRule(
        r"(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
        "2 to 256 lower-case letters and digits with single . _ - / between them",
    ),
    # ecs.CreateCluster clusterName (documentation of the member), dynamodb.CreateTable TableName.
    "ecs.cluster": NameRule(r"[A-Za-z0-9_-]{1,255}", "up to 255 letters, digits, - and _"),
    "dynamodb.table": NameRule(r"[A-Za-z0-9_.-]{3,255}", "3 to 255 letters, digits, . - and _"),
}


def unpeerable(here: Iterable[IPv4Network], there: Iterable[IPv4Network]) -> list[tuple[IPv4Network, IPv4Network]]:
    """The blocks for which AWS would not peer two VPCs: any one that overlaps is enough. The request itself is taken,
    and the connection's status is `failed`. Source: ec2.CreateVpcPeeringConnection, botocore 1.44.5; that each of
    several blocks counts: VPC peering guide, "VPC peering limitations", read 2026-11."""
    others = list(there)
    return [(one, other) for one in here for other in others if one.overlaps(other)]


def unfit(kind: str, name: str) -> str:
    """Why AWS would refuse a resource of this kind under this name; empty where nothing is known against it."""
    rule = NAME_RULES.get(kind)
    if rule is None:
        return ""
    if not re.fullmatch(rule.pattern, name, re.ASCII):
        return f"{name!r} ({len(name)} characters) is no name for it: {rule.words}"
    if rule.never and (found := re.search(rule.never, name)):
        return f"{name!r} is no name for it: AWS keeps {found.group()!r} for itself"
    return ""
