"""Network ACL: entries in their order and the subnets they stand before.

The rule: the default ACL is the one that AWS made with the target's VPC, brought to legacy's entries.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Request,
    pair_tags,
    same_place,
)
from migrate.kinds.ec2_network.shared import (
    OWN,
    adopted,
    arn_of,
    names_of,
    ordered,
    specification,
)

LAST = 32767
"""AWS's own entry at the end that refuses the rest; 32768 is the same for IPv6. Neither can be changed.
Source: VPC user guide, "Network ACL basics", read 2026-08."""


class AclFacts(Facts):
    """Source: ec2.DescribeNetworkAcls. Entries are as CreateNetworkAclEntry takes them, by direction and number."""

    vpc_id: str
    in_default_vpc: bool
    is_default: bool
    entries: list[dict[str, Json]]
    subnet_ids: list[str]
    """Empty for the default ACL: it has every subnet that no other one took."""


class Create(Action[AclFacts]):
    """The ACL without entries (it lets nothing pass); legacy's default is the one that AWS made."""

    name = "create"
    title = "Create the network ACL"

    def applies(self, it: It[AclFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[AclFacts], place: Place) -> Sequence[Request]:
        if it.facts.is_default:
            own_id = "NetworkAcls[0].NetworkAclId"
            default = ("default", "true")
            own = adopted("ec2.DescribeNetworkAcls", it.facts.vpc_id, *default, own_id, place, it.tags)
            return [*own, *_to_legacy(it.facts)]
        create = Request(
            "ec2.CreateNetworkAcl",
            {"VpcId": it.facts.vpc_id, "TagSpecifications": specification("network-acl", place, it.tags)},
            once="tagged",
            creates=True,
            outputs={"id": "NetworkAcl.NetworkAclId"},
            undo=Request(
                "ec2.DeleteNetworkAcl",
                {"NetworkAclId": OWN},
                done=("InvalidNetworkAclID.NotFound",),
            ),
        )
        return [create, *(_add(entry) for entry in it.facts.entries)]


class Associate(CarryAction[AclFacts]):
    """Each subnet from the ACL it has to this one. AWS wants the id of the association that stands there, which is
    known only then: it is read, subnet by subnet. The subnets are the target's new ones, so nothing is cut off."""

    name = "associate"
    title = "Put the subnets behind the network ACL"
    sets = frozenset({"subnet_ids"})
    writes: ClassVar[frozenset[str]] = frozenset({"ec2.ReplaceNetworkAclAssociation"})
    reads: ClassVar[frozenset[str]] = frozenset({"ec2.DescribeNetworkAcls"})

    def applies(self, it: It[AclFacts]) -> bool:
        return not it.facts.in_default_vpc and bool(it.facts.subnet_ids)

    def summary(self, it: It[AclFacts], place: Place) -> dict[str, Json]:
        return {
            "from": {"subnets": "the network ACL that each has"},
            "to": {"network_acl": OWN, "subnets": list(it.facts.subnet_ids)},
            "how": "one association a subnet",
        }

    def carry(self, it: It[AclFacts], to: Carrier) -> Mapping[str, Json]:
        moved = 0
        for subnet_id in self._subnets(it, to):
            moved += self._move(to, subnet_id, str(to.rewrite(it.ref.name)))
        return {"subnets": len(it.facts.subnet_ids), "moved_now": moved}

    def prove(self, it: It[AclFacts], to: Carrier) -> Proof:
        own = str(to.rewrite(it.ref.name))
        standing = {subnet_id: self._standing(to, subnet_id)[0] for subnet_id in self._subnets(it, to)}
        wrong = tuple(
            f"{subnet}: behind {acl or 'no ACL'}, not {own}" for subnet, acl in standing.items() if acl != own
        )
        return Proof("different" if wrong else "equal", ("subnets",), wrong, {"subnets": len(standing)})

    def uncarry(self, it: It[AclFacts], to: Carrier) -> None:
        filters = [
            {"Name": "vpc-id", "Values": [str(to.rewrite(it.facts.vpc_id))]},
            {"Name": "default", "Values": ["true"]},
        ]
        defaults = list(to.target.pages("ec2.DescribeNetworkAcls", "NetworkAcls", Filters=filters))
        own = str(to.rewrite(it.ref.name))
        for subnet_id in self._subnets(it, to) if defaults else ():
            # Only what this action put there goes back.
            if self._standing(to, subnet_id)[0] == own:
                self._move(to, subnet_id, defaults[0]["NetworkAclId"])

    def _subnets(self, it: It[AclFacts], to: Carrier) -> list[str]:
        return [str(to.rewrite(subnet_id)) for subnet_id in it.facts.subnet_ids]

    def _move(self, to: Carrier, subnet_id: str, acl_id: str) -> int:
        standing, association_id = self._standing(to, subnet_id)
        if standing == acl_id or not association_id:
            return 0
        to.write("ec2.ReplaceNetworkAclAssociation", AssociationId=association_id, NetworkAclId=acl_id)
        return 1

    def _standing(self, to: Carrier, subnet_id: str) -> tuple[str, str]:
        """The ACL that a subnet has, and the id of that association; empty texts where there is no such subnet."""
        wanted = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
        for acl in to.target.pages("ec2.DescribeNetworkAcls", "NetworkAcls", Filters=wanted):
            for one in acl["Associations"]:
                if one["SubnetId"] == subnet_id:
                    return acl["NetworkAclId"], one["NetworkAclAssociationId"]
        return "", ""


class NetworkAcl(Kind[AclFacts]):
    """A network ACL. That of the default VPC is not moved."""

    name = "ec2.network_acl"
    title = "Network ACL"
    facts = AclFacts
    named = False
    reads = frozenset({"ec2.DescribeNetworkAcls", "ec2.DescribeVpcs"})
    tagging_types = ("ec2:network-acl",)
    actions = (Create(), Associate())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only:
            # By id and not by filter: moto 5.2.5 has no filter network-acl-id.
            # InvalidRouteTableID: what moto 5.2.5 says of an ACL that is not there.
            missing = ("InvalidNetworkAclID.NotFound", "InvalidNetworkAclID.Malformed", "InvalidRouteTableID.NotFound")
            answer = site.optional("ec2.DescribeNetworkAcls", missing=missing, NetworkAclIds=[only])
            found = (answer or {}).get("NetworkAcls", [])
        else:
            found = list(site.pages("ec2.DescribeNetworkAcls", "NetworkAcls"))
        vpcs = {vpc["VpcId"]: vpc for vpc in site.pages("ec2.DescribeVpcs", "Vpcs")} if found else {}
        for acl in found:
            is_default = acl.get("IsDefault", False)
            if is_default and acl["VpcId"] not in vpcs:
                # It goes with its VPC; an endpoint may show it a little longer.
                continue
            subnets = [] if is_default else [one["SubnetId"] for one in acl.get("Associations", ())]
            yield self.found(
                site,
                acl["NetworkAclId"],
                AclFacts(
                    vpc_id=acl["VpcId"],
                    in_default_vpc=vpcs.get(acl["VpcId"], {}).get("IsDefault", False),
                    is_default=is_default,
                    entries=_entries(acl.get("Entries", [])),
                    subnet_ids=ordered(subnets),
                ),
                arn=arn_of(site, "network-acl", acl["NetworkAclId"]),
                tags=pair_tags(acl.get("Tags")),
            )

    def needs(self, it: It[AclFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeNetworkAcls NetworkAcls[]"
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for subnet_id in it.facts.subnet_ids:
            subnet = same_place(it, "ec2.subnet", subnet_id)
            yield Need(subnet, "attached to", "soft", f"{seen_in}.Associations[].SubnetId")

    def names(self, it: It[AclFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "network-acl")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[AclFacts]) -> dict[str, Json]:
        return facts | {"subnet_ids": ordered(facts["subnet_ids"]) if "associate" in done else []}


def _entries(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Json]]:
    """The entries that people wrote, in the order in which AWS asks them."""
    kept = ("RuleNumber", "Egress", "Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "PortRange", "IcmpTypeCode")
    written = [entry for entry in entries if entry["RuleNumber"] < LAST]
    plain = [{name: entry[name] for name in kept if entry.get(name) is not None} for entry in written]
    return sorted(plain, key=lambda entry: (entry["Egress"], entry["RuleNumber"]))


def _add(entry: Mapping[str, Json]) -> Request:
    own: dict[str, Json] = {"NetworkAclId": OWN}
    where = {"RuleNumber": entry["RuleNumber"], "Egress": entry["Egress"]}
    return Request(
        "ec2.CreateNetworkAclEntry",
        own | dict(entry),
        # What stands at that number, should it be another entry, is found by the proof.
        done=("NetworkAclEntryAlreadyExists",),
        retry=("InvalidNetworkAclID.NotFound",),
        undo=Request(
            "ec2.DeleteNetworkAclEntry",
            own | where,
            done=("InvalidNetworkAclEntry.NotFound", "InvalidNetworkAclID.NotFound"),
        ),
    )


def _to_legacy(facts: AclFacts) -> Iterator[Request]:
    """From the entries that a default ACL starts with (100 lets all pass, both ways) to legacy's.

    Source: VPC user guide, "Default network ACL", read 2026-08. An IPv6 block in the VPC adds 101; none is requested.
    """
    own: dict[str, Json] = {"NetworkAclId": OWN}
    wanted = {(entry["Egress"], entry["RuleNumber"]): entry for entry in facts.entries}
    for egress in (False, True):
        at: dict[str, Json] = {"RuleNumber": 100, "Egress": egress}
        start = at | {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
        back = Request("ec2.ReplaceNetworkAclEntry", own | start)
        entry = wanted.pop((egress, 100), None)
        if entry is None:
            gone = ("InvalidNetworkAclEntry.NotFound",)
            again = Request("ec2.CreateNetworkAclEntry", own | start, done=("NetworkAclEntryAlreadyExists",))
            yield Request("ec2.DeleteNetworkAclEntry", own | at, done=gone, undo=again)
        elif entry != start:
            yield Request("ec2.ReplaceNetworkAclEntry", own | dict(entry), undo=back)
    for entry in wanted.values():
        yield _add(entry)
