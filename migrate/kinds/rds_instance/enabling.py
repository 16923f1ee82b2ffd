"""Legacy's server logs enough to be replicated only after one reboot: a group of its own, named, and taken back.

The rule: no group that others use is changed. The database gets a copy of its group with one parameter more; the undo
gives it its own group back, which counts from the next reboot on: a rollback reboots nobody's database.

Source: RDS user guide, Performing logical replication for Amazon RDS for PostgreSQL; Working with DB parameter groups
(a static parameter needs a reboot; a default group cannot be changed); Aurora user guide, Setting up logical
replication for your Aurora PostgreSQL DB cluster (the cluster's group, and a reboot of its writer); read 2026-11.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from migrate.kind import Action, Find, It, Json, Place, Request, Wait, after, tag_pairs
from migrate.kinds.rds_instance.replication import is_followed

GROUP_GONE = ("DBParameterGroupNotFound", "DBClusterParameterGroupNotFound")
"""Source: rds.DeleteDBParameterGroup, rds.ModifyDBCluster, botocore 1.44.5. Which one a cluster's gives: unverified."""
BROKEN = ("failed", "incompatible-parameters", "storage-full", "inaccessible-encryption-credentials")
_BUSY = ("InvalidDBInstanceState", "InvalidDBClusterStateFault", "InvalidDBParameterGroupState")
_SETTLED = ("available", "in-sync", "pending-reboot")


def group_name(it: It[Any]) -> str:
    """The same for the same database; at most 255 characters, no two hyphens in a row."""
    return f"migrate-{hashlib.sha256(str(it.ref).encode()).hexdigest()[:12]}-{it.ref.name}"[:200].rstrip("-")


class EnableReplication(Action[Any]):
    """In legacy: the instance under a group with rds.logical_replication, and one reboot."""

    name = "enable_replication"
    title = "Reboot legacy's database once with rds.logical_replication"
    undo_class = "R1"
    downtime = "D2"
    named_only = True

    thing: ClassVar[Literal["DBInstance", "DBCluster"]] = "DBInstance"
    group: ClassVar[Literal["DBParameterGroup", "DBClusterParameterGroup"]] = "DBParameterGroup"
    family: ClassVar[str] = "postgres"
    state: ClassVar[str] = "DBInstances[0].[DBInstanceStatus, DBParameterGroups[0].ParameterApplyStatus][]"
    """Where it says whether it is there, and whether its group counts already."""
    under: ClassVar[str] = (
        "DBInstances[0].DBParameterGroups[?DBParameterGroupName=='{}' && ParameterApplyStatus=='in-sync']"
        ".DBParameterGroupName | [0]"
    )
    """Something where the group of this name counts."""

    def applies(self, it: It[Any]) -> bool:
        return is_followed(it) and not it.facts.logical_replication

    def requests(self, it: It[Any], place: Place) -> Sequence[Request]:
        name, group = group_name(it), self.group
        named: dict[str, Json] = {f"{group}Name": name}
        parameter = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
        before, rebooted = self._rebooted(it)
        look = (f"rds.Describe{self.thing}s", dict(self._named(it)))
        return [
            Request(
                *self._made(it, place),
                "legacy",
                once="named",
                find=Find(f"rds.Describe{group}s", dict(named), {"group": f"{group}s[0].{group}Name"}),
                undo=Request(
                    f"rds.Delete{group}",
                    dict(named),
                    "legacy",
                    done=GROUP_GONE,
                    retry=("InvalidDBParameterGroupState",),
                ),
            ),
            Request(f"rds.Modify{group}", named | {"Parameters": [parameter]}, "legacy"),
            self._put(it, name, undo=self._put(it, it.facts.parameter_group)),
            *before,
            Request(
                "rds.RebootDBInstance",
                {"DBInstanceIdentifier": rebooted},
                "legacy",
                retry=("InvalidDBInstanceState",),
                # Rebooted once, not again by a repeat.
                find=Find(*look, {"rebooted": self.under.format(name)}),
                wait=Wait(*look, self.state, ("available", "in-sync"), BROKEN),
            ),
        ]

    def legacy_after(self, it: It[Any]) -> Mapping[str, Json]:
        return {"parameter_group": group_name(it), "logical_replication": True}

    def _named(self, it: It[Any]) -> dict[str, Json]:
        return {f"{self.thing}Identifier": it.ref.name}

    def _rebooted(self, it: It[Any]) -> tuple[list[Request], Json]:
        """What is asked first, and the instance that is rebooted."""
        return [], it.ref.name

    def _made(self, it: It[Any], place: Place) -> tuple[str, dict[str, Json]]:
        """The group: a copy of the one that counts now, or one of the family where that is AWS's own."""
        name, group, said = group_name(it), self.group, f"{it.ref.name} while it is replicated"
        tags: dict[str, Json] = {"Tags": tag_pairs(place.stamp({}))}
        if (it.facts.parameter_group or "default.").startswith("default."):
            family = self.family + it.facts.engine_version.partition(".")[0]
            words: dict[str, Json] = {f"{group}Name": name, "DBParameterGroupFamily": family, "Description": said}
            return f"rds.Create{group}", words | tags
        words = {
            f"Source{group}Identifier": it.facts.parameter_group,
            f"Target{group}Identifier": name,
            f"Target{group}Description": said,
        }
        return f"rds.Copy{group}", words | tags

    def _put(self, it: It[Any], parameter_group: str, undo: Request | None = None) -> Request:
        """Put it under a group, which counts once it is rebooted."""
        return Request(
            f"rds.Modify{self.thing}",
            self._named(it) | {f"{self.group}Name": parameter_group, "ApplyImmediately": True},
            "legacy",
            retry=_BUSY,
            wait=Wait(f"rds.Describe{self.thing}s", self._named(it), self.state, _SETTLED, BROKEN),
            undo=undo,
        )


class EnableClusterReplication(EnableReplication):
    """In legacy: the cluster under a cluster group with rds.logical_replication, and one reboot of its writer."""

    title = "Reboot the writer of legacy's cluster once with rds.logical_replication"
    thing = "DBCluster"
    group = "DBClusterParameterGroup"
    family = "aurora-postgresql"
    state = "DBClusters[0].[Status, DBClusterMembers[?IsClusterWriter].DBClusterParameterGroupStatus | [0]][]"
    under = (
        "DBClusters[?DBClusterParameterGroup=='{}'].DBClusterMembers[]"
        " | [?IsClusterWriter && DBClusterParameterGroupStatus=='in-sync'].DBInstanceIdentifier | [0]"
    )

    def _rebooted(self, it: It[Any]) -> tuple[list[Request], Json]:
        # Whoever is the writer by then: a failover since the plan was made is nothing special.
        writer = "DBClusters[0].DBClusterMembers[?IsClusterWriter].DBInstanceIdentifier | [0]"
        asked = Request("rds.DescribeDBClusters", self._named(it), "legacy", outputs={"writer": writer})
        return [asked], after(self.name, "writer")
