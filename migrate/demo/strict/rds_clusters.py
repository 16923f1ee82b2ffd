"""Rules over Aurora PostgreSQL clusters: one real PostgreSQL behind each, reached while a member stands.

The one rule it keeps: rows belong to the cluster, and reach another account by sharing, copying and restoring only.
Simulated: one server stands for a cluster's storage and all its members; every transition is over at once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import Any

from migrate.demo.site import current
from migrate.demo.strict import _rows as rows
from migrate.demo.strict import add, override, strict
from migrate.demo.strict.rds import RESTORING
from migrate.demo.strict.rds_snapshots import (
    check_copy,
    check_restore,
    check_share,
    default_group,
    usable_key,
)

_ENGINE = "aurora-postgresql"
_ARN = re.compile(r"arn:aws:rds:([a-z0-9-]+):(\d{12}):cluster-snapshot:(.+)")
# What a cluster takes over from its snapshot; everything else is a default or must be given.
# Source: rds.RestoreDBClusterFromSnapshot, botocore 1.44.5.
_RESTORED = (
    "allocated_storage",
    "database_name",
    "engine",
    "engine_version",
    "master_username",
    "port",
    "storage_type",
)


def _has_server(cluster: Any) -> bool:
    return bool(cluster.engine == _ENGINE)


@strict(
    "rds.real-aurora",
    makes="an aurora-postgresql cluster is a real PostgreSQL server; its endpoint answers while it has a member",
    source="Aurora user guide, Creating an Amazon Aurora DB cluster: a cluster by API has no instance, read 2026-11",
)
def real_aurora() -> None:
    """Create and delete a server with its cluster; the major version is 16 whatever was asked.

    Source: rds.CreateDBCluster, rds.DeleteDBCluster, botocore 1.44.5.
    """
    from moto.rds.models import DBCluster, RDSBackend

    @override(RDSBackend, "create_db_cluster")
    def create_db_cluster(old: Any, self: Any, kwargs: dict[str, Any]) -> Any:
        if kwargs.get("storage_encrypted"):
            kwargs["kms_key_id"] = usable_key(self, kwargs.get("kms_key_id") or "alias/aws/rds").arn
        cluster = old(self, kwargs)
        cluster.db_cluster_resource_id = "cluster-" + hashlib.sha256(secrets.token_bytes(16)).hexdigest()[:26].upper()
        if not cluster.backup_retention_period:
            cluster.backup_retention_period = 1
        if _has_server(cluster):
            if cluster.parameter_group == "default.aurora8.0":
                cluster.parameter_group = f"default.aurora-postgresql{cluster.engine_version.split('.')[0]}"
            server = rows.OfCluster(cluster)
            try:
                rows.open_server(server, rows=RESTORING.get(), password=cluster._master_user_password)
            except BaseException:
                self.clusters.pop(cluster.db_cluster_identifier, None)
                raise
            rows.withdraw(server)
        return cluster

    @override(RDSBackend, "create_db_instance")
    def create_db_instance(old: Any, self: Any, db_kwargs: dict[str, Any]) -> Any:
        member = old(self, db_kwargs)
        cluster = self.clusters.get(db_kwargs.get("db_cluster_identifier") or "")
        if cluster is not None and _has_server(cluster):
            rows.publish(rows.OfCluster(cluster))
        return member

    @override(RDSBackend, "delete_db_instance")
    def delete_db_instance(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        member = old(self, *words, **named)
        cluster = self.clusters.get(getattr(member, "db_cluster_identifier", None) or "")
        if cluster is not None and _has_server(cluster) and not cluster.members:
            rows.withdraw(rows.OfCluster(cluster))
        return member

    @override(RDSBackend, "delete_db_cluster")
    def delete_db_cluster(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        cluster = old(self, *words, **named)
        rows.close_server(rows.OfCluster(cluster))
        return cluster

    @override(RDSBackend, "modify_db_cluster")
    def modify_db_cluster(old: Any, self: Any, kwargs: dict[str, Any]) -> Any:
        seen = old(self, kwargs)
        cluster = self.clusters[seen.db_cluster_identifier]
        server = rows.server_of(rows.OfCluster(cluster))
        if server is not None and (kwargs.get("master_user_password") or kwargs.get("manage_master_user_password")):
            current().fleet.set_password(server, user=cluster.master_username, password=cluster._master_user_password)
        return seen

    add(DBCluster, "endpoint")(property(lambda self: rows.endpoint_host(rows.OfCluster(self))))
    add(DBCluster, "reader_endpoint")(
        property(lambda self: rows.endpoint_host(rows.OfCluster(self)).replace(".cluster-", ".cluster-ro-"))
    )


@strict(
    "rds.delete-cluster-final-snapshot",
    makes="DeleteDBCluster is refused without a final snapshot or SkipFinalSnapshot",
    source="rds.DeleteDBCluster, botocore 1.44.5",
)
def delete_final_snapshot() -> None:
    """AWS refuses to drop rows by omission. Source: rds.DeleteDBCluster, botocore 1.44.5."""
    from moto.rds.exceptions import RDSClientError
    from moto.rds.responses import RDSResponse

    @override(RDSResponse, "delete_db_cluster")
    def delete_db_cluster(old: Any, self: Any) -> Any:
        skipped = str(self.params.get("SkipFinalSnapshot", False)).lower() == "true"
        if not self.params.get("FinalDBSnapshotIdentifier") and not skipped:
            text = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            raise RDSClientError("InvalidParameterCombination", text)
        return old(self)


@strict(
    "rds.cluster-snapshot-rows",
    makes="a cluster snapshot carries the rows as they were, and deleting it leaves its copies whole",
    source="rds.CreateDBClusterSnapshot, rds.DeleteDBClusterSnapshot, botocore 1.44.5",
)
def snapshot_rows() -> None:
    """A snapshot is a physical copy. Source: rds.CreateDBClusterSnapshot, botocore 1.44.5."""
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "create_db_cluster_snapshot")
    def create_db_cluster_snapshot(old: Any, self: Any, db_cluster_identifier: str, *words: Any, **named: Any) -> Any:
        snapshot = old(self, db_cluster_identifier, *words, **named)
        try:
            rows.keep_rows(snapshot, rows.OfCluster(self.clusters[db_cluster_identifier]))
        except BaseException:
            self.cluster_snapshots.pop(snapshot.db_cluster_snapshot_identifier, None)
            raise
        return snapshot

    @override(RDSBackend, "delete_db_cluster_snapshot")
    def delete_db_cluster_snapshot(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        snapshot = old(self, *words, **named)
        rows.drop_rows(snapshot)
        return snapshot


@strict(
    "rds.cluster-snapshot-shared",
    makes="a cluster snapshot under the default key cannot be shared; shared and encrypted, its copy needs the key",
    source="Aurora user guide, Sharing a DB cluster snapshot, read 2026-11; rds.CopyDBClusterSnapshot, botocore 1.44.5",
)
def shared_snapshot() -> None:
    """The emulator shares anything, and finds no cluster snapshot of another account.

    Source: rds.ModifyDBClusterSnapshotAttribute, rds.CopyDBClusterSnapshot, botocore 1.44.5; codes unverified.
    """
    from moto.rds.exceptions import (
        DBClusterSnapshotAlreadyExistsError,
    )
    from moto.rds.models import DBClusterSnapshot, RDSBackend

    @override(RDSBackend, "modify_db_cluster_snapshot_attribute")
    def modify(old: Any, self: Any, db_cluster_snapshot_identifier: str, attribute_name: str, **named: Any) -> Any:
        snapshot = self.get_db_cluster_snapshot(db_cluster_snapshot_identifier)
        check_share(snapshot, named.get("values_to_add"))
        return old(self, db_cluster_snapshot_identifier, attribute_name, **named)

    @override(RDSBackend, "copy_db_cluster_snapshot")
    def copy_db_cluster_snapshot(old: Any, self: Any, **named: Any) -> Any:
        source = _find(self, named["source_db_cluster_snapshot_identifier"])
        key_id = named.get("kms_key_id")
        if source.account_id == self.account_id:
            if key_id:
                usable_key(self, key_id)
            copy = old(self, **named)
            rows.copy_rows(copy, source)
            return copy
        target = named["target_db_cluster_snapshot_identifier"]
        if target in self.cluster_snapshots:
            raise DBClusterSnapshotAlreadyExistsError(target)
        check_copy(source, key_id)
        copy = DBClusterSnapshot(
            self, source.cluster, target, tags=named.get("tags") or [],
            kms_key_id=usable_key(self, key_id).arn if key_id else None,
        )  # fmt: skip
        rows.copy_rows(copy, source)
        self.cluster_snapshots[target] = copy
        return copy


@strict(
    "rds.restore-cluster",
    makes="a restored cluster holds the snapshot's rows, no member, default groups and no protection unless given",
    source="rds.RestoreDBClusterFromSnapshot, botocore 1.44.5; Aurora user guide, Sharing a DB cluster snapshot",
)
def restore() -> None:
    """The emulator carries groups, protection, backups and tags over, and knows no rows.

    Source: rds.RestoreDBClusterFromSnapshot, botocore 1.44.5 (defaults of each parameter).
    """
    from moto.rds.exceptions import DBClusterParameterGroupNotFoundError, InvalidParameterCombination, RDSClientError
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "restore_db_cluster_from_snapshot")
    def restore_db_cluster(_: Any, self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
        snapshot = _find(self, from_snapshot_id)
        given = {name: value for name, value in overrides.items() if value is not None}
        check_restore(self, snapshot)
        if given["db_cluster_identifier"] in self.clusters:
            raise RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        if given["engine"] != snapshot.engine:
            raise InvalidParameterCombination(f"The engine of the snapshot is {snapshot.engine}.")
        group = given.get("db_cluster_parameter_group_name") or "default."
        if not group.startswith("default.") and group not in self.db_cluster_parameter_groups:
            raise DBClusterParameterGroupNotFoundError(group)
        if given.get("db_subnet_group_name"):
            # Refused where it is not there; without groups given, the default group of its VPC.
            subnets = self.describe_db_subnet_groups(given["db_subnet_group_name"])[0]
            given["vpc_security_group_ids"] = given.get("vpc_security_group_ids") or [
                default_group(self, subnets.vpc_id)
            ]
        files: Path | None = rows.rows_of(snapshot)
        if files is None and snapshot.engine == _ENGINE:
            raise NotImplementedError(f"the embedded world has no rows of {snapshot.db_cluster_snapshot_identifier}")
        taken = {name: getattr(snapshot.cluster, name) for name in _RESTORED}
        wanted = {**taken, **given, "storage_encrypted": snapshot.encrypted, "kms_key_id": snapshot.kms_key_id}
        # A restored server keeps the master password of its source.
        wanted["master_user_password"] = snapshot.cluster._master_user_password
        token = RESTORING.set(files)
        try:
            return self.create_db_cluster(wanted)
        finally:
            RESTORING.reset(token)


def _find(backend: Any, name: str) -> Any:
    """A cluster snapshot of this account by name or ARN, or one that is shared with it by ARN."""
    from moto.rds.exceptions import DBClusterSnapshotNotFoundError

    found = _ARN.fullmatch(name)
    if found and found[2] != backend.account_id:
        seen = [shared for shared in backend.get_shared_db_cluster_snapshots() if shared.arn == name]
        if not seen:
            raise DBClusterSnapshotNotFoundError(name)
        return seen[0]
    return backend.get_db_cluster_snapshot(name)
