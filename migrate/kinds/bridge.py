"""A temporary bridge: a VPC of the target reaches one of legacy while a cut-over group cannot be whole.

The rule: a bridge is wanted, not found. Planning makes the resource from `bridges` of migration.yaml; whatever it adds
to either side carries its mark, is no fact of the tables and groups it is added to, and is taken away by steps of its
own, or by a rollback.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    ReadSite,
    Request,
    Wait,
    after,
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.kinds._ec2 import BRIDGE_TAG, OWN, arn_of, bridge_mark, narrowed, ordered, specification

STANDING = ("initiating-request", "pending-acceptance", "provisioning", "active")
GONE = ("InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.NotFound")
"""Spelt with ID in EC2's list of error codes, with Id by the emulator; unverified which AWS sends."""
NO_ROUTE = "InvalidRoute.NotFound"


class BridgeFacts(Facts):
    """Source: `bridges` of migration.yaml for what is wanted; for what stands ec2.DescribeVpcPeeringConnections,
    ec2.DescribeRouteTables and ec2.DescribeSecurityGroups. A route is `{table, block}`, a rule `{group, block, port}`.
    """

    vpc_id: str
    """The VPC that moves, and from whose new one legacy is reached."""
    status: str
    routes: list[dict[str, str]]
    """In the tables of the target's VPC, by their legacy ids, to blocks of legacy."""
    alias: str
    account: str
    legacy_vpc_id: str
    resolves: bool
    """Host names of legacy's VPC are to be private addresses to the target."""
    wanted_routes: list[dict[str, str]]
    """In tables of legacy's VPC, to blocks of the target's."""
    wanted_rules: list[dict[str, Json]]
    legacy_connection: str
    """`none`, or the status of the connection as legacy sees it."""
    legacy_resolves: bool
    legacy_routes: list[dict[str, str]]
    legacy_rules: list[dict[str, Json]]


def _standing(*ok: str) -> Wait:
    return Wait(
        "ec2.DescribeVpcPeeringConnections",
        {"VpcPeeringConnectionIds": [OWN]},
        "VpcPeeringConnections[].Status.Code",
        ok,
        ("failed", "expired", "rejected", "deleted", "deleting"),
        timeout_s=600,
    )


class Create(Action[BridgeFacts]):
    """The connection: asked for by the target, marked and accepted in legacy, and host names where they are wanted."""

    name = "create"
    title = "Peer the target's VPC with legacy's, for the time of the move"
    undo_class = "R1"

    def requests(self, it: It[BridgeFacts], place: Place) -> Sequence[Request]:
        facts, own = it.facts, {"VpcPeeringConnectionId": OWN}
        requests = [
            # Legacy's own id and account stay what they are: they are read there, not renamed.
            Request(
                "ec2.DescribeVpcs",
                {"VpcIds": [facts.legacy_vpc_id]},
                "legacy",
                outputs={"legacy_vpc": "Vpcs[0].VpcId", "legacy_account": "Vpcs[0].OwnerId"},
            ),
            Request(
                "ec2.CreateVpcPeeringConnection",
                {
                    "VpcId": facts.vpc_id,
                    "PeerVpcId": after("create", "legacy_vpc"),
                    "PeerOwnerId": after("create", "legacy_account"),
                    "TagSpecifications": specification("vpc-peering-connection", place, it.tags),
                },
                once="tagged",
                creates=True,
                outputs={"id": "VpcPeeringConnection.VpcPeeringConnectionId"},
                retry=("InvalidVpcID.NotFound",),
                wait=_standing("pending-acceptance", "provisioning", "active"),
                undo=Request("ec2.DeleteVpcPeeringConnection", dict(own), done=(*GONE, "InvalidStateTransition")),
            ),
            # Before it is accepted, so that legacy never shows a connection that nobody can explain. Tags are each
            # account's own. Source: VPC peering guide, Create a VPC peering connection; unverified.
            Request(
                "ec2.CreateTags",
                {"Resources": [OWN], "Tags": tag_pairs(place.stamp(it.tags))},
                "legacy",
                retry=GONE,
            ),
            Request(
                "ec2.AcceptVpcPeeringConnection",
                dict(own),
                "legacy",
                # It was accepted before. Source: EC2 error codes; unverified.
                done=("InvalidStateTransition",),
                retry=GONE,
                wait=_standing("active"),
            ),
        ]
        if facts.resolves:
            # Each owner sets the options of their own side. Source: ec2.ModifyVpcPeeringConnectionOptions, botocore.
            options = {"AccepterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": True}}
            requests.append(Request("ec2.ModifyVpcPeeringConnectionOptions", own | options, "legacy"))
        return requests

    def legacy_after(self, it: It[BridgeFacts]) -> Mapping[str, Json]:
        return {"legacy_connection": "active", "legacy_resolves": it.facts.resolves}


class Open(Action[BridgeFacts]):
    """Routes on both sides for the wanted blocks, and legacy's security groups that let the target in."""

    name = "open"
    title = "Open the bridge: routes on both sides, and rules of legacy's security groups"
    undo_class = "R1"
    sets = frozenset({"routes"})

    def requests(self, it: It[BridgeFacts], place: Place) -> Sequence[Request]:
        blocks = _blocks(it)
        return [
            # A block of legacy's would be taken for the new one that stands for it: it is handed on, not renamed.
            Request(
                "ec2.DescribeVpcs",
                {"VpcIds": [it.facts.legacy_vpc_id]},
                "legacy",
                outputs={name: f"Vpcs[0].VpcId && '{block}'" for block, name in blocks.items()},
            ),
            *(_route("legacy", route["table"], route["block"]) for route in it.facts.wanted_routes),
            *(_route("target", route["table"], after("open", blocks[route["block"]])) for route in it.facts.routes),
            *(_let_in(it, group) for group in _groups(it)),
        ]

    def legacy_after(self, it: It[BridgeFacts]) -> Mapping[str, Json]:
        return {"legacy_routes": it.facts.wanted_routes, "legacy_rules": it.facts.wanted_rules}


class Close(Action[BridgeFacts]):
    """Nothing goes over the bridge any more, and a rollback opens it again: the connection still stands."""

    name = "close"
    title = "Close the bridge: its routes and rules go, the connection stays"
    phase = "close"
    undo_class = "R1"

    def requests(self, it: It[BridgeFacts], place: Place) -> Sequence[Request]:
        blocks = _blocks(it)
        opened = [
            *(_let_in(it, group) for group in _groups(it)),
            *(_route("target", route["table"], after("open", blocks[route["block"]])) for route in it.facts.routes),
            *(_route("legacy", route["table"], route["block"]) for route in it.facts.wanted_routes),
        ]
        closing = []
        for request in opened:
            assert request.undo is not None
            # Where the connection is gone for good there is nothing to open again.
            again = request._replace(undo=None, done=(*request.done, *GONE), retry=())
            closing.append(request.undo._replace(undo=again))
        return closing

    def legacy_after(self, it: It[BridgeFacts]) -> Mapping[str, Json]:
        return {"legacy_routes": [], "legacy_rules": []}


class Remove(Action[BridgeFacts]):
    """The connection goes, on both sides. A new one has to be asked for: undo `create`, and run."""

    name = "remove"
    title = "Delete the connection to legacy"
    phase = "close"
    undo_class = "R4"

    def requests(self, it: It[BridgeFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "ec2.DeleteVpcPeeringConnection",
                {"VpcPeeringConnectionId": OWN},
                done=(*GONE, "InvalidStateTransition"),
                wait=replace(_standing("deleted"), failed=(), gone=GONE),
            )
        ]

    def legacy_after(self, it: It[BridgeFacts]) -> Mapping[str, Json]:
        return {"legacy_connection": "none", "legacy_resolves": False}


class Bridge(Kind[BridgeFacts]):
    """A VPC peering connection from a target's VPC to one of legacy, with routes and rules for the blocks and ports
    that migration.yaml names under `bridges`. It is wanted, so a scan of legacy never finds one. Its end is two steps:
    `close` takes routes and rules away and can be undone; `remove` deletes the connection and cannot.
    """

    name = "bridge.peering"
    title = "Temporary bridge to legacy"
    facts = BridgeFacts
    named = False
    reads = frozenset(
        {
            "ec2.DescribeVpcPeeringConnections",
            "ec2.DescribeRouteTables",
            "ec2.DescribeSecurityGroups",
            "ec2.DescribeVpcs",
        }
    )
    volatile = frozenset(BridgeFacts.model_fields.keys() - {"vpc_id", "status", "routes"})
    ends = "remove"
    left_out: ClassVar[Mapping[str, str]] = {
        "network ACLs": "a list in legacy that keeps the target's block out has to be changed by a person",
        "IPv6": "the bridge carries IPv4 only",
    }
    actions = (Create(), Open(), Close(), Remove())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        """The bridges that this account asked for: none in legacy."""
        for one in _connections(site, narrowed("vpc-peering-connection-id", only)):
            own, asking = one["VpcPeeringConnectionId"], one["RequesterVpcInfo"]
            if only in (None, own) and asking.get("OwnerId") == site.account:
                routes = _routes_over(site, asking["VpcId"], own, ("active",))
                facts = {name: _EMPTY[field.annotation] for name, field in BridgeFacts.model_fields.items()}
                stands: dict[str, Json] = {"vpc_id": asking["VpcId"], "status": one["Status"]["Code"], "routes": routes}
                yield self.found(
                    site,
                    own,
                    BridgeFacts.model_validate(facts | stands),
                    arn=arn_of(site, "vpc-peering-connection", own),
                    tags=pair_tags(one.get("Tags")),
                )

    def again(self, site: ReadSite, scanned: Resource) -> Resource | None:
        """What of the bridge stands in legacy now; what is wanted stays as it was planned."""
        facts = self.typed(scanned).facts
        mine = [
            one
            for one in _connections(site, {})
            if one["AccepterVpcInfo"]["VpcId"] == facts.legacy_vpc_id
            and one["RequesterVpcInfo"].get("OwnerId") == facts.account
            and pair_tags(one.get("Tags"))[BRIDGE_TAG] == facts.alias
        ]
        now: dict[str, Json] = {"legacy_connection": "none", "legacy_resolves": False, "legacy_routes": []}
        for one in mine:
            options = one["AccepterVpcInfo"].get("PeeringOptions") or {}
            now = {
                "legacy_connection": one["Status"]["Code"],
                "legacy_resolves": bool(options.get("AllowDnsResolutionFromRemoteVpc")),
                # Dead ones too: they have to go as well.
                "legacy_routes": _routes_over(
                    site, facts.legacy_vpc_id, one["VpcPeeringConnectionId"], ("active", "blackhole")
                ),
            }
        now["legacy_rules"] = _rules_of(site, facts)
        return replace(scanned, facts=scanned.facts | now)

    def needs(self, it: It[BridgeFacts]) -> Iterator[Need]:
        yield Need(same_place(it, "ec2.vpc", it.facts.vpc_id), "attached to", "hard", "migration.yaml bridges")
        if it.facts.legacy_vpc_id != it.facts.vpc_id:
            yield Need(same_place(it, "ec2.vpc", it.facts.legacy_vpc_id), "names", "soft", "migration.yaml bridges")

    def names(self, it: It[BridgeFacts], place: Place) -> Iterator[Name]:
        return iter(())

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[BridgeFacts]) -> dict[str, Json]:
        # Tables are renamed, legacy's blocks are not.
        pairs = zip(facts["routes"], it.facts.routes, strict=True)
        routes = ordered({"table": renamed["table"], "block": own["block"]} for renamed, own in pairs)
        is_open = "open" in done and "close" not in done
        return facts | {"status": "active", "routes": routes if is_open else []}


_EMPTY: Mapping[Any, Json] = {
    str: "", bool: False, list[dict[str, str]]: [], list[dict[str, Json]]: [],
}  # fmt: skip


def _blocks(it: It[BridgeFacts]) -> dict[str, str]:
    """Each block of legacy, and the output that it is handed on by."""
    blocks = sorted({route["block"] for route in it.facts.routes})
    return {block: f"block_{number}" for number, block in enumerate(blocks)}


def _groups(it: It[BridgeFacts]) -> list[str]:
    return sorted({str(rule["group"]) for rule in it.facts.wanted_rules})


def _route(side: Any, table: str, block: Json) -> Request:
    """A route over the connection, and its end."""
    where: dict[str, Json] = {"RouteTableId": table, "DestinationCidrBlock": block}
    return Request(
        "ec2.CreateRoute",
        where | {"VpcPeeringConnectionId": OWN},
        side,
        # What stands there instead, should it be another route, is found by the proof.
        done=("RouteAlreadyExists",),
        retry=(*GONE, "InvalidRouteTableID.NotFound"),
        undo=Request("ec2.DeleteRoute", where, side, done=(NO_ROUTE, "InvalidRouteTableID.NotFound")),
    )


def _let_in(it: It[BridgeFacts], group: str) -> Request:
    """The rules of one of legacy's groups, in one call: AWS takes all of a call's rules or none."""
    rules: list[Json] = [
        {
            "IpProtocol": "tcp",
            "FromPort": rule["port"],
            "ToPort": rule["port"],
            "IpRanges": [{"CidrIp": rule["block"], "Description": bridge_mark(it.facts.alias)}],
        }
        for rule in it.facts.wanted_rules
        if rule["group"] == group
    ]
    params: dict[str, Json] = {"GroupId": group, "IpPermissions": rules}
    return Request(
        "ec2.AuthorizeSecurityGroupIngress",
        params,
        "legacy",
        done=("InvalidPermission.Duplicate",),
        undo=Request("ec2.RevokeSecurityGroupIngress", params, "legacy", done=("InvalidPermission.NotFound",)),
    )


def _connections(site: ReadSite, narrowed_to: Mapping[str, Json]) -> Iterator[dict[str, Any]]:
    """The connections that stand and carry a bridge's mark in this account."""
    pages = site.pages("ec2.DescribeVpcPeeringConnections", "VpcPeeringConnections", MaxResults=1000, **narrowed_to)
    for one in pages:
        if one["Status"]["Code"] in STANDING and BRIDGE_TAG in pair_tags(one.get("Tags")):
            yield one


def _routes_over(site: ReadSite, vpc_id: str, connection: str, states: Sequence[str]) -> list[Json]:
    wanted = [{"Name": "vpc-id", "Values": [vpc_id]}]
    return ordered(
        {"table": table["RouteTableId"], "block": route["DestinationCidrBlock"]}
        for table in site.pages("ec2.DescribeRouteTables", "RouteTables", Filters=wanted)
        for route in table.get("Routes", ())
        if route.get("VpcPeeringConnectionId") == connection and route.get("State", "active") in states
    )


def _rules_of(site: ReadSite, facts: BridgeFacts) -> list[Json]:
    groups = sorted({str(rule["group"]) for rule in facts.wanted_rules})
    if not groups:
        return []
    wanted = [{"Name": "group-id", "Values": groups}]
    return ordered(
        {"group": group["GroupId"], "block": peer["CidrIp"], "port": rule["FromPort"]}
        for group in site.pages("ec2.DescribeSecurityGroups", "SecurityGroups", Filters=wanted)
        for rule in group.get("IpPermissions", ())
        for peer in rule.get("IpRanges", ())
        if peer.get("Description") == bridge_mark(facts.alias)
    )


KINDS: tuple[Kind[Any], ...] = (Bridge(),)
