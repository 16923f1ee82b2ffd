"""Rules over EC2: a dry run writes nothing, a token makes one thing, and a group in use stays.

The one rule it keeps: a repeated request with the same client token gives the first answer again.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from migrate.demo.strict import override, strict


@strict(
    "ec2.dry-run",
    makes="DryRun=True never writes: it answers DryRunOperation",
    source="EC2 API reference, common query parameters: DryRun, unverified",
)
def dry_run() -> None:
    """The emulator executes some calls in spite of the flag (CreateVpc, CreateSubnet).

    Source: EC2 API reference, DryRun, unverified.
    """
    from moto.core.responses import ActionResult
    from moto.ec2.exceptions import DryRunClientError
    from moto.ec2.responses import EC2Response

    @override(EC2Response, "call_action")
    def call_action(old: Any, self: Any) -> Any:
        if str(self.querystring.get("DryRun", [""])[0]).lower() == "true":
            return self.serialized(ActionResult(DryRunClientError()))
        return old(self)


@strict(
    "ec2.client-token",
    makes="a request repeated with its ClientToken gives the first answer; with other parameters it is refused",
    source="EC2 API reference, Ensuring idempotency, unverified",
)
def client_token() -> None:
    """The emulator makes a second resource for the same token.

    Source: EC2 API reference, Ensuring idempotency in Amazon EC2 API requests, unverified.
    """
    from moto.core.responses import ActionResult
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses import EC2Response

    answers: dict[tuple[str, ...], tuple[frozenset[tuple[str, str]], Any]] = {}

    @override(EC2Response, "call_action")
    def call_action(old: Any, self: Any) -> Any:
        token = str(self.querystring.get("ClientToken", [""])[0])
        if not token:
            return old(self)
        key = (self.current_account, self.region, str(self._get_action()), token)
        asked = frozenset((name, str(values)) for name, values in self.querystring.items())
        if key in answers:
            first, answer = answers[key]
            if first == asked:
                return answer
            text = f"The client token {token} was used before with different parameters."
            return self.serialized(ActionResult(EC2ClientError("IdempotentParameterMismatch", text)))
        answer = old(self)
        if answer[0] == 200:
            answers[key] = (asked, answer)
        return answer


@strict(
    "ec2.group-in-use",
    makes="DeleteSecurityGroup is refused while another group's rule names the group",
    source="ec2.DeleteSecurityGroup, botocore 1.44.5: DependencyViolation",
)
def group_in_use() -> None:
    """The emulator deletes a group that others refer to.

    Source: ec2.DeleteSecurityGroup, botocore 1.44.5.
    """
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend

    @override(EC2Backend, "delete_security_group")
    def delete_security_group(old: Any, self: Any, name: str | None = None, group_id: str | None = None) -> Any:
        wanted = group_id or getattr(self.get_security_group_by_name_or_id(name), "id", None)
        for groups in self.groups.values():
            for group in groups.values():
                rules = [*group.ingress_rules, *group.egress_rules]
                named = {rule.source_group.get("GroupId") for rule in rules}
                if group.id != wanted and wanted in named:
                    raise DependencyViolationError(f"resource {wanted} has a dependent object")
        return old(self, name, group_id)


@strict(
    "ec2.vpc-takes-its-default-acl",
    makes="DeleteVpc takes the VPC's default network ACL with it, and is refused while another one stands in it",
    source="Amazon VPC user guide, Delete your VPC; ec2.DeleteVpc, botocore 1.44.5, unverified",
)
def vpc_takes_its_default_acl() -> None:
    """The emulator leaves the default network ACL behind, in a VPC that is no more.

    Source: ec2.DeleteVpc, botocore 1.44.5, unverified.
    """
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend

    @override(EC2Backend, "delete_vpc")
    def delete_vpc(old: Any, self: Any, vpc_id: str) -> Any:
        inside = [acl for acl in self.network_acls.values() if acl.vpc_id == vpc_id]
        if any(not acl.default for acl in inside):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        gone = old(self, vpc_id)
        for acl in inside:
            self.network_acls.pop(acl.id, None)
        return gone


_SEVEN_DAYS_S = 7 * 24 * 3600


@strict(
    "ec2.peering-ends",
    makes="peering networks that overlap ends as `failed`; a request that nobody accepts is `expired` after 7 days",
    source="ec2.CreateVpcPeeringConnection, botocore 1.44.5; several blocks: VPC peering guide, limitations, 2026-11",
)
def peering_ends() -> None:
    """The emulator peers any two networks, and waits for an answer for ever.

    Source: ec2.CreateVpcPeeringConnection, botocore 1.44.5.
    """
    from moto.ec2.models import EC2Backend

    @override(EC2Backend, "create_vpc_peering_connection")
    def create_vpc_peering_connection(old: Any, self: Any, vpc: Any, peer_vpc: Any, tags: Any = None) -> Any:
        connection = old(self, vpc, peer_vpc, tags)
        connection.asked_at = time.time()
        if any(one.overlaps(other) for one in _blocks_of(vpc) for other in _blocks_of(peer_vpc)):
            connection._status.code = "failed"
            connection._status.message = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"
        return connection

    @override(EC2Backend, "get_vpc_peering_connection")
    def get_vpc_peering_connection(old: Any, self: Any, vpc_pcx_id: str) -> Any:
        return _aged(old(self, vpc_pcx_id))

    @override(EC2Backend, "describe_vpc_peering_connections")
    def describe_vpc_peering_connections(old: Any, self: Any, vpc_peering_ids: Any = None) -> Any:
        return [_aged(one) for one in old(self, vpc_peering_ids)]


def _blocks_of(vpc: Any) -> list[ipaddress.IPv4Network]:
    shown = vpc.get_cidr_block_association_set()
    return [ipaddress.IPv4Network(vpc.cidr_block), *(ipaddress.IPv4Network(one["cidr_block"]) for one in shown)]


def _aged(connection: Any) -> Any:
    asked = getattr(connection, "asked_at", None)
    if connection._status.code == "pending-acceptance" and asked and time.time() - asked > _SEVEN_DAYS_S:
        connection._status.code, connection._status.message = "expired", "The request has expired"
    return connection


@strict(
    "ec2.peering-tags-are-the-accounts-own",
    makes="each of the two accounts of a peering connection sees the tags that it set itself, and no others",
    source="Amazon VPC peering guide, Create a VPC peering connection (tags of the own account), unverified",
)
def peering_tags() -> None:
    """The emulator shows the requester's tags to both.

    Source: Amazon VPC peering guide, unverified.
    """
    import copy

    from moto.ec2.models import EC2Backend

    @override(EC2Backend, "describe_vpc_peering_connections")
    def describe_vpc_peering_connections(old: Any, self: Any, vpc_peering_ids: Any = None) -> Any:
        def seen_from_here(connection: Any) -> Any:
            seen = copy.copy(connection)
            seen.ec2_backend = self
            return seen

        return [seen_from_here(one) for one in old(self, vpc_peering_ids)]


@strict(
    "ec2.route-to-a-dead-peering",
    makes="a route over a connection that is not active is a black hole, and none can be made over one that is gone",
    source="Amazon VPC peering guide, Update your route tables, and Delete a VPC peering connection, unverified",
)
def route_to_a_dead_peering() -> None:
    """The emulator calls every route active, and takes routes over deleted connections.

    Source: Amazon VPC peering guide, Update your route tables for a VPC peering connection, unverified.
    """
    from moto.ec2.exceptions import InvalidVPCPeeringConnectionIdError
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.route_tables import Route

    def state(self: Any) -> str:
        return "blackhole" if self.vpc_pcx is not None and self.vpc_pcx.status["Code"] != "active" else "active"

    Route.state = property(state)  # type: ignore[method-assign,assignment]  # the emulator's is a constant

    @override(EC2Backend, "create_route")
    def create_route(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        wanted = named.get("vpc_peering_connection_id")
        standing = ("initiating-request", "pending-acceptance", "provisioning", "active")
        if wanted and self.get_vpc_peering_connection(wanted).status["Code"] not in standing:
            raise InvalidVPCPeeringConnectionIdError(wanted)
        return old(self, *words, **named)


@strict(
    "ec2.template-user-data",
    makes="user data of a launch template's later version is base64 as the first one's is, and machines start from it",
    source="ec2.CreateLaunchTemplateVersion, RequestLaunchTemplateData UserData, botocore 1.44.5",
)
def template_user_data() -> None:
    """The emulator keeps a later version's user data as it came, and then fails to launch from it.

    Source: ec2.CreateLaunchTemplateVersion, botocore 1.44.5.
    """
    from moto.ec2.models.launch_templates import LaunchTemplateVersion
    from moto.ec2.utils import parse_user_data

    @override(LaunchTemplateVersion, "__init__")
    def begin(old: Any, self: Any, template: Any, number: int, data: dict[str, Any], description: str) -> None:
        if isinstance(data.get("UserData"), str):
            data["UserData"] = parse_user_data(data["UserData"])
        old(self, template, number, data, description)
