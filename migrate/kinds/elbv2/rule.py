"""Listener rule: under which conditions a request goes where. The rule: priorities are kept, they are the order."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, tag_pairs
from migrate.kinds.elbv2.shared import (
    ARN,
    balancers,
    listeners,
    one_form,
    ordered,
    port_of,
    tags_of,
    target_groups,
)

CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
"""Conditions that AWS also shows in their old form, `Values` beside `Field`."""


class RuleFacts(Facts):
    """Source: elbv2.DescribeRules. Conditions and transforms are as CreateRule takes them, sorted."""

    listener_arn: str
    priority: int
    conditions: list[dict[str, Json]]
    actions: list[dict[str, Json]]
    transforms: list[dict[str, Json]]


class Create(Action[RuleFacts]):
    """The rule."""

    name = "create"
    title = "Create the listener rule"

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        made: dict[str, Json] = {
            "ListenerArn": it.facts.listener_arn,
            "Priority": it.facts.priority,
            "Conditions": it.facts.conditions,
            "Actions": it.facts.actions,
            "Tags": tag_pairs(place.stamp(it.tags)),
        }
        if it.facts.transforms:
            made["Transforms"] = it.facts.transforms
        return [
            Request(
                "elbv2.CreateRule",
                made,
                once="named",
                creates=True,
                outputs={"arn": "Rules[0].RuleArn"},
                retry=("ListenerNotFound", "TargetGroupNotFound"),
                undo=Request("elbv2.DeleteRule", {"RuleArn": ARN}, done=("RuleNotFound",)),
            )
        ]


class Rule(Kind[RuleFacts]):
    """A listener's rule, called `<load balancer>:<port>/<priority>`. The default one belongs to its listener."""

    name = "elbv2.rule"
    title = "Listener rule"
    facts = RuleFacts
    reads = frozenset(
        {
            "elbv2.DescribeLoadBalancers",
            "elbv2.DescribeListeners",
            "elbv2.DescribeRules",
            "elbv2.DescribeTags",
        }
    )
    tagging_types = ("elasticloadbalancing:listener-rule",)
    part_of = ("elbv2.listener",)
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        listener_name, _, wanted = only.rpartition("/") if only else ("", "", "")
        name, _, port = listener_name.rpartition(":")
        for balancer in balancers(site, name if only else None):
            standing = [one for one in listeners(site, balancer) if not only or port_of(one) == port]
            answers = site.map(
                lambda listener: list(
                    site.pages("elbv2.DescribeRules", "Rules", ListenerArn=listener["ListenerArn"], PageSize=400)
                ),
                standing,
            )
            for listener, rules in zip(standing, answers, strict=True):
                found = [rule for rule in rules if not rule.get("IsDefault") and wanted in ("", rule["Priority"])]
                tags = tags_of(site, [rule["RuleArn"] for rule in found])
                for rule in found:
                    own = f"{balancer['LoadBalancerName']}:{port_of(listener)}/{rule['Priority']}"
                    facts = RuleFacts(
                        listener_arn=listener["ListenerArn"],
                        priority=int(rule["Priority"]),
                        conditions=ordered(_condition(one) for one in rule.get("Conditions", ())),
                        actions=one_form(rule.get("Actions", ())),
                        transforms=list(rule.get("Transforms") or ()),
                    )
                    yield self.found(site, own, facts, arn=rule["RuleArn"], tags=tags.get(rule["RuleArn"]))

    def needs(self, it: It[RuleFacts]) -> Iterator[Need]:
        yield Need(it.facts.listener_arn, "member of", "hard", "elbv2.DescribeRules Rules[].RuleArn")
        for group in target_groups(it.facts.actions):
            yield Need(group, "routes to", "hard", "elbv2.DescribeRules Rules[].Actions[].TargetGroupArn")

    def names(self, it: It[RuleFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, ARN)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RuleFacts]) -> dict[str, Json]:
        return facts | {"conditions": ordered(facts["conditions"]), "actions": one_form(facts["actions"])}


def _condition(condition: Mapping[str, Any]) -> dict[str, Json]:
    """The condition in its present form, its values sorted: a request meets one of them."""
    plain = {key: value for key, value in condition.items() if value}
    config = CONFIGS.get(plain["Field"])
    values = plain.pop("Values", None)
    if config and config not in plain:
        plain[config] = {"Values": values or []}
    return {
        key: {name: ordered(item) if isinstance(item, list) else item for name, item in value.items()}
        if isinstance(value, dict)
        else value
        for key, value in plain.items()
    }
