"""Which resources a CloudFormation stack manages: by their tag, or because the stack lists them. Pure.

The rule: a resource of a stack is never changed or retired as if nobody looked after it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from migrate.inventory import Resource
from migrate.names import GLOBAL

STACK = "cloudformation.stack"
STACK_TAG = "aws:cloudformation:stack-name"

_SERVICES = {"elasticloadbalancingv2": "elbv2", "elasticloadbalancing": "elb", "opensearchservice": "opensearch"}
_MEMBER_TAILS = ("/", ":")


def owned(resources: Iterable[Resource]) -> list[Resource]:
    """The same resources with `owner` set where a stack manages them."""
    found = list(resources)
    members = _members(found)
    return [_with_owner(resource, members) for resource in found]


def _with_owner(resource: Resource, members: list[tuple[str, str, str, str, str]]) -> Resource:
    if resource.owner is not None:
        return resource
    tagged = resource.tags.get(STACK_TAG)
    stack = tagged or next((one[0] for one in members if _is_member(resource, *one[1:])), None)
    return replace(resource, owner=f"cloudformation:{stack}") if stack else resource


def _members(resources: Iterable[Resource]) -> list[tuple[str, str, str, str, str]]:
    """(stack, account, region, type, physical id) of everything that a stack lists; sorted."""
    return sorted(
        (stack.ref.name, stack.ref.account, stack.ref.region, str(one.get("type", "")), str(one.get("physical_id", "")))
        for stack in resources
        if stack.ref.kind == STACK
        for one in dict(stack.facts.get("resources") or {}).values()
        if isinstance(one, Mapping)
    )


def _is_member(resource: Resource, account: str, region: str, cfn_type: str, physical_id: str) -> bool:
    ref = resource.ref
    if not physical_id or ref.account != account or ref.region not in (region, GLOBAL):
        return False
    if physical_id == resource.arn:
        return True
    if not _same_type(ref.kind, cfn_type):
        return False
    # A queue's physical id is its URL, a service's its ARN: both end in what we call it.
    return physical_id == ref.name or physical_id.endswith(tuple(f"{tail}{ref.name}" for tail in _MEMBER_TAILS))


def _same_type(kind: str, cfn_type: str) -> bool:
    """Whether `rds.instance` and `AWS::RDS::DBInstance` are the same sort of thing."""
    parts = cfn_type.lower().split("::")
    if len(parts) != 3:
        return False
    service, _, thing = kind.partition(".")
    thing = re.sub(r"[^a-z0-9]", "", thing.lower())
    same_service = _SERVICES.get(parts[1], parts[1]) == service.replace("-", "")
    return same_service and (parts[2].endswith(thing) or thing.endswith(parts[2]))
