"""What becomes of each action in a copy of a shape: done, left out with the reason, or not known and so refused.

The rule: what nobody decided is refused. An action that carries bytes, or that comes after the freeze, has to stand in
a table here before a copy does it: silence would carry data.
"""

from typing import Any, Literal

from migrate.kind import Action, CarryAction, Kind

Fate = Literal["made", "left out", "refused"]

MADE = frozenset(
    {
        # What carries settings or software, and reads nothing that people wrote into a store.
        "apigatewayv2.api.configure", "ec2.network_acl.associate", "ec2.subnet.ipv6", "ecr.repository.copy_images",
        "efs.file_system.mount", "elasticache.cluster.create", "elasticache.replication_group.create",
        "elasticache.serverless_cache.create", "lambda.alias.weigh",
        "lambda.function.create", "lambda.layer.create", "lambda.url.create", "opensearch.domain.create",
        # What comes at the cut-over of a migration, and here reacts to the copy's own content alone.
        "dynamodb.table.finish", "dynamodb.table.stream", "s3.bucket.finish", "sns.subscription.create",
    }
)  # fmt: skip

_EMPTY = "it is made empty"
_OFF = "it is made and stays off: what acts by itself, or takes events, would act a second time"

LEFT_OUT = {
    "applicationautoscaling.target.start": "its scaling stays suspended: the services stand still",
    "autoscaling.group.protect": "it has no instances",
    "autoscaling.group.start": "it is made without instances",
    "cloudwatch.alarm.start": "its actions stay off: a copy that stands still would call people",
    "cloudwatch.composite_alarm.start": "its actions stay off: a copy that stands still would call people",
    "dynamodb.table.catch_up": _EMPTY,
    "dynamodb.table.copy_items": _EMPTY,
    "dynamodb.table.discard_export": _EMPTY,
    "dynamodb.table.export": _EMPTY,
    "dynamodb.table.look_again": _EMPTY,
    "ec2.launch_template.user_data": "its user data is not copied: it may hold credentials",
    "ecr.repository.look_again": "its images are those of the day it was made",
    "ecs.service.test_launch": "no task is launched",
    "ecs.service.test_launch_on_instances": "no task is launched",
    "efs.file_system.copy_files": _EMPTY,
    "elasticache.cluster.count_items": _EMPTY,
    "elasticache.cluster.seed": _EMPTY,
    "elasticache.replication_group.count_items": _EMPTY,
    "elasticache.replication_group.seed": _EMPTY,
    "elasticache.serverless_cache.count_items": _EMPTY,
    "elasticache.serverless_cache.seed": _EMPTY,
    "events.rule.listen": _OFF,
    "events.rule.start": _OFF,
    "lambda.event_source_mapping.start": _OFF,
    "opensearch.domain.fill": _EMPTY,
    "pipes.pipe.start": _OFF,
    "s3.bucket.copy_delta": _EMPTY,
    "s3.bucket.copy_objects": _EMPTY,
    "s3.bucket.look_again": _EMPTY,
    "scheduler.schedule.start": _OFF,
}

NOT_MADE = {
    "bridge.peering": "a copy has no way to legacy",
    "lambda.provisioned_concurrency": "it costs money while nobody calls",
    "route53.public_zone": "DNS stays as it is",
    "route53.record_set": "DNS stays as it is",
    "sns.asked_subscription": "a mailbox or a web address would take a copy's messages for real ones",
}
"""Kinds of which a copy has none, on purpose."""

CANNOT = {
    "ec2.image": "an image holds a disk, and with it data",
    "ec2.instance": "a machine is made from its disks, which hold data",
    "rds.cluster": "a cluster is restored from a snapshot with its rows; one without is not made yet",
}
"""Kinds that hold data in what they are made from, and have no empty form here yet."""


def fate(kind: Kind[Any], action: Action[Any]) -> Fate:
    """What becomes of one action in a copy."""
    name = f"{kind.name}.{action.name}"
    if name in MADE:
        return "made"
    if name in LEFT_OUT or action.phase == "freeze":
        return "left out"
    return "made" if action.phase == "build" and not isinstance(action, CarryAction) else "refused"


def undecided(kind: Kind[Any]) -> str:
    """Why a kind cannot be copied without its content; empty: it can, or is left out on purpose."""
    if kind.name in NOT_MADE:
        return ""
    if kind.name in CANNOT:
        return CANNOT[kind.name]
    unknown = [action.name for action in kind.actions if fate(kind, action) == "refused"]
    return f"nobody has said what {', '.join(unknown)} means without data" if unknown else ""
