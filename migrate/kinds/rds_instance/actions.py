"""How a PostgreSQL instance moves: snapshot, shared copy, the target's own copy, restore, proof of every row.

The rule: no existing key, policy or instance of legacy is changed. What is made there (a snapshot, its copy, a key
for this one transfer) is added, carries this migration's stamp, and goes with the undo.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Downtime,
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
from migrate.kinds.rds_instance.facts import GONE, InstanceFacts
from migrate.kinds.rds_instance.members import follows_its_cluster, member_requests
from migrate.kinds.rds_instance.replication import choice, is_followed
from migrate.kinds.rds_instance.snapshots import HOURS_S, own_copy, shared_snapshot
from migrate.kinds.rds_instance.way_back import lost, note, proof_without_own
from migrate.values import join


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
        return shared_snapshot(it, place, "DBInstance", "DBSnapshot")


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
        return [own_copy(it, place, "DBSnapshot")]


class Create(Action[InstanceFacts]):
    """Restore with everything said: what is not said becomes a default. Then what a restore does not take."""

    name = "create"
    title = "Restore the database from the snapshot"
    phase: ClassVar[Phase] = "data"
    undo_class = "R3"
    downtime: ClassVar[Downtime] = "D3"

    def when(self, it: It[InstanceFacts]) -> tuple[Phase, Downtime]:
        early = follows_its_cluster(it) if it.facts.is_member else is_followed(it)
        return ("build", "D0") if early else (self.phase, self.downtime)

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves or it.facts.is_member

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        if it.facts.is_member:
            return member_requests(it, place)
        named: dict[str, Json] = {"DBInstanceIdentifier": place.name}
        look = ("rds.DescribeDBInstances", dict(named))
        ready = Wait(*look, "DBInstances[].DBInstanceStatus", ("available",), FAILED, every_s=15, timeout_s=6 * HOURS_S)
        # Right after a change the status still says available: what is pending tells.
        settled = "DBInstances[0].[DBInstanceStatus, to_string(PendingModifiedValues)][]"
        calm = Wait(*look, settled, ("available", "{}", "null"), FAILED, every_s=15, timeout_s=2 * HOURS_S)
        return [
            Request(
                "rds.RestoreDBInstanceFromDBSnapshot",
                named | restored(it, place),
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
            *(
                Request(
                    "rds.AddRoleToDBInstance",
                    named | {"RoleArn": role.arn, "FeatureName": role.feature},
                    done=("DBInstanceRoleAlreadyExists",),
                    retry=("InvalidDBInstanceState",),
                )
                for role in it.facts.roles
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
    after_kinds: ClassVar[tuple[str, ...]] = ("secretsmanager.secret.copy_value",)
    downtime = "D2"
    writes = frozenset()
    asks_again = True

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
        return proof_without_own(it, to)

    def uncarry(self, it: It[InstanceFacts], to: Carrier) -> None:
        """Nothing: nothing was written."""


FAILED = ("failed", "incompatible-restore", "incompatible-network", "incompatible-parameters", "storage-full")


def restored(it: It[InstanceFacts], place: Place) -> dict[str, Json]:
    """What is said of an instance in the call that makes it, without its name."""
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
        "DedicatedLogVolume": facts.dedicated_log_volume or None,
        "EngineLifecycleSupport": facts.lifecycle_support or None,
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
    if facts.insights_mode == "advanced":
        said["DatabaseInsightsMode"] = facts.insights_mode
    if facts.managed_password:
        said["ManageMasterUserPassword"] = True
    return {name: value for name, value in said.items() if value not in (None, "")}


def user_arn(account: str, region: str, resource_id: Json) -> Json:
    """What policies for IAM authentication name. Source: RDS user guide, IAM database access policy, read 2026-09."""
    return join(f"arn:aws:rds-db:{region}:{account}:dbuser:", resource_id)
