"""The starter set of service control policies, written as code. The rule: each says what it stops and what it spares.

An SCP allows nothing and does not touch the management account. Roles of `guard_rails.exempt_roles` are spared until
the last section of the runbook, where each rail is sent once more without them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from migrate.files import canonical
from migrate.values import Json

MOST_BYTES = 5120
"""Largest SCP, without white space. Source: Organizations User Guide, "Quotas for AWS Organizations"."""
MOST_ON_A_TARGET = 5
"""SCPs on one root, unit or account, `FullAWSAccess` among them. Source: the same page."""

GLOBAL_SERVICES = (
    "account:*", "artifact:*", "aws-portal:*", "billing:*", "budgets:*", "ce:*", "chatbot:*", "cloudfront:*", "cur:*",
    "directconnect:*", "ec2:DescribeRegions", "fms:*", "globalaccelerator:*", "health:*", "iam:*", "identitystore:*",
    "importexport:*", "kms:*", "networkmanager:*", "organizations:*", "pricing:*", "route53:*", "route53domains:*",
    "route53-recovery-control-config:*", "route53-recovery-readiness:*", "s3:GetAccountPublic*",
    "s3:GetBucketLocation", "s3:ListAllMyBuckets", "s3:PutAccountPublic*", "shield:*", "sso:*", "sts:*", "support:*",
    "trustedadvisor:*", "waf:*", "waf-regional:*", "wafv2:*",
)  # fmt: skip
"""What has no region or is asked in us-east-1. Source: Organizations User Guide, service control policy examples, "Deny
access to AWS based on the requested AWS Region"; abridged."""


_AT = re.compile(r"@(root$|unit:.*|account:.*)", re.S)


@dataclass(frozen=True)
class Setting:
    """What the rails are made with."""

    regions: tuple[str, ...]
    exempt_roles: tuple[str, ...]
    """Spared while the migration goes on."""
    always_exempt_roles: tuple[str, ...] = ()

    def when_over(self) -> "Setting":
        """The same when the migration is over."""
        return replace(self, exempt_roles=())

    def spared(self, *more: Mapping[str, Json]) -> dict[str, Json]:
        """The condition of a statement: everyone but the exempt roles, and what else is said."""
        condition: dict[str, Json] = {}
        for one in more:
            condition |= one
        roles = dict.fromkeys((*self.exempt_roles, *self.always_exempt_roles))
        if roles:
            arns = [f"arn:aws:iam::*:role/{name}" for name in roles]
            condition["ArnNotLike"] = {"aws:PrincipalArn": arns}
        return {"Condition": condition} if condition else {}


@dataclass(frozen=True)
class Rail:
    """One policy of the set."""

    title: str
    statements: Callable[[Setting], Sequence[dict[str, Json]]]

    def document(self, setting: Setting) -> dict[str, Json]:
        """The policy document."""
        return {"Version": "2012-10-17", "Statement": list(self.statements(setting))}


def size_bytes(document: Json) -> int:
    """The size that AWS counts: as it is sent, without white space between elements."""
    return len(canonical(document))


def _deny(sid: str, actions: Sequence[str], condition: Mapping[str, Json], resource: Json = "*") -> dict[str, Json]:
    return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": resource, **condition}


def _protect_organisation(setting: Setting) -> list[dict[str, Json]]:
    root = {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:root"]}}
    return [
        _deny("NobodyLeaves", ["organizations:LeaveOrganization"], {}),
        # Root sessions that the management account opens for one task are let through: they are how it cleans up.
        # Source: github.com/aws-samples/service-control-policy-examples, "Prevent root credentials management".
        _deny("NobodyIsRoot", ["*"], {"Condition": root | {"Null": {"aws:AssumedRoot": "true"}}}),
    ]


def _allowed_regions(setting: Setting) -> list[dict[str, Json]]:
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": list(setting.regions)}}
    return [
        {
            "Sid": "OnlyTheseRegions", "Effect": "Deny", "NotAction": list(GLOBAL_SERVICES), "Resource": "*",
            **setting.spared(elsewhere),
        }
    ]  # fmt: skip


def _protect_audit(setting: Setting) -> list[dict[str, Json]]:
    actions = [
        "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
        "config:DeleteConfigurationRecorder", "config:DeleteDeliveryChannel", "config:StopConfigurationRecorder",
        "guardduty:DeleteDetector", "guardduty:DisassociateFromAdministratorAccount", "guardduty:UpdateDetector",
        "access-analyzer:DeleteAnalyzer", "securityhub:DisableSecurityHub",
    ]  # fmt: skip
    public = ["s3:PutAccountPublicAccessBlock"]
    return [
        _deny("NobodySwitchesAuditOff", actions, setting.spared()),
        _deny("NobodyOpensStorage", public, setting.spared()),
    ]


def _no_iam_users(setting: Setting) -> list[dict[str, Json]]:
    actions = ["iam:CreateUser", "iam:CreateAccessKey", "iam:CreateLoginProfile"]
    return [_deny("PeopleComeThroughIdentityCenter", actions, setting.spared())]


def _sandbox(setting: Setting) -> list[dict[str, Json]]:
    large = {"StringNotLike": {"ec2:InstanceType": ["t2.*", "t3.*", "t3a.*", "t4g.*", "*.large", "*.medium"]}}
    databases = {"StringNotLike": {"rds:DatabaseClass": ["db.t3.*", "db.t4g.*"]}}
    bought = [
        "aws-marketplace:Subscribe", "ec2:PurchaseReservedInstancesOffering", "rds:PurchaseReservedDBInstancesOffering",
        "savingsplans:CreateSavingsPlan", "route53domains:RegisterDomain", "ec2:ModifyReservedInstances",
    ]  # fmt: skip
    ways = [
        "ec2:AcceptVpcPeeringConnection", "ec2:CreateVpcPeeringConnection", "ec2:CreateTransitGateway",
        "ec2:CreateTransitGatewayVpcAttachment", "directconnect:*", "ec2:CreateVpnConnection",
    ]  # fmt: skip
    services = ["redshift:*", "es:*", "aoss:*", "sagemaker:CreateTrainingJob", "elasticmapreduce:*", "kafka:*"]
    return [
        _deny("OnlySmallInstances", ["ec2:RunInstances"], setting.spared(large), "arn:aws:ec2:*:*:instance/*"),
        _deny("OnlySmallDatabases", ["rds:CreateDBInstance"], setting.spared(databases), "arn:aws:rds:*:*:db:*"),
        _deny("NobodyBuysAhead", bought, setting.spared()),
        _deny("NoWayToOtherNetworks", ways, setting.spared()),
        _deny("NoDearServices", services, setting.spared()),
    ]


def _sensitive_data(setting: Setting) -> list[dict[str, Json]]:
    ways = ["ec2:AttachInternetGateway", "ec2:CreateInternetGateway", "ec2:CreateEgressOnlyInternetGateway",
            "ec2:CreateVpcPeeringConnection", "ec2:AcceptVpcPeeringConnection"]  # fmt: skip
    copies = ["s3:PutReplicationConfiguration", "ram:CreateResourceShare", "ec2:ModifySnapshotAttribute",
              "rds:ModifyDBSnapshotAttribute", "rds:ModifyDBClusterSnapshotAttribute"]  # fmt: skip
    public = ["s3:PutBucketPublicAccessBlock", "s3:PutAccountPublicAccessBlock", "s3:PutBucketAcl", "s3:PutObjectAcl"]
    # Null: what is written without saying how is encrypted with the bucket's default; only another algorithm is denied.
    plain = {
        "StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
        "Null": {"s3:x-amz-server-side-encryption": "false"},
    }
    return [
        _deny("NoWayToTheInternet", ways, setting.spared()),
        _deny("NoCopiesElsewhere", copies, setting.spared()),
        _deny("NothingIsPublic", public, setting.spared()),
        _deny("OnlyUnderKeys", ["s3:PutObject"], setting.spared(plain)),
    ]


def _machine_identities(setting: Setting) -> list[dict[str, Json]]:
    kept = ["iam:*", "sts:*", "cloudtrail:LookupEvents", "access-analyzer:*", "support:*", "health:*", "ce:Get*",
            "account:Get*", "organizations:Describe*", "sso:*", "cloudwatch:*", "logs:*"]  # fmt: skip
    return [
        {"Sid": "OnlyIdentitiesLiveHere", "Effect": "Deny", "NotAction": kept, "Resource": "*", **setting.spared()},
        _deny("NoPasswords", ["iam:CreateLoginProfile", "iam:UpdateLoginProfile"], setting.spared()),
    ]


def _deny_create(setting: Setting) -> list[dict[str, Json]]:
    actions = ["ec2:RunInstances", "ec2:CreateNatGateway", "ec2:CreateVolume", "ecs:CreateService", "ecs:RunTask",
               "eks:Create*", "elasticache:Create*", "elasticloadbalancing:CreateLoadBalancer", "es:Create*",
               "lambda:CreateFunction", "rds:Create*", "rds:Restore*", "rds:Start*", "redshift:Create*",
               "sagemaker:Create*", "dynamodb:CreateTable", "ec2:StartInstances", "kinesis:Create*"]  # fmt: skip
    return [_deny("NothingNewUntilTheMonthIsOver", actions, setting.spared())]


STARTER: Mapping[str, Rail] = {
    "protect-organisation": Rail("nobody leaves the organisation or works as root", _protect_organisation),
    "allowed-regions": Rail("only the regions in use", _allowed_regions),
    "protect-audit": Rail("nobody switches trails, detectors and the block of public storage off", _protect_audit),
    "no-iam-users": Rail("people and machines come through roles, not through new IAM users", _no_iam_users),
    "sandbox": Rail("small machines only, nothing bought ahead, no way to other networks", _sandbox),
    "sensitive-data": Rail("no way out for data: no internet, no copies elsewhere, nothing public", _sensitive_data),
    "machine-identities": Rail("identities for machines and nothing else", _machine_identities),
    "deny-create": Rail("nothing new that costs: what a budget puts on an account", _deny_create),
}


def apart(attachment: str) -> tuple[str, str]:
    """The name of an attachment as rail and target: `<rail>@root`, `@unit:<path>` or `@account:<address>`.

    A rail's name may hold an @ of its own.
    """
    found = _AT.search(attachment)
    return (attachment, "") if found is None else (attachment[: found.start()], found[1])


def known(own: Mapping[str, Json]) -> list[str]:
    """The names that may stand under `guard_rails`."""
    return sorted({*STARTER, *own})


def document(name: str, own: Mapping[str, Json], setting: Setting) -> dict[str, Json]:
    """The document of a rail, one's own before the starter set's. Raises KeyError."""
    return dict(own[name]) if name in own else STARTER[name].document(setting)


def title(name: str, own: Mapping[str, Json]) -> str:
    """What it is for, as the policy's description."""
    return "guard rail of migration.yaml" if name in own else STARTER[name].title
