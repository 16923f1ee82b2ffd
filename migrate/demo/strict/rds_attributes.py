"""What an instance is told when it is made. The one rule it keeps: what was said in the call is shown afterwards."""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import override, strict

_TOLD = ("dedicated_log_volume", "engine_lifecycle_support", "database_insights_mode")
_OF_CLUSTERS = ("engine_lifecycle_support", "database_insights_mode")


@strict(
    "rds.attributes-told",
    makes="an instance or cluster has the log volume, lifecycle support and insights mode that it was made with",
    source="rds.CreateDBInstance, rds.RestoreDBInstanceFromDBSnapshot, the same of clusters, botocore 1.44.5",
)
def attributes_told() -> None:
    """The emulator forgets them, unless they are said in ModifyDBInstance. A restore takes none from its snapshot.

    Source: rds.RestoreDBInstanceFromDBSnapshot (EngineLifecycleSupport has a default of its own), botocore 1.44.5.
    """
    from moto.rds.models import RDSBackend

    def told(made: Any, said: dict[str, Any], names: tuple[str, ...] = _TOLD) -> Any:
        for name in names:
            setattr(made, name, said.get(name))
        return made

    @override(RDSBackend, "create_db_instance")
    def create(old: Any, self: Any, db_kwargs: dict[str, Any]) -> Any:
        return told(old(self, db_kwargs), db_kwargs)

    @override(RDSBackend, "restore_db_instance_from_db_snapshot")
    def restore(old: Any, self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
        return told(old(self, from_snapshot_id, overrides), overrides)

    @override(RDSBackend, "create_db_cluster")
    def create_cluster(old: Any, self: Any, kwargs: dict[str, Any]) -> Any:
        return told(old(self, kwargs), kwargs, _OF_CLUSTERS)

    @override(RDSBackend, "restore_db_cluster_from_snapshot")
    def restore_cluster(old: Any, self: Any, from_snapshot_id: str, overrides: dict[str, Any]) -> Any:
        return told(old(self, from_snapshot_id, overrides), overrides, _OF_CLUSTERS)
