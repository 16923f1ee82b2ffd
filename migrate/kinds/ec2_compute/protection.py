"""Machines of an Auto Scaling group that are protected from scaling in: a rollback lets them go.

The rule: only the group that this migration made is touched. Without letting go, a group of size zero keeps its
machines, and the cluster that they have joined cannot be deleted.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof
from migrate.kinds.ec2_compute.group_facts import GroupFacts

_A_CALL = 50
"""Machines a call. Source: autoscaling.SetInstanceProtection InstanceIds, botocore 1.44.5 ("up to 50 instances")."""


class Protect(CarryAction[GroupFacts]):
    """A group whose new machines are protected launches them so; this makes sure of it, and its inverse lets them go,
    so that a rollback can empty the group."""

    name = "protect"
    title = "Protect the group's machines from scaling in"
    phase = "cutover"
    undo_class = "R1"
    writes = frozenset({"autoscaling.SetInstanceProtection"})
    reads = frozenset({"autoscaling.DescribeAutoScalingGroups"})

    def applies(self, it: It[GroupFacts]) -> bool:
        return it.facts.moves and bool(it.facts.settings.get("NewInstancesProtectedFromScaleIn"))

    def summary(self, it: It[GroupFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": {"group": it.arn},
            "how": "autoscaling.SetInstanceProtection for each machine that is not protected",
            "what": "no bytes; a rollback takes the protection away before it empties the group",
        }

    def carry(self, it: It[GroupFacts], to: Carrier) -> Mapping[str, Json]:
        return {"protected": _set(to, to_be=True)}

    def prove(self, it: It[GroupFacts], to: Carrier) -> Proof:
        open_ones = tuple(str(one["InstanceId"]) for one in _machines(to) if not one.get("ProtectedFromScaleIn"))
        if open_ones:
            return Proof("different", (), tuple(f"{one}: is not protected from scaling in" for one in open_ones))
        return Proof("equal", ("protection of each machine",))

    def uncarry(self, it: It[GroupFacts], to: Carrier) -> None:
        _set(to, to_be=False)


def _machines(to: Carrier) -> Iterator[dict[str, Any]]:
    shown = to.target.call("autoscaling.DescribeAutoScalingGroups", AutoScalingGroupNames=[to.place.name])
    for group in shown["AutoScalingGroups"]:
        # What is being terminated takes no protection.
        yield from (one for one in group.get("Instances", ()) if not one["LifecycleState"].startswith("Terminat"))


def _set(to: Carrier, *, to_be: bool) -> int:
    ids = [one["InstanceId"] for one in _machines(to) if bool(one.get("ProtectedFromScaleIn")) is not to_be]
    for at in range(0, len(ids), _A_CALL):
        to.write(
            "autoscaling.SetInstanceProtection",
            AutoScalingGroupName=to.place.name,
            InstanceIds=ids[at : at + _A_CALL],
            ProtectedFromScaleIn=to_be,
        )
    return len(ids)
