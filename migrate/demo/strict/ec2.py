"""Rules over EC2: a dry run writes nothing, a token makes one thing, and a group in use stays.

The one rule it keeps: a repeated request with the same client token gives the first answer again.
"""

from __future__ import annotations

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
