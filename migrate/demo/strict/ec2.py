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
