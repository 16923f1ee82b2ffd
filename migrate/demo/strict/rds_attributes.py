"""What an instance is told when it is made. The one rule it keeps: what was said in the call is shown afterwards."""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import override, strict

_TOLD = ("dedicated_log_volume", "engine_lifecycle_support", "database_insights_mode")


@strict(
    "rds.attributes-told",
    makes="an instance has the log volume, lifecycle support and insights mode that it was made or restored with",
    source="rds.CreateDBInstance, rds.RestoreDBInstanceFromDBSnapshot, botocore 1.44.5",
)
def attributes_told() -> None:
    """The emulator forgets them, unless they are said in ModifyDBInstance. A restore takes none from its snapshot.

    Source: rds.RestoreDBInstanceFromDBSnapshot (EngineLifecycleSupport has a default of its own), botocore 1.44.5.
    """
    from moto.rds.models import RDSBackend

    def told(instance: Any, said: dict[str, Any]) -> Any:
        for name in _TOLD:
            setattr(instance, name, said.get(name))
        return instance

    @override(RDSBackend, "create_db_instance")
    def create(old: Any, self: Any, db_kwargs: dict[str, Any]) -> Any:
        return told(old(self, db_kwargs), db_kwargs)

    @override(RDSBackend, "restore_db_instance_from_db_snapshot")
    def restore(old: Any, self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
        return told(old(self, from_snapshot_id, overrides), overrides)
