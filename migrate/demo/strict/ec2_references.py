"""Rules over EC2: who names one's security groups from the other side of a peering, which the emulator cannot say.

The one rule it keeps: only rules that stand in this world count, over connections that are active.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrate.demo.strict import add, strict


@strict(
    "ec2.security-group-references",
    makes="DescribeSecurityGroupReferences lists the VPCs beyond an active peering whose rules name the group; the "
    "emulator takes no rule that names another account's group, so those are VPCs of one account",
    source="ec2.DescribeSecurityGroupReferences, botocore 1.44.5",
)
def security_group_references() -> None:
    """The emulator has no DescribeSecurityGroupReferences."""
    from moto.core.responses import ActionResult
    from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
    from moto.ec2.responses import EC2Response

    def describe(self: Any) -> Any:
        found = []
        for wanted in self._get_param("GroupId", []):
            own = self.ec2_backend.get_security_group_from_id(wanted)
            if own is None:
                raise InvalidSecurityGroupNotFoundError(wanted)
            for connection, vpc_id, groups in _beyond(self.ec2_backend, own.vpc_id):
                if any(_names(group, wanted) for group in groups):
                    one = {"GroupId": wanted, "ReferencingVpcId": vpc_id, "VpcPeeringConnectionId": connection}
                    found.append(one)
        return ActionResult({"SecurityGroupReferenceSet": found})

    add(EC2Response, "describe_security_group_references")(describe)


def _beyond(backend: Any, vpc_id: str) -> Iterator[tuple[str, str, list[Any]]]:
    """Active connection, the other VPC, its groups."""
    from moto.ec2.models import ec2_backends

    for connection in backend.describe_vpc_peering_connections():
        sides = {one.id: one for one in (connection.vpc, connection.peer_vpc)}
        if vpc_id in sides and connection.status["Code"] == "active":
            for other in (one for own, one in sides.items() if own != vpc_id):
                there = ec2_backends[other.owner_id][other.region]
                yield connection.id, other.id, list(there.groups[other.id].values())


def _names(group: Any, wanted: str) -> bool:
    rules = (*group.ingress_rules, *group.egress_rules)
    return any(rule.source_group.get("GroupId") == wanted for rule in rules)
