"""How an Aurora PostgreSQL cluster moves: the way of an instance, with its members made anew beside the restored rows.

The rule: a restored cluster has no instance and answers nobody: its rows are proved once its members stand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.kind import Action, Downtime, It, Json, Phase, Place, Request, Wait, after, tag_pairs
from migrate.kinds.rds_instance.actions import ProveRows
from migrate.kinds.rds_instance.cluster_facts import CLUSTER_GONE, ClusterFacts
from migrate.kinds.rds_instance.replication import Replicate, choice, is_followed
from migrate.kinds.rds_instance.snapshots import HOURS_S, own_copy, shared_snapshot
from migrate.kinds.rds_instance.way_back import CheckWayBack

_BUSY = ("InvalidDBClusterStateFault",)


class _OfCluster(Action[ClusterFacts]):
    phase = "data"
    downtime = "D3"

    def applies(self, it: It[ClusterFacts]) -> bool:
        return it.facts.moves

    def when(self, it: It[ClusterFacts]) -> tuple[Phase, Downtime]:
        return ("build", "D0") if is_followed(it) else (self.phase, self.downtime)


class SnapshotCluster(_OfCluster):
    """In legacy: a snapshot of the cluster, under a key that the target may use, shared with it."""

    name = "snapshot"
    title = "Take a cluster snapshot in legacy and share it"
    undo_class = "R1"

    def requests(self, it: It[ClusterFacts], place: Place) -> Sequence[Request]:
        return shared_snapshot(it, place, "DBCluster", "DBClusterSnapshot")


class CopyCluster(_OfCluster):
    """In the target: its own copy under its own key."""

    name = "copy"
    title = "Copy the cluster snapshot into the target"

    def requests(self, it: It[ClusterFacts], place: Place) -> Sequence[Request]:
        return [own_copy(it, place, "DBClusterSnapshot")]


class CreateCluster(_OfCluster):
    """Restore with everything said: what is not said becomes a default. Then what a restore does not take."""

    name = "create"
    title = "Restore the cluster from the snapshot"
    undo_class = "R3"

    def requests(self, it: It[ClusterFacts], place: Place) -> Sequence[Request]:
        named: dict[str, Json] = {"DBClusterIdentifier": place.name}
        look = ("rds.DescribeDBClusters", dict(named))
        ready = Wait(*look, "DBClusters[].Status", ("available",), _FAILED, every_s=15, timeout_s=6 * HOURS_S)
        return [
            Request(
                "rds.RestoreDBClusterFromSnapshot",
                named | _restored(it, place),
                once="named",
                creates=True,
                retry=("InvalidDBClusterSnapshotStateFault",),
                wait=ready,
                undo=Request(
                    "rds.DeleteDBCluster",
                    named | {"SkipFinalSnapshot": True, "DeleteAutomatedBackups": True},
                    done=(CLUSTER_GONE,),
                    # Its last member, or its protection, went a moment ago.
                    retry=(*_BUSY, "InvalidParameterCombination"),
                    wait=Wait(
                        *look, "DBClusters[].Status", ("gone",), gone=(CLUSTER_GONE,), every_s=15, timeout_s=HOURS_S
                    ),
                ),
            ),
            Request(
                "rds.ModifyDBCluster",
                named | _modified(it),
                retry=_BUSY,
                wait=ready,
                undo=Request(
                    "rds.ModifyDBCluster",
                    named | {"DeletionProtection": False, "ApplyImmediately": True},
                    done=(CLUSTER_GONE,),
                    retry=_BUSY,
                ),
            ),
            *(
                Request(
                    "rds.AddRoleToDBCluster",
                    named | {"RoleArn": role.arn} | ({"FeatureName": role.feature} if role.feature else {}),
                    done=("DBClusterRoleAlreadyExists",),
                    retry=_BUSY,
                )
                for role in it.facts.roles
            ),
            Request(
                *look,
                outputs={
                    "id": "DBClusters[0].DBClusterIdentifier",
                    "arn": "DBClusters[0].DBClusterArn",
                    "host": "DBClusters[0].Endpoint",
                    "reader_host": "DBClusters[0].ReaderEndpoint",
                    "resource_id": "DBClusters[0].DbClusterResourceId",
                },
            ),
        ]


class ProveClusterRows(ProveRows):
    """As for an instance, by the cluster's own endpoint."""

    after_kinds = (*ProveRows.after_kinds, "rds.instance.create")

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return {
            "from": f"{it.facts.host}:{it.facts.port}",
            "to": place.name,
            "how": "count and digest of every table, computed in each cluster by its writer; nothing is written",
            "strategy": choice(it),
        }


class ReplicateCluster(Replicate):
    """As for an instance, by the cluster's own endpoint, once the cluster has its members."""

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return super().summary(it, place) | {"to": _through(it, place)}


class CheckClusterWayBack(CheckWayBack):
    """As for an instance, once the cluster has its members."""

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        said = super().summary(it, place)
        return said | {"to": {"back into": said["to"], "from": _through(it, place)}}


def _through(it: It[ClusterFacts], place: Place) -> dict[str, Json]:
    """The cluster and its members, by the names by which the plan knows that they have to stand before: without one,
    a cluster answers nobody."""
    base = it.arn.rpartition(":cluster:")[0]
    return {"cluster": place.name, "answers by": [f"{base}:db:{member}" for member in it.facts.members]}


_FAILED = ("failed", "incompatible-network", "incompatible-parameters", "inaccessible-encryption-credentials")


def _restored(it: It[ClusterFacts], place: Place) -> dict[str, Json]:
    facts = it.facts
    own_group = facts.parameter_group if not (facts.parameter_group or "default.").startswith("default.") else None
    said: dict[str, Json] = {
        "SnapshotIdentifier": after("copy", "snapshot"),
        "Engine": facts.engine,
        "EngineVersion": facts.engine_version or None,
        "Port": facts.port or None,
        "DBSubnetGroupName": facts.subnet_group,
        "VpcSecurityGroupIds": facts.security_groups,
        "DBClusterParameterGroupName": own_group,
        "StorageType": facts.storage_type if facts.storage_type == "aurora-iopt1" else None,
        "EnableIAMDatabaseAuthentication": facts.iam_auth,
        "EnableCloudwatchLogsExports": facts.log_exports or None,
        "CopyTagsToSnapshot": facts.copy_tags_to_snapshot,
        "NetworkType": facts.network_type,
        "ServerlessV2ScalingConfiguration": _scaling(facts),
        "EngineLifecycleSupport": facts.lifecycle_support or None,
        # On at the very end, so that a restore that went wrong can be taken away.
        "DeletionProtection": False,
        "Tags": tag_pairs(place.stamp(it.tags)),
    }
    return {name: value for name, value in said.items() if value is not None}


def _scaling(facts: ClusterFacts) -> Mapping[str, Json] | None:
    if facts.scaling is None:
        return None
    pause = facts.scaling.seconds_until_pause
    limits: dict[str, Json] = {"MinCapacity": facts.scaling.min_capacity, "MaxCapacity": facts.scaling.max_capacity}
    return limits | ({"SecondsUntilAutoPause": pause} if pause is not None else {})


def _modified(it: It[ClusterFacts]) -> dict[str, Json]:
    """Said after the restore, which takes only the backup's of them. Source: rds.ModifyDBCluster, botocore 1.44.5."""
    facts = it.facts
    said: dict[str, Json] = {
        "BackupRetentionPeriod": facts.backup_retention_days or None,
        "PreferredBackupWindow": facts.backup_window,
        "PreferredMaintenanceWindow": facts.maintenance_window,
        "DeletionProtection": facts.deletion_protection,
        "EnableHttpEndpoint": True if facts.http_endpoint else None,
        "ManageMasterUserPassword": True if facts.managed_password else None,
        "ApplyImmediately": True,
    }
    return {name: value for name, value in said.items() if value not in (None, "")}
