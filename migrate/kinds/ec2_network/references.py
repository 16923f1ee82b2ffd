"""Whose security group rules, on the other side of a peering or transit gateway, name groups of ours.

The rule: only a VPC that is joined to somebody else's is asked about; within one account the rules are read themselves.
"""

from collections.abc import Collection, Sequence

from migrate.kind import ReadSite

READS = frozenset({"ec2.DescribeSecurityGroups", "ec2.DescribeSecurityGroupReferences"})
"""Source: ec2.DescribeSecurityGroupReferences, botocore 1.44.5: "the VPCs on the other side of a VPC peering or Transit
Gateway connection that are referencing the security groups"."""
_MOST = 200
"""Groups that are asked about at once. The model says no limit: unverified."""


def referenced_by(site: ReadSite, vpc_ids: Collection[str], way: str) -> list[dict[str, str]]:
    """`{group, vpc}` for each of our groups in these VPCs that a VPC beyond `way` (pcx-…, tgw-…) names in its rules.

    Where AWS does not say it, there is a Gap, and nothing is in the list.
    """
    if not vpc_ids:
        return []
    wanted = [{"Name": "vpc-id", "Values": sorted(vpc_ids)}]
    groups = sorted(
        one["GroupId"] for one in site.pages("ec2.DescribeSecurityGroups", "SecurityGroups", Filters=wanted)
    )
    found = set()
    for at in range(0, len(groups), _MOST):
        some = groups[at : at + _MOST]
        answer = site.optional("ec2.DescribeSecurityGroupReferences", missing=(), GroupId=some) or {}
        for one in answer.get("SecurityGroupReferenceSet", ()):
            if way in (one.get("VpcPeeringConnectionId"), one.get("TransitGatewayId")):
                found.add((one["GroupId"], one["ReferencingVpcId"]))
    return [{"group": group, "vpc": vpc} for group, vpc in sorted(found)]


def to_tell(references: Sequence[dict[str, str]], way: str) -> str:
    """What the owner of the other side has to change. Empty: nobody names ours."""
    if not references:
        return ""
    named = ", ".join(f"{one['group']} (by {one['vpc']})" for one in references)
    return (
        f" Rules over there name groups of ours by {way}: {named}. The new groups have other ids, and a rule that "
        "names an old one lets nobody of the target in: their owner adds the new ids once that way stands "
        "(ec2.AuthorizeSecurityGroupIngress, or Egress), and takes the old ones away after the cut-over. Verify: "
        "ec2.DescribeSecurityGroupReferences in the target names their VPC, and in legacy no more."
    )
