"""Rules over DB parameter groups: a static parameter counts from the next start of the server on.

The one rule it keeps: whether a server can be replicated logically is asked of the server, and the group alone decides.
Simulated: of all parameters only rds.logical_replication reaches the server, as wal_level.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import _rows as rows
from migrate.demo.strict import add, override, strict


@strict(
    "rds.static-parameters",
    makes="rds.logical_replication counts once the instance (a cluster's writer) is rebooted; until then its group is "
    "pending-reboot",
    source="RDS user guide, Performing logical replication for Amazon RDS for PostgreSQL; Aurora user guide, Setting "
    "up logical replication for your Aurora PostgreSQL DB cluster; read 2026-11",
)
def static_parameters() -> None:
    """The emulator answers a reboot and does nothing, and a changed group is in-sync at once.

    Source: rds.RebootDBInstance, rds.DescribeDBInstances DBParameterGroups.ParameterApplyStatus,
    rds.DescribeDBClusters DBClusterMembers.DBClusterParameterGroupStatus, botocore 1.44.5.
    """
    from moto.rds.models import DBCluster, DBInstance, RDSBackend

    @override(RDSBackend, "reboot_db_instance")
    def reboot_db_instance(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        instance = old(self, *words, **named)
        rows.restart(instance)
        cluster = self.clusters.get(getattr(instance, "db_cluster_identifier", None) or "")
        if cluster is not None and instance.is_cluster_writer:
            rows.restart(rows.OfCluster(cluster))
        return instance

    emulated: Any = DBInstance.db_parameter_group_status_list

    def db_parameter_group_status_list(self: Any) -> Any:
        listed = emulated.fget(self)
        if rows.server_of(self) is not None and self.running_parameters != rows.parameters_of(self):
            for group in listed:
                group.ParameterApplyStatus = "pending-reboot"
        return listed

    add(DBInstance, "db_parameter_group_status_list")(property(db_parameter_group_status_list))

    emulated_members: Any = DBCluster.db_cluster_members

    def db_cluster_members(self: Any) -> Any:
        listed, server = emulated_members.fget(self), rows.OfCluster(self)
        if rows.server_of(server) is not None and server.running_parameters != rows.parameters_of(server):
            listed = [member | {"DBClusterParameterGroupStatus": "pending-reboot"} for member in listed]
        return listed

    add(DBCluster, "db_cluster_members")(property(db_cluster_members))
