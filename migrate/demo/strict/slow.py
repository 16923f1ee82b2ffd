"""Rules that let states take their time, by the world's own clock: nothing is slow unless `clock.json` says so.

The one rule it keeps: what is not ready says so in the state that AWS shows meanwhile, and refuses what AWS refuses.
"""

from __future__ import annotations

from typing import Any

from migrate.demo import clock
from migrate.demo.strict import override, strict
from migrate.demo.strict._refusal import Refusal

_READY = "world_ready_at_s"


def begin(thing: Any, what: str) -> None:
    """This thing is made from now on, and ready when its time is over."""
    takes_s = clock.takes_s(what)
    if takes_s:
        setattr(thing, _READY, clock.now_s() + takes_s)


def is_ready(thing: Any) -> bool:
    """Whether its time is over."""
    return clock.now_s() >= float(getattr(thing, _READY, 0.0))


@strict(
    "dynamodb.table-takes-time",
    makes="a table is CREATING for as long as the world's clock says, and takes no items until it is ACTIVE",
    source="dynamodb.CreateTable and ResourceInUseException, botocore 1.44.5",
)
def table_takes_time() -> None:
    """The emulator's tables are ACTIVE at once. Source: dynamodb.CreateTable, botocore 1.44.5: reads and writes are
    possible on an ACTIVE table only."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    @override(DynamoDBBackend, "create_table")
    def create_table(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        table = old(self, *words, **named)
        begin(table, "dynamodb:table")
        return table

    @override(Table, "describe")
    def describe(old: Any, self: Any, base_key: str = "TableDescription") -> Any:
        answer = old(self, base_key)
        if not is_ready(self):
            answer[base_key]["TableStatus"] = "CREATING"
        return answer

    @override(Table, "put_item")
    def put_item(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        if not is_ready(self):
            raise Refusal("ResourceNotFoundException", "Requested resource not found")
        return old(self, *words, **named)


@strict(
    "ec2.nat-gateway-takes-time",
    makes="a NAT gateway is pending for as long as the world's clock says",
    source="ec2.NatGateway State, botocore 1.44.5",
)
def gateway_takes_time() -> None:
    """The emulator's gateways are available at once."""
    from moto.ec2.models.nat_gateways import NatGateway

    _shown(NatGateway, "state", "pending")

    @override(NatGateway, "__init__")
    def make(old: Any, self: Any, *words: Any, **named: Any) -> None:
        old(self, *words, **named)
        begin(self, "ec2:nat-gateway")


@strict(
    "acm.takes-time",
    makes="a certificate that is validated by DNS is PENDING_VALIDATION for as long as the world's clock says",
    source="acm.CertificateDetail Status, botocore 1.44.5",
)
def certificate_takes_time() -> None:
    """The emulator issues one after a minute of the machine's time. No record is looked for, here or there."""
    from moto.acm.models import AWSCertificateManagerBackend, CertBundle

    @override(AWSCertificateManagerBackend, "request_certificate")
    def request(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        arn = old(self, *words, **named)
        if not hasattr(self._certificates[arn], _READY):
            begin(self._certificates[arn], "acm:certificate")
        return arn

    @override(CertBundle, "check")
    def check(old: Any, self: Any) -> None:
        if not hasattr(self, _READY):
            old(self)
        elif self.status == "PENDING_VALIDATION" and is_ready(self):
            self.status = "ISSUED"


@strict(
    "rds.takes-time",
    makes="an instance is creating and a snapshot is creating for as long as the world's clock says",
    source="rds.DescribeDBInstances DBInstanceStatus and rds.DescribeDBSnapshots Status, botocore 1.44.5",
)
def database_takes_time() -> None:
    """Here every transition is over when the call returns; a restore takes minutes to hours.

    Source: rds.RestoreDBInstanceFromDBSnapshot, botocore 1.44.5: InvalidDBSnapshotState while it is not available.
    """
    from moto.rds.models import DBInstance, DBSnapshot, RDSBackend

    _shown(DBInstance)
    _shown(DBSnapshot)

    @override(RDSBackend, "restore_db_instance_from_db_snapshot")
    def restore(old: Any, self: Any, from_snapshot_id: str, *words: Any, **named: Any) -> Any:
        snapshot = self.database_snapshots.get(from_snapshot_id)
        if snapshot is not None and not is_ready(snapshot):
            text = f"The snapshot {from_snapshot_id} is not available."
            raise Refusal("InvalidDBSnapshotState", text)
        instance = old(self, from_snapshot_id, *words, **named)
        begin(instance, "rds:instance")
        return instance

    for name in ("create_db_snapshot", "copy_db_snapshot"):

        @override(RDSBackend, name)
        def make(old: Any, self: Any, *words: Any, **named: Any) -> Any:
            snapshot = old(self, *words, **named)
            begin(snapshot, "rds:snapshot")
            return snapshot


def _shown(owner: Any, name: str = "status", meanwhile: str = "creating") -> None:
    """Show another state for what is available and not ready yet."""

    def read(self: Any) -> Any:
        held = self.__dict__.get("world_status")
        return meanwhile if held == "available" and not is_ready(self) else held

    def write(self: Any, value: str) -> None:
        self.__dict__["world_status"] = value

    setattr(owner, name, property(read, write))
