"""Target group: its health check and attributes. Who is in it comes with those who are: ECS registers its own tasks.

The rule: only what can be named is registered here (a function, a load balancer), never an address or an instance.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    after,
    same_place,
    tag_pairs,
)
from migrate.kinds.elbv2.shared import ARN, attribute_pairs, attributes_of, ordered, tags_of

CHECKS = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)


class TargetGroupFacts(Facts):
    """Source: elbv2.DescribeTargetGroups, DescribeTargetGroupAttributes, DescribeTargetHealth."""

    target_type: str
    protocol: str | None
    protocol_version: str | None
    port: int | None
    vpc_id: str | None
    """None for functions."""
    ip_address_type: str | None
    control_port: int | None
    """Where the agents of a target optimizer answer."""
    health_check_enabled: bool
    health_check: dict[str, Json]
    """As CreateTargetGroup takes it."""
    attributes: dict[str, str]
    targets: list[dict[str, Json]]
    """Functions and load balancers; never the addresses and instances of the day."""


class Create(Action[TargetGroupFacts]):
    """The target group with its health check and attributes, still empty."""

    name = "create"
    title = "Create the target group"

    def requests(self, it: It[TargetGroupFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        made: dict[str, Json] = {
            "Name": place.name,
            "TargetType": facts.target_type,
            "HealthCheckEnabled": facts.health_check_enabled,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        for name, value in (
            ("Protocol", facts.protocol),
            ("ProtocolVersion", facts.protocol_version),
            ("Port", facts.port),
            ("VpcId", facts.vpc_id),
            ("TargetControlPort", facts.control_port),
        ):
            if value is not None:
                made[name] = value
        if facts.ip_address_type and facts.target_type != "lambda":
            made["IpAddressType"] = facts.ip_address_type
        # A check that is off has nothing to be set; only a function's can be.
        if facts.health_check_enabled:
            made |= facts.health_check
        requests = [
            Request(
                "elbv2.CreateTargetGroup",
                made,
                once="named",
                creates=True,
                outputs={"arn": "TargetGroups[0].TargetGroupArn"},
                undo=Request(
                    "elbv2.DeleteTargetGroup",
                    {"TargetGroupArn": ARN},
                    done=("TargetGroupNotFound",),
                    # A listener that was just deleted still counts for moments.
                    retry=("ResourceInUse",),
                ),
            )
        ]
        if facts.attributes:
            params: dict[str, Json] = {"TargetGroupArn": ARN, "Attributes": attribute_pairs(facts.attributes)}
            requests.append(Request("elbv2.ModifyTargetGroupAttributes", params))
        return requests


class Register(Action[TargetGroupFacts]):
    """Functions and load balancers by their ARN."""

    name = "targets"
    title = "Register functions and load balancers with the target group"
    sets = frozenset({"targets"})
    # AWS refuses a function that the load balancer may not invoke, and a load balancer without a listener.
    after_kinds = ("lambda.function.permit", "elbv2.listener.create")

    def applies(self, it: It[TargetGroupFacts]) -> bool:
        return bool(it.facts.targets)

    def requests(self, it: It[TargetGroupFacts], place: Place) -> Sequence[Request]:
        params: dict[str, Json] = {"TargetGroupArn": ARN, "Targets": it.facts.targets}
        return [
            Request(
                "elbv2.RegisterTargets",
                params,
                retry=("AccessDenied", "InvalidTarget"),
                undo=Request("elbv2.DeregisterTargets", params, done=("TargetGroupNotFound", "InvalidTarget")),
            )
        ]


class TargetGroup(Kind[TargetGroupFacts]):
    """A target group. Addresses and instances in it are not moved: ECS registers its tasks when its services start,
    and what people registered by hand they register by hand again."""

    name = "elbv2.target_group"
    title = "Target group"
    facts = TargetGroupFacts
    reads = frozenset(
        {
            "elbv2.DescribeTargetGroups",
            "elbv2.DescribeTargetGroupAttributes",
            "elbv2.DescribeTargetHealth",
            "elbv2.DescribeTags",
        }
    )
    tagging_types = ("elasticloadbalancing:targetgroup",)
    actions = (Create(), Register())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is None:
            found = list(site.pages("elbv2.DescribeTargetGroups", "TargetGroups", PageSize=400))
        else:
            answer = site.optional("elbv2.DescribeTargetGroups", missing=("TargetGroupNotFound",), Names=[only])
            found = list((answer or {}).get("TargetGroups", ()))
        tags = tags_of(site, [group["TargetGroupArn"] for group in found])
        for group, facts in zip(found, site.map(lambda group: _facts(site, group), found), strict=True):
            arn = group["TargetGroupArn"]
            yield self.found(site, group["TargetGroupName"], facts, arn=arn, tags=tags.get(arn))

    def needs(self, it: It[TargetGroupFacts]) -> Iterator[Need]:
        if it.facts.vpc_id:
            vpc = same_place(it, "ec2.vpc", it.facts.vpc_id)
            yield Need(vpc, "in", "hard", "elbv2.DescribeTargetGroups TargetGroups[].VpcId")
        for target in it.facts.targets:
            # Soft: the group is made empty.
            seen_in = "elbv2.DescribeTargetHealth TargetHealthDescriptions[].Target.Id"
            yield Need(target["Id"], "routes to", "soft", seen_in)

    def names(self, it: It[TargetGroupFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)
        # How metrics, alarms and scaling policies know it: `targetgroup/<name>/<id>`.
        yield Name(_label(it.arn), after("create", "label"), "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        # The label is in no answer for itself: it is known once the target group was looked at.
        return super().outputs(found) | {"label": _label(found.arn)}

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[TargetGroupFacts]) -> dict[str, Json]:
        return facts | {"targets": ordered(facts["targets"]) if "targets" in done else []}

    def quota(self, it: It[TargetGroupFacts]) -> tuple[str, str] | None:
        return "elasticloadbalancing", "L-B22855CB"


def _label(arn: str) -> str:
    return arn.rpartition(":")[2]


def _facts(site: ReadSite, group: Mapping[str, Any]) -> TargetGroupFacts:
    arn, target_type = group["TargetGroupArn"], group.get("TargetType", "instance")
    attributes = site.call("elbv2.DescribeTargetGroupAttributes", TargetGroupArn=arn)
    targets: list[Json] = []
    if target_type in ("lambda", "alb"):
        health = site.call("elbv2.DescribeTargetHealth", TargetGroupArn=arn)
        found = [one["Target"] for one in health.get("TargetHealthDescriptions", ())]
        # Only of a load balancer the port is the owner's choice.
        kept = ("Id", "Port") if target_type == "alb" else ("Id",)
        targets = [{key: target[key] for key in kept if key in target} for target in found]
    return TargetGroupFacts(
        target_type=target_type,
        protocol=group.get("Protocol"),
        protocol_version=group.get("ProtocolVersion"),
        port=group.get("Port"),
        vpc_id=group.get("VpcId"),
        ip_address_type=group.get("IpAddressType"),
        control_port=group.get("TargetControlPort"),
        health_check_enabled=group.get("HealthCheckEnabled", True),
        health_check={key: group[key] for key in CHECKS if group.get(key) is not None},
        attributes=attributes_of(attributes),
        targets=ordered(targets),
    )
