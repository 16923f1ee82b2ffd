"""Rules over RDS instances: a real PostgreSQL behind each, reached through its endpoint.

The one rule it keeps: what the API says of an instance is true of a server that a client can ask.
Simulated: every status transition is over when the call returns, unless the world's clock says otherwise (`slow`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from migrate.demo.site import current
from migrate.demo.strict import _rows as rows
from migrate.demo.strict import add, override, strict

# The snapshot whose rows the instance being created takes; an instance created outside a restore takes none.
RESTORING: ContextVar[Path | None] = ContextVar("restoring", default=None)


def has_server(instance: Any) -> bool:
    """Say whether a real server stands behind an instance of this engine."""
    return bool(instance.engine == "postgres" and not instance.is_replica)


@strict(
    "rds.real-postgres",
    makes="a DB instance of engine postgres is a real PostgreSQL server with the master user and database asked for",
    source="rds.CreateDBInstance, rds.DeleteDBInstance, rds.StopDBInstance, botocore 1.44.5",
)
def real_postgres() -> None:
    """Create, stop, start and delete a server with its instance; the major version is 16 whatever was asked.

    Source: rds.CreateDBInstance, botocore 1.44.5.
    """
    from moto.rds.models import DBInstance, RDSBackend

    @override(DBInstance, "save_automated_backup")
    def save_automated_backup(old: Any, self: Any) -> None:
        # Called while the instance is being created, when there is nothing to copy yet; AWS takes none either when
        # the retention period is 0.
        if (not has_server(self) or rows.server_of(self)) and self.backup_retention_period:
            old(self)

    @override(RDSBackend, "create_db_instance")
    def create_db_instance(old: Any, self: Any, db_kwargs: dict[str, Any]) -> Any:
        from moto.rds.exceptions import RDSClientError

        plain = db_kwargs.get("engine") == "postgres" and not db_kwargs.get("manage_master_user_password")
        if plain and RESTORING.get() is None and not db_kwargs.get("master_user_password"):
            raise RDSClientError("InvalidParameterCombination", "The parameter MasterUserPassword must be provided.")
        instance = old(self, db_kwargs)
        instance.dbi_resource_id = "db-" + hashlib.sha256(secrets.token_bytes(16)).hexdigest()[:26].upper()
        if not has_server(instance):
            return instance
        instance.status = "creating"
        try:
            rows.open_server(instance, rows=RESTORING.get(), password=_password(instance))
        except BaseException:
            self.databases.pop(instance.db_instance_identifier, None)
            raise
        instance.status = "available"
        instance.save_automated_backup()
        return instance

    @override(RDSBackend, "delete_db_instance")
    def delete_db_instance(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        instance = old(self, *words, **named)
        rows.close_server(instance)
        return instance

    @override(RDSBackend, "stop_db_instance")
    def stop_db_instance(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        instance = old(self, *words, **named)
        server = rows.server_of(instance)
        if server is not None:
            rows.withdraw(instance)
            current().fleet.stop(server)
        return instance

    @override(RDSBackend, "start_db_instance")
    def start_db_instance(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        instance = old(self, *words, **named)
        rows.restart(instance)
        return instance


@strict(
    "rds.delete-final-snapshot",
    makes="DeleteDBInstance is refused without a final snapshot or SkipFinalSnapshot",
    source="rds.DeleteDBInstance, botocore 1.44.5",
)
def delete_final_snapshot() -> None:
    """AWS refuses to drop rows by omission.

    Source: rds.DeleteDBInstance, botocore 1.44.5: FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot.
    """
    from moto.rds.exceptions import RDSClientError
    from moto.rds.responses import RDSResponse

    @override(RDSResponse, "delete_db_instance")
    def delete_db_instance(old: Any, self: Any) -> Any:
        named = self.params.get("FinalDBSnapshotIdentifier")
        skipped = str(self.params.get("SkipFinalSnapshot", False)).lower() == "true"
        if not named and not skipped:
            text = "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            raise RDSClientError("InvalidParameterCombination", text)
        return old(self)


@strict(
    "rds.endpoint",
    makes="an endpoint's host name differs per account and region, and leads to the server through tunnels.json",
    source="RDS user guide, Connecting to a DB instance: Endpoint.Address, unverified",
)
def endpoint() -> None:
    """The emulator gives the same host name to twins in two accounts, which would hide a forgotten rewrite.

    Source: rds.DescribeDBInstances Endpoint.Address, botocore 1.44.5.
    """
    from moto.rds.models import DBInstance

    add(DBInstance, "address")(property(rows.endpoint_host))


@strict(
    "rds.modify-reaches-server",
    makes="ModifyDBInstance changes the master password in the server and moves the endpoint with name and port",
    source="rds.ModifyDBInstance, botocore 1.44.5",
)
def modify_reaches_server() -> None:
    """A changed password must be refused or accepted by the server itself.

    Source: rds.ModifyDBInstance, botocore 1.44.5: MasterUserPassword, NewDBInstanceIdentifier, DBPortNumber.
    """
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "modify_db_instance")
    def modify_db_instance(old: Any, self: Any, db_instance_identifier: str, db_kwargs: dict[str, Any]) -> Any:
        before = self.describe_db_instances(db_instance_identifier)[0]
        server, old_arn = rows.server_of(before), before.arn
        if server is not None:
            rows.withdraw(before)
        port = db_kwargs.pop("db_port_number", None)
        try:
            instance = old(self, db_instance_identifier, db_kwargs)
            instance.port = port or instance.port
            rows.move_server(old_arn, instance)
        finally:
            if server is not None:
                rows.publish(before)
        if server is not None and (
            db_kwargs.get("master_user_password") or db_kwargs.get("manage_master_user_password")
        ):
            current().fleet.set_password(server, user=instance.master_username, password=_password(instance))
        return instance


@strict(
    "rds.managed-password",
    makes="ManageMasterUserPassword makes a secret that holds the password which the server really accepts",
    source="RDS user guide, Password management with Amazon RDS and AWS Secrets Manager, unverified",
)
def managed_password() -> None:
    """The emulator puts the same user and password into every managed secret.

    Source: rds.CreateDBInstance ManageMasterUserPassword, botocore 1.44.5.
    """
    from moto.rds.models import MasterUserSecret

    @override(MasterUserSecret, "_generate_secret_string")
    def generate_secret_string(_: Any, self: Any) -> str:
        password = secrets.token_urlsafe(20)
        self.resource._master_user_password = password
        return json.dumps({"username": self.resource.master_username, "password": password})


def _password(instance: Any) -> str:
    return str(getattr(instance, "_master_user_password", "") or "")


@strict(
    "rds.list-option-groups",
    makes="a listing of option groups that names none shows all",
    source="rds.DescribeOptionGroups, botocore 1.44.5",
)
def list_option_groups() -> None:
    """The emulator alone fails where no name is asked for. Source: rds.DescribeOptionGroups, botocore 1.44.5."""
    from moto.rds.models import RDSBackend

    @override(RDSBackend, "describe_option_groups")
    def describe_option_groups(old: Any, self: Any, asked: Any) -> Any:
        return old(self, asked) if "option_group_name" in asked else list(self.option_groups.values())
