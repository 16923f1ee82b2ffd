"""Which PostgreSQL server stands behind which DB instance, and which copy of its files behind which snapshot.

The one rule it keeps: a server's rows come from nothing but its clients or the one snapshot it was restored from.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

from migrate.demo.postgres import Database
from migrate.demo.site import current

_servers: dict[str, Database] = {}
_snapshots: dict[str, Path] = {}
_running: dict[str, dict[str, str]] = {}
_guard = threading.Lock()


class OfCluster:
    """An Aurora cluster as the functions here see an instance: it is the cluster that has the rows."""

    def __init__(self, cluster: Any) -> None:
        self.arn = cluster.arn
        self.account_id, self.region = cluster.account_id, cluster.region
        self.db_instance_identifier = cluster.db_cluster_identifier
        self.port = cluster.port
        self.master_username, self.db_name = cluster.master_username, cluster.database_name
        self._cluster = cluster

    @property
    def running_parameters(self) -> dict[str, str]:
        """What its server was started with."""
        return _running.get(self.arn, {})

    @running_parameters.setter
    def running_parameters(self, parameters: dict[str, str]) -> None:
        _running[self.arn] = parameters

    def db_parameter_groups(self) -> list[OfCluster]:
        """A cluster has one cluster group, which is taken for an instance's: see `parameters`."""
        return [self]

    @property
    def parameters(self) -> dict[str, Any]:
        """What people changed in the cluster's group; nothing in AWS's default groups."""
        group = self._cluster.backend.db_cluster_parameter_groups.get(self._cluster.parameter_group)
        return group.parameters if group is not None else {}


def endpoint_host(instance: Any) -> str:
    """The host name of an instance's endpoint: it differs for the same identifier in each account and region."""
    digest = hashlib.sha256(f"{instance.account_id}/{instance.region}".encode()).digest()
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    mark = "".join(letters[byte % 36] for byte in digest[:11])
    between = "cluster-" if isinstance(instance, OfCluster) else ""
    return f"{instance.db_instance_identifier}.{between}c{mark}.{instance.region}.rds.amazonaws.com"


def server_of(instance: Any) -> Database | None:
    """The server behind an instance; none for engines other than PostgreSQL and for replicas."""
    return _servers.get(instance.arn)


def parameters_of(instance: Any) -> dict[str, str]:
    """What the instance's parameter group asks of the server, as far as this world knows: whether it logs logically."""
    found = instance.db_parameter_groups()[0].parameters.get("rds.logical_replication", {})
    return {"wal_level": "logical"} if str(found.get("ParameterValue", "")).lower() in ("1", "on", "true") else {}


def restart(instance: Any) -> None:
    """Start the instance's server anew, with what its parameter group asks now."""
    server = server_of(instance)
    if server is not None:
        fleet = current().fleet
        withdraw(instance)
        fleet.stop(server)
        instance.running_parameters = parameters_of(instance)
        fleet.configure(server, instance.running_parameters)
        fleet.start(server)
        publish(instance)


def open_server(instance: Any, *, rows: Path | None, password: str) -> None:
    """Start the server of a new instance: empty, or with a snapshot's rows."""
    fleet = current().fleet
    parameters = parameters_of(instance)
    if rows is None:
        named = {"user": instance.master_username, "password": password, "name": instance.db_name}
        server = fleet.create(**named, parameters=parameters)
    else:
        server = fleet.restore(rows, parameters)
    instance.running_parameters = parameters
    with _guard:
        _servers[instance.arn] = server
    publish(instance)


def publish(instance: Any) -> None:
    """Make the instance's endpoint lead to its server."""
    server = server_of(instance)
    if server is not None and server.process is not None:
        current().open_tunnel(f"{endpoint_host(instance)}:{instance.port}", server.port)


def withdraw(instance: Any) -> None:
    """Make the instance's endpoint lead nowhere."""
    current().close_tunnel(f"{endpoint_host(instance)}:{instance.port}")


def move_server(old_arn: str, instance: Any) -> None:
    """Keep the server of an instance that was renamed."""
    with _guard:
        server = _servers.pop(old_arn, None)
        if server is not None:
            _servers[instance.arn] = server


def close_server(instance: Any) -> None:
    """Stop the server of a deleted instance and drop its rows."""
    with _guard:
        server = _servers.pop(instance.arn, None)
    if server is not None:
        withdraw(instance)
        current().fleet.delete(server)


def keep_rows(snapshot: Any, instance: Any) -> None:
    """Copy the instance's rows into a snapshot."""
    server = server_of(instance)
    if server is not None:
        _snapshots[snapshot.arn] = current().fleet.snapshot(server)


def copy_rows(copy: Any, source: Any) -> None:
    """Give a copied snapshot its own copy of the rows."""
    rows = _snapshots.get(source.arn)
    if rows is not None:
        _snapshots[copy.arn] = current().fleet.copy(rows)


def rows_of(snapshot: Any) -> Path | None:
    """The files of a snapshot; none where its instance had no server."""
    return _snapshots.get(snapshot.arn)


def drop_rows(snapshot: Any) -> None:
    """Delete a snapshot's rows."""
    rows = _snapshots.pop(snapshot.arn, None)
    if rows is not None:
        current().fleet.discard(rows)
