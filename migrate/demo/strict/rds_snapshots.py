"""Rules over RDS snapshots: they carry rows, cross accounts only when shared, and restore to plain defaults.

The one rule it keeps: rows reach another account by sharing, copying and restoring, in that order, or not at all.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.demo.strict import _rows as rows
from migrate.demo.strict import override, strict
from migrate.demo.strict._caller import CALLER
from migrate.demo.strict.kms import is_default, may_use, owner_of
from migrate.demo.strict.rds import RESTORING, has_server

_SNAPSHOT_ARN = re.compile(r"arn:aws:rds:([a-z0-9-]+):(\d{12}):snapshot:(.+)")
# What a copy needs of its source's key. Source: RDS user guide (text of June 2023), Sharing a DB snapshot.
KEY_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:CreateGrant")
# What an instance takes over from its snapshot; everything else is a default or must be given.
# Source: rds.RestoreDBInstanceFromDBSnapshot, botocore 1.44.5.
_RESTORED = (
    "allocated_storage", "auto_minor_version_upgrade", "backup_retention_period", "ca_certificate_identifier",
    "character_set_name", "copy_tags_to_snapshot", "db_instance_class", "db_name", "engine", "engine_version", "iops",
    "license_model", "master_username", "port", "preferred_backup_window", "preferred_maintenance_window",
    "publicly_accessible", "storage_throughput", "storage_type",
)  # fmt: skip


@strict(
    "rds.snapshot-rows",
    makes="a snapshot carries the rows of its database as they were, and deleting it leaves its copies whole",
    source="rds.CreateDBSnapshot, rds.CopyDBSnapshot, rds.DeleteDBSnapshot, botocore 1.44.5",
)
def snapshot_rows() -> None:
    """A snapshot is a physical copy (pg_basebackup), consistent while writers write.

    Source: rds.CreateDBSnapshot, botocore 1.44.5.
    """
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "create_db_snapshot")
    def create_db_snapshot(old: Any, self: Any, db_instance_identifier: str, *words: Any, **named: Any) -> Any:
        snapshot = old(self, db_instance_identifier, *words, **named)
        snapshot.status = "creating"
        try:
            rows.keep_rows(snapshot, self.databases[db_instance_identifier])
        except BaseException:
            self.database_snapshots.pop(snapshot.db_snapshot_identifier, None)
            raise
        snapshot.status = "available"
        return snapshot

    @override(RDSBackend, "delete_db_snapshot")
    def delete_db_snapshot(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        snapshot = old(self, *words, **named)
        rows.drop_rows(snapshot)
        return snapshot


@strict(
    "rds.encrypted-with-real-key",
    makes="an encrypted instance is encrypted by a key that exists: the one named, else the account's aws/rds key",
    source="rds.CreateDBInstance KmsKeyId, botocore 1.44.5",
)
def encrypted_with_real_key() -> None:
    """The emulator writes the words default_kms_key_id and never looks.

    Source: rds.CreateDBInstance, botocore 1.44.5: the default key is used when KmsKeyId is not given.
    """
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "create_db_instance")
    def create_db_instance(old: Any, self: Any, db_kwargs: dict[str, Any]) -> Any:
        if db_kwargs.get("storage_encrypted") and not db_kwargs.get("db_cluster_identifier"):
            given = db_kwargs.get("kms_key_id") or "alias/aws/rds"
            db_kwargs["kms_key_id"] = usable_key(self, given).arn
        return old(self, db_kwargs)


@strict(
    "rds.default-key-not-shared",
    makes="a snapshot under the default key aws/rds cannot be shared, an encrypted one not with everybody",
    source="RDS user guide (text of June 2023), Sharing a DB snapshot; the error code is unverified",
)
def default_key_not_shared() -> None:
    """The default key's policy cannot be edited, so AWS refuses to share what it encrypts.

    Source: RDS user guide (text of June 2023), Sharing a DB snapshot; rds.ModifyDBSnapshotAttribute, botocore 1.44.5.
    """
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "modify_db_snapshot_attribute")
    def modify_db_snapshot_attribute(
        old: Any,
        self: Any,
        db_snapshot_identifier: str,
        attribute_name: str,
        values_to_add: Any = None,
        *words: Any,
        **named: Any,
    ) -> Any:
        snapshot = self.describe_db_snapshots(None, db_snapshot_identifier)[0]
        check_share(snapshot, values_to_add)
        return old(self, db_snapshot_identifier, attribute_name, values_to_add, *words, **named)


@strict(
    "rds.shared-snapshots-listed",
    makes="DescribeDBSnapshots SnapshotType=shared lists what others share, named by ARN, and nothing else does",
    source="rds.DescribeDBSnapshots, botocore 1.44.5; the ARN as identifier is unverified",
)
def shared_snapshots_listed() -> None:
    """The emulator lists shared snapshots, but under the identifier and type they have for their owner.

    Source: rds.DescribeDBSnapshots, botocore 1.44.5: SnapshotType shared, IncludeShared.
    """
    from moto.rds import models
    from moto.rds.exceptions import DBSnapshotNotFoundFault
    from moto.rds.models import RDSBackend

    # The serializer reads the class's name.
    class DBSnapshot(models.DBSnapshot):
        """A snapshot as the account it is shared with sees it."""

        def __init__(self, seen: Any) -> None:
            self.__dict__.update(seen.__dict__)
            self.snapshot_type = "shared"

        @property
        def resource_id(self) -> str:
            return str(self._db_snapshot_identifier)

        @property  # type: ignore[misc]
        def db_snapshot_identifier(self) -> str:
            return str(self.arn)

    @override(RDSBackend, "describe_db_snapshots")
    def describe_db_snapshots(
        old: Any,
        self: Any,
        db_instance_identifier: Any,
        db_snapshot_identifier: Any = None,
        *words: Any,
        **named: Any,
    ) -> Any:
        kind = words[0] if words else named.get("snapshot_type")
        found = _SNAPSHOT_ARN.fullmatch(db_snapshot_identifier or "")
        if kind != "shared" and not (found and found[2] != self.account_id):
            plain = found[3] if found else db_snapshot_identifier
            return old(self, db_instance_identifier, plain, *words, **named)
        shared = [DBSnapshot(seen) for seen in self.get_shared_db_snapshots() if seen.account_id != self.account_id]
        if db_snapshot_identifier:
            shared = [seen for seen in shared if db_snapshot_identifier == seen.arn]
            if not shared:
                raise DBSnapshotNotFoundFault(db_snapshot_identifier)
        if db_instance_identifier:
            shared = [seen for seen in shared if db_instance_identifier == seen.db_instance_identifier]
        return shared


@strict(
    "rds.copy-shared-snapshot",
    makes="CopyDBSnapshot takes another account's shared snapshot by ARN; encrypted, it needs KmsKeyId and the key",
    source="rds.CopyDBSnapshot, botocore 1.44.5; message as in awslabs/aurora-snapshot-tool#26",
)
def copy_shared_snapshot() -> None:
    """The emulator never finds a snapshot of another account.

    Source: rds.CopyDBSnapshot, botocore 1.44.5: a shared encrypted snapshot requires KmsKeyId.
    """
    from moto.rds.exceptions import DBSnapshotAlreadyExistsError
    from moto.rds.models import DBSnapshot, RDSBackend

    @override(RDSBackend, "copy_db_snapshot")
    def copy_db_snapshot(old: Any, self: Any, **named: Any) -> Any:
        name = named["source_db_snapshot_identifier"]
        source = _find(self, name)
        if source.account_id == self.account_id:
            if named.get("kms_key_id"):
                usable_key(self, named["kms_key_id"])
            copy = old(self, **named)
            rows.copy_rows(copy, source)
            return copy
        target = named["target_db_snapshot_identifier"]
        if target in self.database_snapshots:
            raise DBSnapshotAlreadyExistsError(target)
        key_id = named.get("kms_key_id")
        check_copy(source, key_id)
        copy = DBSnapshot(
            self, source.database, target, tags=named.get("tags"),
            kms_key_id=usable_key(self, key_id).arn if key_id else None,
            original_created_at=source.original_snapshot_create_time,
        )  # fmt: skip
        if not named.get("tags"):
            # Tags of another account's snapshot are not visible, so they are not copied. Unverified.
            copy.tags = []
        rows.copy_rows(copy, source)
        self.database_snapshots[target] = copy
        return copy


@strict(
    "rds.restore",
    makes="a restore holds the snapshot's rows; Single-AZ, default groups, no protection unless given; own copy only",
    source="rds.RestoreDBInstanceFromDBSnapshot, botocore 1.44.5; RDS user guide (June 2023), Sharing a DB snapshot",
)
def restore() -> None:
    """The emulator carries Multi-AZ, subnet group, protection and tags over, and knows no rows.

    Source: rds.RestoreDBInstanceFromDBSnapshot, botocore 1.44.5 (defaults of each parameter).
    """
    from moto.rds.exceptions import (
        DBInstanceAlreadyExists,
        InvalidParameterValue,
    )
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "restore_db_instance_from_db_snapshot")
    def restore_db_instance(_: Any, self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
        snapshot = _find(self, from_snapshot_id)
        check_restore(self, snapshot)
        if overrides["db_instance_identifier"].lower() in self.databases:
            raise DBInstanceAlreadyExists()
        if int(overrides.get("allocated_storage") or snapshot.allocated_storage) < int(snapshot.allocated_storage):
            text = "The allocated storage size can't be less than the source snapshot or backup size."
            raise InvalidParameterValue(text)
        taken = {name: getattr(snapshot.database, name) for name in _RESTORED if hasattr(snapshot.database, name)}
        given = {name: value for name, value in overrides.items() if value is not None}
        given.pop("db_snapshot_identifier", None)
        given["storage_encrypted"] = snapshot.encrypted
        given["kms_key_id"] = snapshot.kms_key_id
        return _restored(self, {**taken, **given}, snapshot)

    @override(RDSBackend, "restore_db_instance_to_point_in_time")
    def restore_to_point_in_time(_: Any, self: Any, source: str, target: str, overrides: dict[str, Any]) -> Any:
        raise NotImplementedError("The restore_db_instance_to_point_in_time action has not been implemented")


def _restored(backend: Any, wanted: dict[str, Any], snapshot: Any) -> Any:
    if not wanted.get("vpc_security_group_ids") and wanted.get("db_subnet_group_name"):
        # The default group is that of the VPC the instance lands in.
        group = backend.describe_db_subnet_groups(wanted["db_subnet_group_name"])[0]
        wanted["vpc_security_group_ids"] = [default_group(backend, group.vpc_id)]
    files = rows.rows_of(snapshot)
    if files is None and has_server(snapshot.database):
        raise NotImplementedError(f"the embedded world has no rows of snapshot {snapshot.db_snapshot_identifier}")
    token = RESTORING.set(files)
    try:
        instance = backend.create_db_instance(wanted)
    finally:
        RESTORING.reset(token)
    # A restored server keeps the master password of its source.
    instance._master_user_password = getattr(snapshot.database, "_master_user_password", None)
    return instance


def check_share(snapshot: Any, accounts: Any) -> None:
    """Refuse to share an encrypted snapshot with everybody, or one under the default key with anybody."""
    from moto.rds.exceptions import InvalidParameterCombination

    if accounts and snapshot.encrypted:
        if is_default(source_key(snapshot)):
            text = "Sharing snapshots encrypted with the default service key for RDS is currently not supported."
            raise InvalidParameterCombination(text)
        if "all" in accounts:
            raise InvalidParameterCombination("An encrypted snapshot cannot be made public.")


def check_copy(source: Any, key_id: str | None) -> None:
    """Refuse the copy of an encrypted snapshot of another account without a key, or without the right to its own."""
    from moto.rds.exceptions import InvalidParameterCombination, RDSClientError

    if not source.encrypted:
        return
    if not key_id:
        text = "KmsKeyId must be specified to copy an encrypted snapshot shared by another account."
        raise InvalidParameterCombination(text)
    if not may_use(source_key(source), CALLER.get(), *KEY_ACTIONS):
        text = f"The source snapshot KMS key [{source.kms_key_id}] does not exist, is not enabled or you do "
        raise RDSClientError("KMSKeyNotAccessibleFault", text + "not have permissions to access it.")


def check_restore(backend: Any, snapshot: Any) -> None:
    """Refuse to restore from another account's encrypted snapshot."""
    from moto.rds.exceptions import InvalidParameterCombination

    if snapshot.account_id != backend.account_id and snapshot.encrypted:
        text = "You can't restore from an encrypted snapshot that another account shares. Copy it first."
        raise InvalidParameterCombination(text)


def default_group(backend: Any, vpc_id: str) -> str:
    from moto.ec2.models import ec2_backends

    group: Any = ec2_backends[backend.account_id][backend.region_name].get_default_security_group(vpc_id)
    return str(group.id)


def _find(backend: Any, name: str) -> Any:
    """A snapshot of this account by name or ARN, or one that is shared with it by ARN."""
    from moto.rds.exceptions import DBSnapshotNotFoundFault

    found = _SNAPSHOT_ARN.fullmatch(name)
    if found and found[2] != backend.account_id:
        seen = [shared for shared in backend.get_shared_db_snapshots() if shared.arn == name]
        if not seen:
            raise DBSnapshotNotFoundFault(name)
        return seen[0]
    return backend.get_db_snapshot(name)


def source_key(snapshot: Any) -> Any:
    from moto.kms.models import kms_backends

    return kms_backends[snapshot.account_id][snapshot.region].describe_key(snapshot.kms_key_id)


def usable_key(backend: Any, key_id: str) -> Any:
    """The key that an encryption in this account names, its own or one that another account lets it use."""
    from moto.kms.models import kms_backends
    from moto.rds.exceptions import KMSKeyNotAccessibleFault

    owner = owner_of(key_id, backend.account_id)
    try:
        key = kms_backends[owner][backend.region_name].describe_key(key_id)
    except (KeyError, AttributeError) as unknown:
        raise KMSKeyNotAccessibleFault(key_id) from unknown
    if owner != backend.account_id and not may_use(key, CALLER.get(), *KEY_ACTIONS):
        raise KMSKeyNotAccessibleFault(key_id)
    return key
