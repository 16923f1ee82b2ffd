"""One action for each kind of thing and each thing that people do with it: what stands for "can read it" and so on.

The rule: this is the one place where that is said. A kind that is not here is not asked about, and the report says so.

Source: Service Authorization Reference, read 2026-11; a test holds each action against botocore's operations. Where an
action knows no resource, it is asked of `*`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from migrate.values import Json

Level = Literal["read", "write", "delete"]
LEVELS: tuple[Level, ...] = ("read", "write", "delete")
BECOMES = "sts:AssumeRole"


class Act(NamedTuple):
    """An action, and what of the thing it is asked of."""

    action: str
    inside: str = ""
    """Added to the ARN: an object of a bucket."""
    of_all: bool = False
    """It knows no resource: asked of `*`."""


class Acts(NamedTuple):
    """What stands for reading, changing and deleting one kind."""

    read: Act
    write: Act
    delete: Act
    policy: str = ""
    """The fact that holds the resource's own policy; empty: AWS has none for it, or the scan does not hold it."""

    def at(self, level: Level) -> Act:
        """The one of a level."""
        found: Act = getattr(self, level)
        return found


def _acts(service: str, read: str, write: str, delete: str, *, policy: str = "", inside: str = "") -> Acts:
    made = []
    for text in (read, write, delete):
        name, _, of_all = text.partition("@")
        made.append(Act(f"{service}:{name}", "" if of_all else inside, bool(of_all)))
    return Acts(made[0], made[1], made[2], policy)


ACTS: Mapping[str, Acts] = {
    "acm.certificate": _acts("acm", "DescribeCertificate", "UpdateCertificateOptions", "DeleteCertificate"),
    "backup.vault": _acts(
        "backup", "ListRecoveryPointsByBackupVault", "PutBackupVaultAccessPolicy", "DeleteBackupVault"
    ),
    "cloudformation.stack": _acts("cloudformation", "GetTemplate", "UpdateStack", "DeleteStack"),
    "dynamodb.table": _acts("dynamodb", "GetItem", "PutItem", "DeleteTable", policy="policy"),
    "ec2.instance": _acts("ec2", "DescribeInstances@*", "ModifyInstanceAttribute", "TerminateInstances"),
    "ec2.route_table": _acts("ec2", "DescribeRouteTables@*", "CreateRoute", "DeleteRouteTable"),
    "ec2.security_group": _acts(
        "ec2", "DescribeSecurityGroups@*", "AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"
    ),
    "ec2.subnet": _acts("ec2", "DescribeSubnets@*", "ModifySubnetAttribute", "DeleteSubnet"),
    # Whoever may copy a volume reads it.
    "ec2.volume": _acts("ec2", "CreateSnapshot", "AttachVolume", "DeleteVolume"),
    "ec2.vpc": _acts("ec2", "DescribeVpcs@*", "ModifyVpcAttribute", "DeleteVpc"),
    "ecr.repository": _acts("ecr", "BatchGetImage", "PutImage", "DeleteRepository", policy="policy"),
    "ecs.cluster": _acts("ecs", "DescribeClusters", "UpdateCluster", "DeleteCluster"),
    "ecs.service": _acts("ecs", "DescribeServices", "UpdateService", "DeleteService"),
    "efs.file_system": _acts("elasticfilesystem", "ClientMount", "ClientWrite", "DeleteFileSystem", policy="policy"),
    "elasticache.cluster": _acts("elasticache", "DescribeCacheClusters", "ModifyCacheCluster", "DeleteCacheCluster"),
    "elasticache.replication_group": _acts(
        "elasticache", "DescribeReplicationGroups", "ModifyReplicationGroup", "DeleteReplicationGroup"
    ),
    "elasticache.serverless_cache": _acts(
        "elasticache", "DescribeServerlessCaches", "ModifyServerlessCache", "DeleteServerlessCache"
    ),
    "elbv2.load_balancer": _acts(
        "elasticloadbalancing", "DescribeLoadBalancers@*", "ModifyLoadBalancerAttributes", "DeleteLoadBalancer"
    ),
    "elbv2.target_group": _acts(
        "elasticloadbalancing", "DescribeTargetGroups@*", "RegisterTargets", "DeleteTargetGroup"
    ),
    "events.event_bus": _acts("events", "DescribeEventBus", "PutEvents", "DeleteEventBus", policy="policy"),
    "events.rule": _acts("events", "DescribeRule", "PutRule", "DeleteRule"),
    "firehose.delivery_stream": _acts("firehose", "DescribeDeliveryStream", "PutRecord", "DeleteDeliveryStream"),
    "iam.policy": _acts("iam", "GetPolicyVersion", "CreatePolicyVersion", "DeletePolicy"),
    "iam.role": _acts("iam", "GetRole", "PutRolePolicy", "DeleteRole"),
    "iam.user": _acts("iam", "GetUser", "CreateAccessKey", "DeleteUser"),
    "kinesis.stream": _acts("kinesis", "GetRecords", "PutRecord", "DeleteStream", policy="policy"),
    "kms.key": _acts("kms", "Decrypt", "Encrypt", "ScheduleKeyDeletion", policy="policy"),
    "lambda.function": _acts("lambda", "GetFunction", "UpdateFunctionCode", "DeleteFunction", policy="policy"),
    "logs.log_group": _acts("logs", "FilterLogEvents", "PutRetentionPolicy", "DeleteLogGroup"),
    "opensearch.domain": _acts("es", "ESHttpGet", "ESHttpPut", "DeleteDomain", policy="policy"),
    "pipes.pipe": _acts("pipes", "DescribePipe", "UpdatePipe", "DeletePipe"),
    # Rows are read with a password; whoever may change an instance may set one.
    "rds.cluster": _acts("rds", "DescribeDBClusters", "ModifyDBCluster", "DeleteDBCluster"),
    "rds.instance": _acts("rds", "DescribeDBInstances", "ModifyDBInstance", "DeleteDBInstance"),
    "rds.snapshot": _acts("rds", "CopyDBSnapshot", "ModifyDBSnapshotAttribute", "DeleteDBSnapshot"),
    "route53.hosted_zone": _acts("route53", "ListResourceRecordSets", "ChangeResourceRecordSets", "DeleteHostedZone"),
    "route53.public_zone": _acts("route53", "ListResourceRecordSets", "ChangeResourceRecordSets", "DeleteHostedZone"),
    "s3.bucket": _acts("s3", "GetObject", "PutObject", "DeleteObject", policy="policy", inside="/any"),
    "scheduler.schedule": _acts("scheduler", "GetSchedule", "UpdateSchedule", "DeleteSchedule"),
    "secretsmanager.secret": _acts(
        "secretsmanager", "GetSecretValue", "PutSecretValue", "DeleteSecret", policy="resource_policy"
    ),
    "sns.topic": _acts("sns", "Subscribe", "Publish", "DeleteTopic", policy="policy"),
    "sqs.queue": _acts("sqs", "ReceiveMessage", "SendMessage", "DeleteQueue", policy="policy"),
    "ssm.parameter": _acts("ssm", "GetParameter", "PutParameter", "DeleteParameter"),
    "states.state_machine": _acts("states", "DescribeStateMachine", "StartExecution", "DeleteStateMachine"),
    "wafv2.web_acl": _acts("wafv2", "GetWebACL", "UpdateWebACL", "DeleteWebACL"),
}
"""Kind → its actions."""


def policy_of(kind: str, facts: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The resource's own policy; a trust policy for a role, the statements of a function as one document."""
    if kind == "iam.role":
        trust: Mapping[str, Json] = facts["trust"]
        return trust
    named = ACTS[kind].policy
    found = facts.get(named) if named else None
    if isinstance(found, list):
        return {"Version": "2012-10-17", "Statement": list(found)} if found else None
    return found if isinstance(found, Mapping) and found.get("Statement") else None


def is_sensitive(kind: str, facts: Mapping[str, Json]) -> bool:
    """Whether its kind holds credentials, wherever it goes: secrets, keys, parameters that are encrypted."""
    return kind in ("secretsmanager.secret", "kms.key") or (
        kind == "ssm.parameter" and facts.get("type") == "SecureString"
    )
