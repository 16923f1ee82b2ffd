"""What the roles of a migration must be allowed: for a scan, and for one plan, account by account.

The rule: nothing stands in a policy that the scan, or the plan with its proofs and its way back, does not send. What
AWS checks besides (dependent actions) is not all known here: a call that is denied names the action that it missed.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from migrate.databases import LOGIN_READS
from migrate.kind import CarryAction, Kind
from migrate.names import AccountId
from migrate.plan import Plan
from migrate.policy_evaluation.actions import of_operation
from migrate.reachability.network import KINDS as NETWORK
from migrate.steps import PlannedRequest
from migrate.values import Json

MANAGED, INLINE, ATTACHED = 6_144, 10_240, 10
"""Characters that a managed policy, and a role's inline policies, may have, white space not counted; managed
policies on a role by default. Source: IAM User Guide, "IAM and AWS STS quotas"; unverified against the live page."""

_TAGGING = {
    "acm": ("AddTagsToCertificate",), "apigateway": ("POST", "PUT"), "application-autoscaling": ("TagResource",),
    "autoscaling": ("CreateOrUpdateTags",), "cloudwatch": ("TagResource",), "dynamodb": ("TagResource",),
    "ec2": ("CreateTags",), "ecr": ("TagResource",), "ecs": ("TagResource",), "elasticfilesystem": ("TagResource",),
    "elasticloadbalancing": ("AddTags",), "events": ("TagResource",), "firehose": ("TagDeliveryStream",),
    "iam": ("TagInstanceProfile", "TagOpenIDConnectProvider", "TagPolicy", "TagRole", "TagSAMLProvider"),
    "kinesis": ("AddTagsToStream", "TagResource"), "kms": ("TagResource",), "lambda": ("TagResource",),
    "logs": ("TagLogGroup", "TagResource"), "pipes": ("TagResource",), "rds": ("AddTagsToResource",),
    "s3": ("PutBucketTagging",), "scheduler": ("TagResource",), "secretsmanager": ("TagResource",),
    "servicediscovery": ("TagResource",), "sns": ("TagResource",), "sqs": ("TagQueue",), "ssm": ("AddTagsToResource",),
    "states": ("TagResource",), "wafv2": ("TagResource",),
}  # fmt: skip
"""What a creating call with tags is checked for besides. Source: Service Authorization Reference, dependent actions of
each creating action, read 2026-11 for ec2, rds, iam and lambda; the others unverified."""

_LINKED = {
    "application-autoscaling": "*.application-autoscaling.amazonaws.com", "autoscaling": "autoscaling.amazonaws.com",
    "ecs": "ecs.amazonaws.com", "elasticloadbalancing": "elasticloadbalancing.amazonaws.com",
    "rds": "rds.amazonaws.com",
}  # fmt: skip
"""Services that make a role of their own in a new account, with the caller's right. Source: IAM User Guide, services
that work with IAM, "service-linked roles"; read 2026-11, unverified against the live page."""

_KEYS = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
         "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo")  # fmt: skip
"""What a store under a key of the company asks with the caller's right. Source: guides of RDS, S3 and Secrets Manager,
"key policy" sections; unverified which of them each call needs."""

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/.+")
_ALIASES = "iam.ListAccountAliases"
"""Who one is: asked in each account before anything else."""
_TAGS = frozenset({"Tags", "TagList", "TagSet", "TagSpecifications", "tags"})


class Needed:
    """What one account's role must be allowed."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.passed: set[str] = set()
        """ARNs of roles that are handed to services."""
        self.has_data = False

    def documents(self) -> list[dict[str, Json]]:
        """Policies of at most `MANAGED` characters each, together all that is needed."""
        statements = [
            *_statements("MigrateReads", self.reads, "*"),
            *_statements("MigrateWrites", self.writes - self.reads, "*"),
        ]
        for arns in _packed(sorted(self.passed)):
            statements.append(_statement("MigratePassesRoles", ["iam:PassRole"], arns))
        if self.has_data:
            statements.append(_statement("MigrateUsesKeys", sorted(_KEYS), "*"))
        linked = sorted({_LINKED[service] for action in self.writes if (service := action.split(":")[0]) in _LINKED})
        if linked:
            own = _statement("MigrateServiceLinkedRoles", ["iam:CreateServiceLinkedRole"], "*")
            statements.append(own | {"Condition": {"StringLike": {"iam:AWSServiceName": linked}}})
        return _documents(statements)


def of_operations(sid: str, operations: Iterable[str]) -> dict[str, Json]:
    """One policy that allows these operations and nothing else, whatever its size."""
    return _document([_statement(sid, sorted(_actions(operations)), "*")])


def of_run(plan: Plan, kinds: Mapping[str, Kind[Any]]) -> dict[AccountId, Needed]:
    """What `run`, `verify` and `rollback` of a plan need in each account, legacy included.

    In legacy the scan's policy comes on top: a run first looks whether legacy is still what the plan was made from.
    """
    needed: dict[AccountId, Needed] = defaultdict(Needed)
    looks = {name: _actions({*kinds[name].reads, _ALIASES}) for name in {one.ref.kind for one in plan.steps.values()}}
    # verify looks for parts of what moved that nobody planned.
    parts: dict[str, set[str]] = defaultdict(set)
    for kind in kinds.values():
        for whole in kind.part_of:
            parts[whole] |= _actions(kind.reads)
    for step in plan.steps.values():
        kind = kinds[step.ref.kind]
        action = kind.action(step.action)
        here, legacy = needed[step.account], needed[step.ref.account]
        here.reads |= parts.get(kind.name, set())
        for side in (here, legacy):
            side.reads |= looks[kind.name]
        for request in step.requests:
            _request(request, kind, needed)
        if isinstance(action, CarryAction):
            for side, writes in ((here, action.writes), (legacy, action.writes_in_legacy)):
                side.reads |= _actions(action.reads)
                side.writes |= _actions(writes)
                side.has_data = True
            for side in (here, legacy) if step.ref.kind.startswith("rds.") else ():
                side.reads |= _actions(LOGIN_READS)
        if step.ref.kind.startswith("rds."):
            here.has_data = legacy.has_data = True
    # verify walks a target's whole network, whoever made its parts.
    for account in {step.account for step in plan.steps.values() if step.ref.kind in NETWORK}:
        for name in kinds.keys() & set(NETWORK):
            needed[account].reads |= _actions(kinds[name].reads)
    for account, own in list(needed.items()):
        if account != plan.legacy and any(action.startswith("kms:") for action in own.writes):
            own.has_data = needed[plan.legacy].has_data = True
    return dict(needed)


def size(document: Json) -> int:
    """Characters of a policy as IAM counts them: without white space."""
    return len(json.dumps(document, separators=(",", ":")))


def _request(request: PlannedRequest, kind: Kind[Any], needed: dict[AccountId, Needed]) -> None:
    own = needed[request.account]
    is_look = request.operation in kind.reads
    actions = _actions([request.operation])
    (own.reads if is_look else own.writes).update(actions)
    if request.wait is not None:
        own.reads |= _actions([request.wait.operation])
    if request.find is not None:
        own.reads |= _actions([request.find.operation])
    if request.params.get("ObjectLockEnabledForBucket"):
        # The undo deletes our own copies that legacy's retention came with. Source: s3.DeleteObject, botocore 1.44.5.
        own.writes.add("s3:BypassGovernanceRetention")
    if not is_look:
        service = next(iter(sorted(actions))).split(":")[0]
        if _TAGS & request.params.keys():
            own.writes |= {f"{service}:{name}" for name in _TAGGING.get(service, ())}
        own.passed |= set(_roles(request))
    if request.undo is not None:
        _request(request.undo, kind, needed)


def _actions(operations: Iterable[str]) -> set[str]:
    # What is said to a database is no call of AWS.
    return {action for one in operations if not one.startswith("postgresql.") for action in of_operation(one)}


def _roles(request: PlannedRequest) -> Iterator[str]:
    """Roles of the account itself that the request hands to a service. A policy's document hands over nothing."""
    if request.operation == "iam.AddRoleToInstanceProfile":
        # Its path does not stand in the request.
        yield f"arn:aws:iam::{request.account}:role/{request.params['RoleName']}"
        yield f"arn:aws:iam::{request.account}:role/*/{request.params['RoleName']}"
    if request.operation.startswith("iam."):
        return
    left: list[Json] = [request.params]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += [part for key, part in item.items() if key != "$json"]
        elif isinstance(item, (list, tuple)):
            left += item
        elif isinstance(item, str) and (role := _ROLE.fullmatch(item)) and role[1] == request.account:
            yield item


def _statement(sid: str, actions: list[str], resources: Json) -> dict[str, Json]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _statements(sid: str, actions: Iterable[str], resources: str) -> list[dict[str, Json]]:
    return [_statement(sid, part, resources) for part in _packed(sorted(actions))]


def _packed(texts: list[str]) -> Iterator[list[str]]:
    """The texts in lists that fit into a policy with the rest of their statement."""
    part: list[str] = []
    room = MANAGED - 300
    for text in texts:
        room -= len(text) + 3
        if room < 0:
            yield part
            part, room = [], MANAGED - 300 - len(text) - 3
        part.append(text)
    if part:
        yield part


def _documents(statements: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """The statements in as few documents as first come, first served makes of them."""
    documents: list[list[dict[str, Json]]] = []
    for statement in statements:
        for there in documents:
            if size(_document([*there, statement])) <= MANAGED:
                there.append(statement)
                break
        else:
            documents.append([statement])
    return [_document(_named_apart(those)) for those in documents]


def _named_apart(statements: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Sids are unique in a policy."""
    return [statement | {"Sid": f"{statement['Sid']}{number}"} for number, statement in enumerate(statements, start=1)]


def _document(statements: list[dict[str, Json]]) -> dict[str, Json]:
    return {"Version": "2012-10-17", "Statement": statements}
