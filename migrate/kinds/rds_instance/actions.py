"""How a PostgreSQL instance moves: snapshot, shared copy, the target's own copy, restore, proof of every row.

The rule: no existing key, policy or instance of legacy is changed. What is made there (a snapshot, its copy, a key
for this one transfer) is added, carries this migration's stamp, and goes with the undo.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Downtime,
    Find,
    It,
    Json,
    Phase,
    Place,
    Proof,
    Request,
    Wait,
    after,
    tag_pairs,
)
from migrate.kinds._transfer_key import transfer_key
from migrate.kinds.rds_instance.facts import GONE, InstanceFacts
from migrate.kinds.rds_instance.replication import choice, is_followed, without_own_setting
from migrate.kinds.rds_instance.way_back import lost, note, proof_of_rows, without_own_things
from migrate.values import join

SNAPSHOT_GONE = "DBSnapshotNotFound"
HOURS_S = 3600.0


def snapshot_name(it: It[InstanceFacts], place: Place) -> str:
    """The same for the same migration, instance and target. At most 255 characters, no two hyphens in a row."""
    text = f"{place.migration}/{it.ref}/{place.account}/{place.region}"
    return f"migrate-{hashlib.sha256(text.encode()).hexdigest()[:12]}-{it.ref.name}"[:200].rstrip("-")


class Snapshot(Action[InstanceFacts]):
    """In legacy: a snapshot, under a key that the target may use, shared with it."""

    name = "snapshot"
    title = "Take a snapshot in legacy and share it"
    phase = "data"
    undo_class = "R1"
    downtime = "D3"

    def when(self, it: It[InstanceFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if is_followed(it) else (self.phase, self.downtime)

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        name = snapshot_name(it, place)
        taken = _snapshot(
            "rds.CreateDBSnapshot",
            {"DBSnapshotIdentifier": name, "DBInstanceIdentifier": it.ref.name},
            it,
            place,
            name,
            side="legacy",
            outputs={} if it.facts.encrypted else {"arn": "DBSnapshot.DBSnapshotArn"},
        )
        if not it.facts.encrypted:
            return [taken, _share(name, place)]
        shared = f"{name}-shared"
        return [
            taken,
            *transfer_key(it.ref.account, place, name, "snapshot", f"the snapshot {name}"),
            # Under the transfer key: a snapshot under the default key cannot be shared, and under the owner's key
            # only by changing that key's policy. Source: RDS user guide, Sharing encrypted snapshots, read 2026-09.
            _snapshot(
                "rds.CopyDBSnapshot",
                {
                    "SourceDBSnapshotIdentifier": name,
                    "TargetDBSnapshotIdentifier": shared,
                    "KmsKeyId": after("snapshot", "key_arn"),
                },
                it,
                place,
                shared,
                side="legacy",
                outputs={"arn": "DBSnapshot.DBSnapshotArn"},
            ),
            _share(shared, place),
        ]


class Copy(Action[InstanceFacts]):
    """In the target: its own copy under its own key; a shared encrypted snapshot cannot be restored as it is."""

    name = "copy"
    title = "Copy the snapshot into the target"
    phase = "data"
    downtime = "D3"

    def when(self, it: It[InstanceFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if is_followed(it) else (self.phase, self.downtime)

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        name = snapshot_name(it, place)
        facts = it.facts
        key = {"KmsKeyId": facts.kms_key_id or "alias/aws/rds"} if facts.encrypted else {}
        return [
            _snapshot(
                "rds.CopyDBSnapshot",
                {
                    "SourceDBSnapshotIdentifier": after("snapshot", "arn"),
                    "TargetDBSnapshotIdentifier": name,
                    "CopyTags": False,
                }
                | key,
                it,
                place,
                name,
                side="target",
                outputs={"snapshot": "DBSnapshot.DBSnapshotIdentifier"},
            )
        ]


class Create(Action[InstanceFacts]):
    """Restore with everything said: what is not said becomes a default. Then what a restore does not take."""

    name = "create"
    title = "Restore the database from the snapshot"
    phase = "data"
    undo_class = "R3"
    downtime = "D3"

    def when(self, it: It[InstanceFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if is_followed(it) else (self.phase, self.downtime)

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        named: dict[str, Json] = {"DBInstanceIdentifier": place.name}
        look = ("rds.DescribeDBInstances", dict(named))
        ready = Wait(*look, "DBInstances[].DBInstanceStatus", ("available",), FAILED, every_s=15, timeout_s=6 * HOURS_S)
        # Right after a change the status still says available: what is pending tells.
        settled = "DBInstances[0].[DBInstanceStatus, to_string(PendingModifiedValues)][]"
        calm = Wait(*look, settled, ("available", "{}", "null"), FAILED, every_s=15, timeout_s=2 * HOURS_S)
        return [
            Request(
                "rds.RestoreDBInstanceFromDBSnapshot",
                named | _restored(it, place),
                once="named",
                creates=True,
                retry=("InvalidDBSnapshotState",),
                wait=ready,
                undo=Request(
                    "rds.DeleteDBInstance",
                    named | {"SkipFinalSnapshot": True, "DeleteAutomatedBackups": True},
                    done=(GONE, "InvalidDBInstanceState"),
                    # Deletion protection was taken off a moment ago.
                    retry=("InvalidParameterCombination",),
                    wait=Wait(
                        *look, "DBInstances[].DBInstanceStatus", ("gone",), gone=(GONE,), every_s=15, timeout_s=HOURS_S
                    ),
                ),
            ),
            Request(
                "rds.ModifyDBInstance",
                named | _modified(it),
                retry=("InvalidDBInstanceState",),
                wait=calm,
                undo=Request(
                    "rds.ModifyDBInstance",
                    named | {"DeletionProtection": False, "ApplyImmediately": True},
                    done=(GONE,),
                    retry=("InvalidDBInstanceState",),
                ),
            ),
            Request(
                *look,
                outputs={
                    "id": "DBInstances[0].DBInstanceIdentifier",
                    "arn": "DBInstances[0].DBInstanceArn",
                    "host": "DBInstances[0].Endpoint.Address",
                    "resource_id": "DBInstances[0].DbiResourceId",
                },
            ),
        ]


class ProveRows(CarryAction[InstanceFacts]):
    """Writes nothing: compares every table of every database of both sides."""

    name = "prove_rows"
    title = "Prove that every row arrived"
    phase = "data"
    # The login lies in a secret of the same account.
    after_kinds = ("secretsmanager.secret.copy_value",)
    downtime = "D2"
    writes = frozenset()

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def summary(self, it: It[InstanceFacts], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "count and digest of every table, computed in each database; nothing is written",
            "strategy": choice(it),
        }

    def carry(self, it: It[InstanceFacts], to: Carrier) -> Mapping[str, Json]:
        note(it, to)
        return {}

    def loses(self, it: It[InstanceFacts], to: Carrier) -> Sequence[str]:
        return lost(it, to)

    def prove(self, it: It[InstanceFacts], to: Carrier) -> Proof:
        proof = proof_of_rows(it, to)
        return without_own_things(to, without_own_setting(it, to, proof))

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: nothing was written."""


FAILED = ("failed", "incompatible-restore", "incompatible-network", "incompatible-parameters", "storage-full")


def _snapshot(
    operation: str,
    params: dict[str, Json],
    it: It[InstanceFacts],
    place: Place,
    name: str,
    *,
    side: Any,
    outputs: dict[str, str],
) -> Request:
    named: dict[str, Json] = {"DBSnapshotIdentifier": name}
    find = Find("rds.DescribeDBSnapshots", dict(named), {"found": "DBSnapshots[0].DBSnapshotIdentifier"})
    seen = {output: path.replace("DBSnapshot.", "DBSnapshots[0].") for output, path in outputs.items()}
    return Request(
        operation,
        params | {"Tags": tag_pairs(place.stamp(it.tags))},
        side,
        once="named",
        outputs=outputs,
        # A snapshot shared, or a key made, a moment ago is not seen everywhere yet.
        retry=("InvalidDBInstanceState", "KMSKeyNotAccessibleFault", *((SNAPSHOT_GONE,) if side == "target" else ())),
        find=Find(find.operation, find.params, {**find.outputs, **seen}),
        wait=Wait(
            "rds.DescribeDBSnapshots",
            dict(named),
            "DBSnapshots[].Status",
            ("available",),
            ("failed",),
            every_s=10,
            timeout_s=24 * HOURS_S,
        ),
        undo=Request("rds.DeleteDBSnapshot", dict(named), side, done=(SNAPSHOT_GONE,)),
    )


def _share(name: str, place: Place) -> Request:
    """No undo of its own: the snapshot is deleted, and the right to it with it."""
    return Request(
        "rds.ModifyDBSnapshotAttribute",
        {"DBSnapshotIdentifier": name, "AttributeName": "restore", "ValuesToAdd": [place.account]},
        "legacy",
    )


def _restored(it: It[InstanceFacts], place: Place) -> dict[str, Json]:
    facts = it.facts
    said: dict[str, Json] = {
        "DBSnapshotIdentifier": after("copy", "snapshot"),
        "DBInstanceClass": facts.instance_class,
        "MultiAZ": facts.multi_az,
        "Port": facts.port,
        "DBSubnetGroupName": facts.subnet_group,
        "VpcSecurityGroupIds": facts.security_groups,
        "DBParameterGroupName": facts.parameter_group,
        "OptionGroupName": facts.option_group,
        "StorageType": facts.storage_type,
        "PubliclyAccessible": facts.public,
        "AutoMinorVersionUpgrade": facts.auto_minor_upgrade,
        "EnableIAMDatabaseAuthentication": facts.iam_auth,
        "EnableCloudwatchLogsExports": facts.log_exports or None,
        "CopyTagsToSnapshot": facts.copy_tags_to_snapshot,
        "CACertificateIdentifier": facts.certificate,
        "NetworkType": facts.network_type,
        # On at the very end, so that a restore that went wrong can be taken away.
        "DeletionProtection": False,
        "Tags": tag_pairs(place.stamp(it.tags)),
    }
    # gp3 has a fixed floor that may not be said below 400 GiB. Source: RDS user guide, gp3 storage, read 2026-09.
    if facts.storage_type in ("io1", "io2") or facts.allocated_gib >= 400:
        said |= {"Iops": facts.iops, "StorageThroughput": facts.storage_throughput}
    return {name: value for name, value in said.items() if value is not None}


def _modified(it: It[InstanceFacts]) -> dict[str, Json]:
    """Source: rds.RestoreDBInstanceFromDBSnapshot takes none of these (ManageMasterUserPassword for Oracle only),
    botocore 1.44.5."""
    facts = it.facts
    said: dict[str, Json] = {
        "BackupRetentionPeriod": facts.backup_retention_days,
        "PreferredBackupWindow": facts.backup_window,
        "PreferredMaintenanceWindow": facts.maintenance_window,
        "MaxAllocatedStorage": facts.max_allocated_gib,
        "DeletionProtection": facts.deletion_protection,
        "MonitoringInterval": facts.monitoring_interval_s,
        "ApplyImmediately": True,
    }
    if facts.monitoring_interval_s:
        said["MonitoringRoleArn"] = facts.monitoring_role
    if facts.performance_insights:
        said |= {
            "EnablePerformanceInsights": True,
            "PerformanceInsightsRetentionPeriod": facts.performance_insights_days,
            "PerformanceInsightsKMSKeyId": facts.performance_insights_key,
        }
    if facts.managed_password:
        said["ManageMasterUserPassword"] = True
    return {name: value for name, value in said.items() if value not in (None, "")}


def user_arn(it: It[InstanceFacts], account: str, region: str, resource_id: Json) -> Json:
    """What policies for IAM authentication name. Source: RDS user guide, IAM database access policy, read 2026-09."""
    return join(f"arn:aws:rds-db:{region}:{account}:dbuser:", resource_id)
