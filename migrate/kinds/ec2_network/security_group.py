"""Security group: first an empty shell, then its rules. The rule: no group needs another one's rules to be made.

Groups name each other in circles and themselves; the shells of all come before the rules of any.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, pair_tags, same_place
from migrate.kinds.ec2_network.shared import (
    BRIDGE_TAG,
    OWN,
    adopted,
    arn_of,
    default_vpcs,
    names_of,
    narrowed,
    ordered,
    own_prefix_lists,
    specification,
)

SELF = "self"
"""Stands for the group itself among the peers of its rules: its id is another one in the target."""

EVERYTHING_OUT: dict[str, Json] = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
"""The rule that AWS gives every new group. Source: VPC user guide, "Default security groups", read 2026-08."""

AMONG_ITSELF: dict[str, Json] = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": OWN}]}
"""The rule that AWS gives every default group besides."""

NOT_YET = ("InvalidGroup.NotFound",)

Peer = Literal["ipv4", "ipv6", "prefix_list", "group"]
PEERS: tuple[tuple[Peer, str, str], ...] = (
    ("ipv4", "IpRanges", "CidrIp"),
    ("ipv6", "Ipv6Ranges", "CidrIpv6"),
    ("prefix_list", "PrefixListIds", "PrefixListId"),
    ("group", "UserIdGroupPairs", "GroupId"),
)


class GroupFacts(Facts):
    """Source: ec2.DescribeSecurityGroups. A rule is `{protocol, from_port, to_port, peer_type, peer, …}`, of one peer
    each, sorted."""

    group_name: str
    description: str
    vpc_id: str
    in_default_vpc: bool
    is_default: bool
    ingress: list[dict[str, Json]]
    egress: list[dict[str, Json]]
    own_prefix_lists: list[str]
    """Prefix lists in the rules that are not AWS's (those have one id in all accounts of a region)."""


class Create(Action[GroupFacts]):
    """A group without any rule: also what AWS puts into a new one is taken out."""

    name = "create"
    title = "Create the security group without rules"

    def applies(self, it: It[GroupFacts]) -> bool:
        return not it.facts.in_default_vpc

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        if it.facts.is_default:
            own_id = "SecurityGroups[0].GroupId"
            default = ("group-name", "default")
            return [
                *adopted("ec2.DescribeSecurityGroups", it.facts.vpc_id, *default, own_id, place, it.tags),
                _revoke("Ingress", [AMONG_ITSELF], undo=_authorize("Ingress", [AMONG_ITSELF])),
                _revoke("Egress", [EVERYTHING_OUT], undo=_authorize("Egress", [EVERYTHING_OUT])),
            ]
        return [
            Request(
                "ec2.CreateSecurityGroup",
                {
                    "GroupName": it.facts.group_name,
                    "Description": it.facts.description,
                    "VpcId": it.facts.vpc_id,
                    "TagSpecifications": specification("security-group", place, it.tags),
                },
                once="tagged",
                creates=True,
                outputs={"id": "GroupId"},
                undo=Request(
                    "ec2.DeleteSecurityGroup",
                    {"GroupId": OWN},
                    done=NOT_YET,
                    # Network interfaces of a load balancer or function that was just deleted linger.
                    retry=("DependencyViolation",),
                ),
            ),
            _revoke("Egress", [EVERYTHING_OUT]),
        ]


class AddRules(Action[GroupFacts]):
    """Every rule, in one call a direction: AWS takes all of a call's rules or none."""

    name = "rules"
    title = "Add the security group's rules"
    sets = frozenset({"ingress", "egress"})

    def applies(self, it: It[GroupFacts]) -> bool:
        return not it.facts.in_default_vpc and bool(it.facts.ingress or it.facts.egress)

    def requests(self, it: It[GroupFacts], place: Place) -> Sequence[Request]:
        requests = []
        if it.facts.ingress:
            rules = [_permission(rule) for rule in it.facts.ingress]
            requests.append(_authorize("Ingress", rules, undo=_revoke("Ingress", rules)))
        if it.facts.egress:
            rules = [_permission(rule) for rule in it.facts.egress]
            requests.append(_authorize("Egress", rules, undo=_revoke("Egress", rules)))
        return requests


class SecurityGroup(Kind[GroupFacts]):
    """A security group. A VPC's default group stands for the one that the target's VPC has from the start; those of
    the default VPC are not moved. Tags of single rules are not carried.

    A rule that names a group of another account works over a peering connection only: it names what nobody found.
    """

    name = "ec2.security_group"
    title = "Security group"
    facts = GroupFacts
    named = False
    reads = frozenset({"ec2.DescribeSecurityGroups", "ec2.DescribeVpcs", "ec2.DescribeManagedPrefixLists"})
    tagging_types = ("ec2:security-group",)
    actions = (Create(), AddRules())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        found = list(site.pages("ec2.DescribeSecurityGroups", "SecurityGroups", **narrowed("group-id", only)))
        found = [group for group in found if group.get("VpcId")]
        defaults = default_vpcs(site) if found else frozenset()
        rules = {
            group["GroupId"]: (
                _rules(group.get("IpPermissions", ()), group, site.account),
                _rules(group.get("IpPermissionsEgress", ()), group, site.account),
            )
            for group in found
        }
        lists = {
            rule["peer"]
            for pair in rules.values()
            for rule in (*pair[0], *pair[1])
            if rule["peer_type"] == "prefix_list"
        }
        own_lists = own_prefix_lists(site, lists)
        for group in found:
            ingress, egress = rules[group["GroupId"]]
            named = {rule["peer"] for rule in (*ingress, *egress)}
            yield self.found(
                site,
                group["GroupId"],
                GroupFacts(
                    group_name=group["GroupName"],
                    description=group["Description"],
                    vpc_id=group["VpcId"],
                    in_default_vpc=group["VpcId"] in defaults,
                    # No other group of a VPC may have that name.
                    is_default=group["GroupName"] == "default",
                    ingress=ingress,
                    egress=egress,
                    own_prefix_lists=ordered(named & own_lists),
                ),
                arn=arn_of(site, "security-group", group["GroupId"]),
                tags=pair_tags(group.get("Tags")),
            )

    def needs(self, it: It[GroupFacts]) -> Iterator[Need]:
        seen_in = "ec2.DescribeSecurityGroups SecurityGroups[]"
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "in", "hard", f"{seen_in}.VpcId")
        for direction, rules in (("IpPermissions", it.facts.ingress), ("IpPermissionsEgress", it.facts.egress)):
            for rule in rules:
                if rule["peer_type"] == "group" and rule["peer"] != SELF and "account" not in rule:
                    group = same_place(it, "ec2.security_group", rule["peer"])
                    # Soft: the shell is made without its rules, so circles of groups are none of steps.
                    yield Need(group, "names", "soft", f"{seen_in}.{direction}[].UserIdGroupPairs[].GroupId")
        for prefix_list in it.facts.own_prefix_lists:
            on = same_place(it, "ec2.prefix_list", prefix_list)
            yield Need(on, "names", "soft", f"{seen_in}.IpPermissions[].PrefixListIds[].PrefixListId")

    def names(self, it: It[GroupFacts], place: Place) -> Iterator[Name]:
        return names_of(it, place, "security-group")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[GroupFacts]) -> dict[str, Json]:
        if "rules" not in done:
            return facts | {"ingress": [], "egress": [], "own_prefix_lists": []}
        return facts | {name: ordered(facts[name]) for name in ("ingress", "egress", "own_prefix_lists")}

    def quota(self, it: It[GroupFacts]) -> tuple[str, str] | None:
        return "vpc", "L-E79EC296"


def _rules(permissions: Sequence[Mapping[str, Any]], group: Mapping[str, Any], account: str) -> list[dict[str, Json]]:
    """AWS groups peers by ports as it likes: one rule a peer is the same whatever way they were written."""
    rules = []
    for permission in permissions:
        ports: dict[str, Json] = {"protocol": permission["IpProtocol"]}
        for name, key in (("from_port", "FromPort"), ("to_port", "ToPort")):
            if permission.get(key) is not None:
                ports[name] = permission[key]
        for peer_type, key, member in PEERS:
            for peer in permission.get(key, ()):
                if peer.get("Description", "").startswith(f"{BRIDGE_TAG} "):
                    # A temporary bridge's: it goes with the bridge.
                    continue
                rule = ports | {"peer_type": peer_type, "peer": peer[member]}
                if peer[member] == group["GroupId"]:
                    rule["peer"] = SELF
                elif peer.get("UserId", account) != account:
                    rule["account"] = peer["UserId"]
                if peer.get("Description"):
                    rule["description"] = peer["Description"]
                rules.append(rule)
    return ordered(rules)


def _permission(rule: Mapping[str, Json]) -> dict[str, Json]:
    """One rule as AWS takes it."""
    key, member = next((key, member) for peer_type, key, member in PEERS if peer_type == rule["peer_type"])
    peer: dict[str, Json] = {member: OWN if rule["peer"] == SELF else rule["peer"]}
    if "account" in rule:
        peer["UserId"] = rule["account"]
    if "description" in rule:
        peer["Description"] = rule["description"]
    made: dict[str, Json] = {"IpProtocol": rule["protocol"], key: [peer]}
    for name, port in (("from_port", "FromPort"), ("to_port", "ToPort")):
        if name in rule:
            made[port] = rule[name]
    return made


def _authorize(direction: str, rules: list[dict[str, Json]], undo: Request | None = None) -> Request:
    return Request(
        f"ec2.AuthorizeSecurityGroup{direction}",
        {"GroupId": OWN, "IpPermissions": rules},
        # All of a call's rules stand then, or the proof shows which do not.
        done=("InvalidPermission.Duplicate",),
        retry=NOT_YET,
        undo=undo,
    )


def _revoke(direction: str, rules: list[dict[str, Json]], undo: Request | None = None) -> Request:
    return Request(
        f"ec2.RevokeSecurityGroup{direction}",
        {"GroupId": OWN, "IpPermissions": rules},
        done=("InvalidPermission.NotFound",),
        retry=NOT_YET,
        undo=undo,
    )
