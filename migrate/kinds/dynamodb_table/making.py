"""How a DynamoDB table is made. The rule: what deletes items or forbids that the table goes is not set here."""

from collections.abc import Sequence

from migrate.kind import Action, It, Json, Place, Request, Wait, after, tag_pairs
from migrate.kinds.dynamodb_table.facts import AWS_KEY, GONE, TableFacts, sendable
from migrate.kinds.dynamodb_table.ways import BUSY, by_export, table_active
from migrate.values import as_json

IMPORT_S = 7 * 24 * 3600.0
"""How long an import may take before the wait says so: terabytes take a day and more (uncalibrated)."""


class Create(Action[TableFacts]):
    """The table with its keys and indexes; without a stream, what deletes items or forbids its deletion. Empty, or with
    the items of legacy's export where AWS imports it."""

    name = "create"
    title = "Create the table"

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        params: dict[str, Json] = {
            "TableName": place.name,
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": facts.attributes[name]} for name in sorted(facts.attributes)
            ],
            "KeySchema": facts.key,
            "BillingMode": facts.billing_mode,
            "TableClass": facts.table_class,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        for parameter, indexes in (
            ("LocalSecondaryIndexes", facts.local_indexes),
            ("GlobalSecondaryIndexes", facts.global_indexes),
        ):
            if indexes:
                params[parameter] = [{"IndexName": name} | indexes[name] for name in sorted(indexes)]
        if facts.throughput:
            params["ProvisionedThroughput"] = facts.throughput
        if facts.on_demand_limits:
            params["OnDemandThroughput"] = facts.on_demand_limits
        if facts.encryption:
            own = {"KMSMasterKeyId": facts.encryption} if facts.encryption != AWS_KEY else {}
            params["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"} | own
        there: dict[str, Json] = {"TableName": place.name}
        undo = Request(
            "dynamodb.DeleteTable",
            dict(there),
            done=GONE,
            retry=BUSY,
            wait=Wait("dynamodb.DescribeTable", dict(there), "Table.TableStatus", ("gone",), gone=GONE),
        )
        if by_export(it):
            return _imported(place, params, undo)
        return [
            Request(
                "dynamodb.CreateTable",
                params,
                once="named",
                creates=True,
                outputs={"arn": "TableDescription.TableArn"},
                # One table with indexes at a time. Source: dynamodb.CreateTable, botocore 1.44.5.
                retry=("LimitExceededException",),
                wait=table_active(place),
                undo=undo,
            )
        ]


def _imported(place: Place, params: dict[str, Json], undo: Request) -> list[Request]:
    """The same table made by AWS from the exported files, and what an import cannot set.

    Whose the table is says the import's own description until the tags are on it: `Table.locate`.
    Source: dynamodb.TableCreationParameters, botocore 1.44.5: no tags, table class or local indexes.
    """
    shape = {name: value for name, value in params.items() if name not in ("Tags", "TableClass")}
    there: dict[str, Json] = {"TableName": place.name}
    reason = "[ImportTableDescription.FailureCode, ImportTableDescription.FailureMessage] | join(': ', @)"
    requests = [
        Request(
            "dynamodb.ImportTable",
            {
                "S3BucketSource": {
                    "S3Bucket": after("export", "export_bucket"), "S3KeyPrefix": after("export", "data_prefix"),
                },
                "InputFormat": "DYNAMODB_JSON",
                "InputCompressionType": "GZIP",
                "TableCreationParameters": shape,
            },
            once="token",
            token_param="ClientToken",
            creates=True,
            outputs={"arn": "ImportTableDescription.TableArn", "import_arn": "ImportTableDescription.ImportArn"},
            # 50 imports and one table with indexes at a time. Source: dynamodb.ImportTable, botocore 1.44.5.
            retry=("LimitExceededException",),
            wait=Wait(
                "dynamodb.DescribeImport",
                {"ImportArn": after("create", "import_arn")},
                "ImportTableDescription.ImportStatus",
                ("COMPLETED",),
                failed=("FAILED", "CANCELLED"),
                every_s=15.0,
                timeout_s=IMPORT_S,
                reason=reason,
            ),
            undo=undo,
        ),
        # A look: an import that was taken over from a killed run is waited for here.
        Request("dynamodb.DescribeTable", dict(there), wait=table_active(place, IMPORT_S)),
        Request(
            "dynamodb.TagResource",
            {"ResourceArn": after("create", "arn"), "Tags": params["Tags"]},
            retry=BUSY,
        ),
    ]  # fmt: skip
    if params["TableClass"] != "STANDARD":
        put = there | {"TableClass": params["TableClass"]}
        requests.append(Request("dynamodb.UpdateTable", put, retry=BUSY, wait=table_active(place)))
    return requests


class Scale(Action[TableFacts]):
    """Auto scaling of the table and its indexes, before the items come: their copy is load like any other."""

    name = "scale"
    title = "Let the table's capacity scale"
    sets = frozenset({"scaling"})

    def applies(self, it: It[TableFacts]) -> bool:
        return bool(it.facts.scaling)

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        for where, bounds in it.facts.scaling.items():
            index, _, capacity = where.rpartition(":")
            own: dict[str, Json] = {
                "ServiceNamespace": "dynamodb",
                "ResourceId": f"table/{place.name}" + (f"/{index}" if index else ""),
                "ScalableDimension": f"dynamodb:{'index' if index else 'table'}:{capacity}",
            }
            gone = ("ObjectNotFoundException",)
            requests.append(
                Request(
                    "application-autoscaling.RegisterScalableTarget",
                    own | {"MinCapacity": bounds["min"], "MaxCapacity": bounds["max"]},
                    # Its policies and alarms go with it.
                    undo=Request("application-autoscaling.DeregisterScalableTarget", dict(own), done=gone),
                )
            )
            for name, policy in bounds["policies"].items():
                requests.append(
                    Request(
                        "application-autoscaling.PutScalingPolicy",
                        own
                        | {
                            "PolicyName": name,
                            "PolicyType": "TargetTrackingScaling",
                            "TargetTrackingScalingPolicyConfiguration": policy,
                        },
                        undo=Request(
                            "application-autoscaling.DeleteScalingPolicy", own | {"PolicyName": name}, done=gone
                        ),
                    )
                )
        return requests


class Configure(Action[TableFacts]):
    """Point-in-time recovery and who may use the table."""

    name = "configure"
    title = "Set the table's recovery and policy"
    sets = frozenset({"recovery_days", "policy"})

    def applies(self, it: It[TableFacts]) -> bool:
        return it.facts.recovery_days is not None or sendable(it.facts.policy) is not None

    def requests(self, it: It[TableFacts], place: Place) -> Sequence[Request]:
        requests: list[Request] = []
        there: dict[str, Json] = {"TableName": place.name}
        if it.facts.recovery_days is not None:
            on = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": it.facts.recovery_days}
            requests.append(
                Request(
                    "dynamodb.UpdateContinuousBackups",
                    there | {"PointInTimeRecoverySpecification": on},
                    # A table made a moment ago.
                    retry=("ContinuousBackupsUnavailableException",),
                    undo=Request(
                        "dynamodb.UpdateContinuousBackups",
                        there | {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
                        done=("TableNotFoundException",),
                    ),
                )
            )
        policy = sendable(it.facts.policy)
        if policy:
            arn = {"ResourceArn": after("create", "arn")}
            requests.append(
                Request(
                    "dynamodb.PutResourcePolicy",
                    arn | {"Policy": as_json(policy)},
                    # A principal made a moment ago is not known everywhere (unverified).
                    retry=("ValidationException", "ResourceInUseException"),
                    undo=Request("dynamodb.DeleteResourcePolicy", dict(arn), done=(*GONE, "PolicyNotFoundException")),
                )
            )
        return requests
