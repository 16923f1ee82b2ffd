"""A database with legacy's settings and without its rows, for a copy of a shape. The rule: no snapshot, no password.

RDS makes the master password itself and keeps it in a secret of its own, so that none passes this tool. Schema, roles
and extensions are not made: who deploys to the copy runs their migrations.
"""

from collections.abc import Sequence

from migrate.kind import Carrier, It, Json, Place, Request
from migrate.kinds.rds_instance.actions import Create, restored
from migrate.kinds.rds_instance.facts import InstanceFacts


class CreateEmpty(Create):
    """As the restore does, said to CreateDBInstance."""

    title = "Create the database, empty"
    phase = "build"
    undo_class = "R3"
    downtime = "D0"

    def applies(self, it: It[InstanceFacts]) -> bool:
        return it.facts.moves

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        restore, *rest = super().requests(it, place)
        named = {"DBInstanceIdentifier": place.name}
        return [restore._replace(operation="rds.CreateDBInstance", params=named | _made(it, place), retry=()), *rest]

    def loses(self, it: It[InstanceFacts], to: Carrier) -> Sequence[str]:
        """Nobody compared anything: whatever it holds is the copy's own."""
        return (f"whatever was written into the database {to.place.name} since it was made",)


def _made(it: It[InstanceFacts], place: Place) -> dict[str, Json]:
    """Source: rds.CreateDBInstance, botocore 1.44.5: RDS manages the password where none is given."""
    facts = it.facts
    said = restored(it, place)
    said.pop("DBSnapshotIdentifier")
    own: dict[str, Json] = {
        "Engine": facts.engine,
        "EngineVersion": facts.engine_version,
        "AllocatedStorage": facts.allocated_gib,
        "DBName": facts.db_name,
        "MasterUsername": facts.master_user,
        "ManageMasterUserPassword": True,
        "StorageEncrypted": facts.encrypted,
        "KmsKeyId": facts.kms_key_id,
    }
    return said | {name: value for name, value in own.items() if value is not None}
