"""What is read of a DynamoDB table. The rule: capacity that auto scaling changes is no fact, its bounds are."""

from collections.abc import Mapping
from typing import Any

from migrate.carry.listing import batches
from migrate.kind import Facts, Json, ReadSite
from migrate.kinds._documents import parsed, without_dead

GONE = ("ResourceNotFoundException",)
AWS_KEY = "alias/aws/dynamodb"
CAPACITY = ("ReadCapacityUnits", "WriteCapacityUnits")
NOTHING: Mapping[str, Mapping[str, Json]] = {}
TARGETS_AT_ONCE = 25
"""Each has a target for reads and one for writes, and an answer holds 50. Source:
application-autoscaling.DescribeScalableTargets MaxResults, botocore 1.44.5."""
LARGE_BYTES = 100 * 2**30
"""From here on an export to S3 and an import are quicker than item by item. A judgement, not a limit of AWS."""


class TableFacts(Facts):
    """Source: dynamodb.DescribeTable, DescribeTimeToLive, DescribeContinuousBackups, GetResourcePolicy and
    ListTagsOfResource; kms.DescribeKey; application-autoscaling.DescribeScalableTargets, DescribeScalingPolicies."""

    attributes: dict[str, str]
    """Type of each attribute that a key or index uses."""
    key: list[dict[str, Json]]
    local_indexes: dict[str, dict[str, Json]]
    global_indexes: dict[str, dict[str, Json]]
    billing_mode: str
    throughput: dict[str, int] | None
    """None: on demand. Where it is scaled by itself: the least that it is scaled to."""
    scaling: dict[str, dict[str, Json]]
    """By `ReadCapacityUnits` or `index/<name>:ReadCapacityUnits`: the bounds of auto scaling, and its policies."""
    on_demand_limits: dict[str, int] | None
    table_class: str
    encryption: str | None
    """A customer's key by its ARN, `alias/aws/dynamodb`, or None: a key that DynamoDB owns."""
    stream: str | None
    """What the stream shows of an item."""
    stream_arn: str | None
    recovery_days: int | None
    """Point-in-time recovery; None: off."""
    policy: dict[str, Json] | None
    expires_by: str | None
    """The attribute that says when an item expires. Set last: else items vanish while they are compared."""
    deletion_protection: bool
    replica_regions: list[str]
    """Replicas of a global table: not made."""
    large: bool


def read_facts(site: ReadSite, table: Mapping[str, Any]) -> TableFacts:
    """One description as facts, with what AWS shows of it elsewhere."""
    name, arn = table["TableName"], table["TableArn"]

    def read(operation: str, *missing: str, **params: str) -> dict[str, Any]:
        return site.optional(f"dynamodb.{operation}", missing=(*GONE, *missing), **params) or {}

    expiry = read("DescribeTimeToLive", TableName=name).get("TimeToLiveDescription", {})
    backups = read("DescribeContinuousBackups", "TableNotFoundException", TableName=name)
    policy = read("GetResourcePolicy", "PolicyNotFoundException", ResourceArn=arn).get("Policy")
    recovery = backups.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
    recovers = recovery.get("PointInTimeRecoveryStatus") == "ENABLED"
    stream = table.get("StreamSpecification") or {}
    streams = bool(stream.get("StreamEnabled"))
    on_demand = (table.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST"
    scaling = {} if on_demand else _scaling(site, table)
    return TableFacts(
        attributes={one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]},
        key=[dict(part) for part in table["KeySchema"]],
        local_indexes=_indexes(table.get("LocalSecondaryIndexes"), on_demand=True),
        global_indexes=_indexes(table.get("GlobalSecondaryIndexes"), on_demand=on_demand, scaling=scaling),
        billing_mode="PAY_PER_REQUEST" if on_demand else "PROVISIONED",
        throughput=None if on_demand else _capacity(table["ProvisionedThroughput"], scaling),
        scaling=scaling,
        on_demand_limits=_limits(table),
        table_class=(table.get("TableClassSummary") or {}).get("TableClass") or "STANDARD",
        encryption=_encryption(site, table.get("SSEDescription") or {}),
        stream=stream.get("StreamViewType") if streams else None,
        stream_arn=table.get("LatestStreamArn") if streams else None,
        recovery_days=int(recovery.get("RecoveryPeriodInDays") or 35) if recovers else None,
        policy=parsed(policy) if policy else None,
        expires_by=expiry.get("AttributeName") if expiry.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") else None,
        deletion_protection=bool(table.get("DeletionProtectionEnabled")),
        replica_regions=sorted(one["RegionName"] for one in table.get("Replicas") or ()),
        large=int(table.get("TableSizeBytes") or 0) >= LARGE_BYTES,
    )


def sendable(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    """The policy without principals that were deleted, which AWS refuses; None where nothing is left."""
    return without_dead(policy) if policy else None


def _indexes(
    listed: list[dict[str, Any]] | None, *, on_demand: bool, scaling: Mapping[str, Mapping[str, Json]] = NOTHING
) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {}
    for one in listed or ():
        projection = dict(one["Projection"])
        if projection.get("NonKeyAttributes"):
            projection["NonKeyAttributes"] = sorted(projection["NonKeyAttributes"])
        index: dict[str, Json] = {"KeySchema": [dict(part) for part in one["KeySchema"]], "Projection": projection}
        if not on_demand:
            where = f"index/{one['IndexName']}:"
            index["ProvisionedThroughput"] = _capacity(one["ProvisionedThroughput"], scaling, where)
        if _limits(one):
            index["OnDemandThroughput"] = _limits(one)
        found[one["IndexName"]] = index
    return dict(sorted(found.items()))


def _capacity(
    throughput: Mapping[str, Any], scaling: Mapping[str, Mapping[str, Json]], where: str = ""
) -> dict[str, int]:
    """What is provisioned; the lower bound where auto scaling decides."""
    return {
        name: int(scaling[where + name]["min"] if where + name in scaling else throughput[name]) for name in CAPACITY
    }


def _scaling(site: ReadSite, table: Mapping[str, Any]) -> dict[str, dict[str, Json]]:
    """Auto scaling of a provisioned table and its indexes."""
    own = f"table/{table['TableName']}"
    indexes = [f"{own}/index/{one['IndexName']}" for one in table.get("GlobalSecondaryIndexes") or ()]
    found: dict[str, dict[str, Json]] = {}
    for some in batches([own, *indexes], TARGETS_AT_ONCE):
        answer = site.optional(
            "application-autoscaling.DescribeScalableTargets", missing=(), ServiceNamespace="dynamodb", ResourceIds=some
        )
        for target in (answer or {}).get("ScalableTargets") or ():
            where, dimension = target["ResourceId"], target["ScalableDimension"]
            policies = site.optional(
                "application-autoscaling.DescribeScalingPolicies",
                missing=(),
                ServiceNamespace="dynamodb",
                ResourceId=where,
                ScalableDimension=dimension,
            )
            part = where.removeprefix(own).removeprefix("/")
            found[(part + ":" if part else "") + dimension.rpartition(":")[2]] = {
                "min": int(target["MinCapacity"]),
                "max": int(target["MaxCapacity"]),
                "policies": {
                    policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]
                    for policy in (policies or {}).get("ScalingPolicies") or ()
                    if policy.get("TargetTrackingScalingPolicyConfiguration")
                },
            }
    return dict(sorted(found.items()))


def _limits(table: Mapping[str, Any]) -> dict[str, int] | None:
    return {name: int(value) for name, value in sorted((table.get("OnDemandThroughput") or {}).items())} or None


def _encryption(site: ReadSite, described: Mapping[str, Any]) -> str | None:
    if described.get("Status") not in ("ENABLED", "ENABLING", "UPDATING") or described.get("SSEType") != "KMS":
        return None
    key = described.get("KMSMasterKeyArn")
    if not key:
        return AWS_KEY
    answer = site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=key)
    known = (answer or {}).get("KeyMetadata", {})
    return AWS_KEY if known.get("KeyManager") == "AWS" else str(known.get("Arn") or key)
