"""A DynamoDB table with indexes of both sorts, a key of its own, a stream, a policy, and items of every type."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

TABLE = f"arn:aws:dynamodb:{REGION}:{LEGACY}:table/orders"
ITEMS: list[dict[str, Any]] = [
    {
        "customer": {"S": f"c{number % 7}"},
        "order": {"N": str(number)},
        "day": {"S": "2026-09-01"},
        "total": {"N": "9.5"},
    }
    for number in range(60)
] + [
    {
        "customer": {"S": "ünicode"},
        "order": {"N": "1"},
        "raw": {"B": b"\x00\xff"},
        "names": {"SS": ["b", "a"]},
        "sizes": {"NS": ["2", "1"]},
        "nested": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"S": TABLE}]}}},
    }
]


def an_index(name: str, *key: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": [{"AttributeName": a, "KeyType": t} for a, t in key]} | more


def a_table(world: TwoSides) -> Resource:
    role = needed.a_role(world)
    dynamodb = world.client("legacy", "dynamodb")
    dynamodb.create_table(
        TableName="orders",
        AttributeDefinitions=[
            {"AttributeName": "order", "AttributeType": "N"},
            {"AttributeName": "customer", "AttributeType": "S"},
            {"AttributeName": "day", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "customer", "KeyType": "HASH"},
            {"AttributeName": "order", "KeyType": "RANGE"},
        ],
        LocalSecondaryIndexes=[
            an_index("by-day", ("customer", "HASH"), ("day", "RANGE"), Projection={"ProjectionType": "KEYS_ONLY"})
        ],
        GlobalSecondaryIndexes=[
            an_index(
                "of-day",
                ("day", "HASH"),
                Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total", "raw"]},
                ProvisionedThroughput={"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
            )
        ],
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 8},
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": needed.a_key(world)},
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        DeletionProtectionEnabled=True,
        Tags=needed.PAIRS,
    )
    dynamodb.update_continuous_backups(
        TableName="orders",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
    )
    dynamodb.update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    scaled(world.client("legacy", "application-autoscaling"), 100)
    granted = needed.policy(needed.statement(role, Action="dynamodb:GetItem", Resource=TABLE))
    dynamodb.put_resource_policy(ResourceArn=TABLE, Policy=granted)
    for item in ITEMS:
        dynamodb.put_item(TableName="orders", Item=item)
    return needed.scanned(world, "dynamodb.table", "orders")


def scaled(scaling: Any, most: int) -> None:
    """Reads of the table and writes of its index scale by themselves."""
    for resource, dimension in (
        ("table/orders", "dynamodb:table:ReadCapacityUnits"),
        ("table/orders/index/of-day", "dynamodb:index:WriteCapacityUnits"),
    ):
        own = {"ServiceNamespace": "dynamodb", "ResourceId": resource, "ScalableDimension": dimension}
        scaling.register_scalable_target(**own, MinCapacity=5, MaxCapacity=most)
        metric = f"DynamoDB{dimension.rpartition(':')[2].replace('Units', '')}Utilization"
        scaling.put_scaling_policy(
            **own,
            PolicyName=f"keep {metric}",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 70.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            },
        )


def scaled_further(world: TwoSides, it: Resource) -> None:
    scaled(world.client("target", "application-autoscaling"), 900)


def updated(**settings: Any) -> Any:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "dynamodb").update_table(TableName="orders", **settings)

    return change


def recovered_longer(world: TwoSides, it: Resource) -> None:
    world.client("target", "dynamodb").update_continuous_backups(
        TableName="orders",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 9},
    )


def open_to_others(world: TwoSides, it: Resource) -> None:
    everybody = needed.policy(needed.statement("*", Action="dynamodb:*", Resource=it.arn))
    world.client("target", "dynamodb").put_resource_policy(ResourceArn=it.arn, Policy=everybody)


def never_expiring(world: TwoSides, it: Resource) -> None:
    world.client("target", "dynamodb").update_time_to_live(
        TableName="orders", TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"}
    )


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "dynamodb").tag_resource(ResourceArn=it.arn, Tags=needed.OTHER_PAIRS)


EXAMPLES = (
    Example(
        "dynamodb.table",
        a_table,
        {
            "throughput": updated(ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 9}),
            "scaling": scaled_further,
            "global_indexes": updated(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "of-day"}}]),
            "attributes": updated(AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "N"}]),
            "stream": updated(StreamSpecification={"StreamEnabled": False}),
            "recovery_days": recovered_longer,
            "policy": open_to_others,
            "expires_by": never_expiring,
            "deletion_protection": updated(DeletionProtectionEnabled=False),
            "tags": tagged,
            "billing_mode": updated(BillingMode="PAY_PER_REQUEST"),
        },
        {
            "key": "AWS allows it at creation only",
            "local_indexes": "AWS allows them at creation only",
            "encryption": "the emulator keeps the key of the creation",
            "table_class": "the emulator has no table classes",
            "on_demand_limits": "the emulator has no such limits",
        },
        done=("create", "scale", "configure", "copy_items", "stream", "finish"),
    ),
)
