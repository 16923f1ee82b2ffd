"""Legacy's server logs enough to be replicated only after one reboot: a group of its own, named, and taken back.

The rule: no group that others use is changed. The instance gets a copy of its group with one parameter more; the undo
gives it its own group back, which counts from the next reboot on: a rollback reboots nobody's database.

Source: RDS user guide, Performing logical replication for Amazon RDS for PostgreSQL; Working with DB parameter groups
(a static parameter needs a reboot; a default group cannot be changed); read 2026-11.
"""

import hashlib
from collections.abc import Mapping, Sequence

from migrate.kind import Action, Find, It, Json, Place, Request, Wait, tag_pairs
from migrate.kinds.rds_instance.facts import InstanceFacts
from migrate.kinds.rds_instance.replication import is_followed

GROUP_GONE = "DBParameterGroupNotFound"
BROKEN = ("failed", "incompatible-parameters", "storage-full")


def group_name(it: It[InstanceFacts]) -> str:
    """The same for the same instance; at most 255 characters, no two hyphens in a row."""
    return f"migrate-{hashlib.sha256(str(it.ref).encode()).hexdigest()[:12]}-{it.ref.name}"[:200].rstrip("-")


class EnableReplication(Action[InstanceFacts]):
    """In legacy: the instance under a group with rds.logical_replication, and one reboot."""

    name = "enable_replication"
    title = "Reboot legacy's database once with rds.logical_replication"
    undo_class = "R1"
    downtime = "D2"
    named_only = True

    def applies(self, it: It[InstanceFacts]) -> bool:
        return is_followed(it) and not it.facts.logical_replication

    def requests(self, it: It[InstanceFacts], place: Place) -> Sequence[Request]:
        name = group_name(it)
        group: dict[str, Json] = {"DBParameterGroupName": name}
        instance: dict[str, Json] = {"DBInstanceIdentifier": it.ref.name}
        said = f"{it.ref.name} while it is replicated"
        tags = {"Tags": tag_pairs(place.stamp({}))}
        state = "DBInstances[0].[DBInstanceStatus, DBParameterGroups[0].ParameterApplyStatus][]"
        if it.facts.parameter_group.startswith("default."):
            family = "postgres" + it.facts.engine_version.partition(".")[0]
            words = group | {"DBParameterGroupFamily": family, "Description": said}
            made = ("rds.CreateDBParameterGroup", words | tags)
        else:
            words = {
                "SourceDBParameterGroupIdentifier": it.facts.parameter_group,
                "TargetDBParameterGroupIdentifier": name,
                "TargetDBParameterGroupDescription": said,
            }
            made = ("rds.CopyDBParameterGroup", words | tags)

        def under(parameter_group: str, undo: Request | None = None) -> Request:
            settled = ("available", "in-sync", "pending-reboot")
            return Request(
                "rds.ModifyDBInstance",
                instance | {"DBParameterGroupName": parameter_group, "ApplyImmediately": True},
                "legacy",
                retry=("InvalidDBInstanceState", "InvalidDBParameterGroupState"),
                wait=Wait("rds.DescribeDBInstances", dict(instance), state, settled, BROKEN),
                undo=undo,
            )

        under_own = (
            f"DBInstances[0].DBParameterGroups[?DBParameterGroupName=='{name}' && ParameterApplyStatus=='in-sync']"
        )
        return [
            Request(
                *made,
                "legacy",
                once="named",
                find=Find(
                    "rds.DescribeDBParameterGroups",
                    dict(group),
                    {"group": "DBParameterGroups[0].DBParameterGroupName"},
                ),
                undo=Request(
                    "rds.DeleteDBParameterGroup",
                    dict(group),
                    "legacy",
                    done=(GROUP_GONE,),
                    retry=("InvalidDBParameterGroupState",),
                ),
            ),
            Request(
                "rds.ModifyDBParameterGroup",
                group
                | {
                    "Parameters": [
                        {
                            "ParameterName": "rds.logical_replication",
                            "ParameterValue": "1",
                            "ApplyMethod": "pending-reboot",
                        }
                    ]
                },
                "legacy",
            ),
            under(name, undo=under(it.facts.parameter_group)),
            Request(
                "rds.RebootDBInstance",
                dict(instance),
                "legacy",
                retry=("InvalidDBInstanceState",),
                # Rebooted once, not again by a repeat.
                find=Find(
                    "rds.DescribeDBInstances", dict(instance), {"rebooted": f"{under_own}.DBParameterGroupName | [0]"}
                ),
                wait=Wait("rds.DescribeDBInstances", dict(instance), state, ("available", "in-sync"), BROKEN),
            ),
        ]

    def legacy_after(self, it: It[InstanceFacts]) -> Mapping[str, Json]:
        return {"parameter_group": group_name(it), "logical_replication": True}
