"""EventBridge rule: made disabled, enabled at cut-over. The rule: at no moment is it enabled in both accounts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Need,
    Place,
    ReadSite,
    Request,
    pair_tags,
    same_place,
    tag_pairs,
)
from migrate.kinds._listening import LISTENING
from migrate.values import as_json

_GONE = ("ResourceNotFoundException",)
_BUSY = ("ConcurrentModificationException",)


class RuleFacts(Facts):
    """Source: events.DescribeRule, events.ListTargetsByRule, events.ListTagsForResource."""

    bus: str
    schedule: str | None
    pattern: dict[str, Json] | None
    state: str
    description: str | None
    role_arn: str | None
    managed_by: str | None
    targets: list[dict[str, Json]]
    """As AWS gives them, by id; a fixed Input as a document with credentials sealed."""

    @property
    def fires(self) -> bool:
        """Whether it is ours to move and enabled in legacy."""
        return self.managed_by is None and self.state != "DISABLED"

    @property
    def listens(self) -> bool:
        """Whether events start it, and not the clock alone."""
        return self.pattern is not None


def _key(it: It[RuleFacts], ref_name: str) -> dict[str, Json]:
    return {"Name": ref_name.rpartition("/")[2], "EventBusName": it.facts.bus}


def _put(it: It[RuleFacts], ref_name: str, state: str) -> dict[str, Json]:
    """The whole rule: what a PutRule leaves out is taken away. Source: events.PutRule, botocore 1.44.5."""
    facts = it.facts
    optional: dict[str, Json] = {
        "ScheduleExpression": facts.schedule,
        "EventPattern": as_json(facts.pattern) if facts.pattern else None,
        "Description": facts.description,
        "RoleArn": facts.role_arn,
    }
    return _key(it, ref_name) | {"State": state} | {key: value for key, value in optional.items() if value}


def _enable(it: It[RuleFacts], ref_name: str, **more: Any) -> Request:
    if it.facts.state == "ENABLED":
        return Request("events.EnableRule", _key(it, ref_name), retry=_BUSY, **more)
    # EnableRule knows only ENABLED, not ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS.
    return Request("events.PutRule", _put(it, ref_name, it.facts.state), retry=_BUSY, **more)


def _disable(it: It[RuleFacts], ref_name: str, **more: Any) -> Request:
    return Request("events.DisableRule", _key(it, ref_name), retry=_BUSY, **more)


class Create(Action[RuleFacts]):
    """The rule, disabled and without targets."""

    name = "create"
    title = "Create the rule, disabled"

    def applies(self, it: It[RuleFacts]) -> bool:
        return it.facts.managed_by is None

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "events.PutRule",
                _put(it, place.name, "DISABLED") | {"Tags": tag_pairs(place.stamp(it.tags))},
                once="named",
                creates=True,
                outputs={"arn": "RuleArn"},
                retry=_BUSY,
                undo=Request("events.DeleteRule", _key(it, place.name), done=_GONE, retry=_BUSY),
            )
        ]


class Configure(Action[RuleFacts]):
    """Its targets. PutTargets answers success even where it refused one, so verifying compares what arrived."""

    name = "configure"
    title = "Set the rule's targets"
    sets = frozenset({"targets"})

    def applies(self, it: It[RuleFacts]) -> bool:
        return it.facts.managed_by is None and bool(it.facts.targets)

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        key = _key(it, place.name)
        own = {"Rule": key["Name"], "EventBusName": key["EventBusName"]}
        targets = [
            target | {"Input": as_json(target["Input"])} if "Input" in target else target for target in it.facts.targets
        ]
        return [
            Request(
                "events.PutTargets",
                own | {"Targets": targets},
                # A role just made cannot be assumed for some seconds: ValidationException (unverified).
                retry=("ValidationException", *_BUSY),
                undo=Request(
                    "events.RemoveTargets",
                    own | {"Ids": [target["Id"] for target in targets]},
                    done=_GONE,
                    retry=_BUSY,
                ),
            )
        ]


class StopLegacy(Action[RuleFacts]):
    """Disable it in legacy."""

    name = "stop_legacy"
    title = "Disable the rule in legacy"
    phase = "freeze"
    undo_class = "R1"
    downtime = "D1"

    def applies(self, it: It[RuleFacts]) -> bool:
        return it.facts.fires

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        return [_disable(it, it.ref.name, side="legacy", undo=_enable(it, it.ref.name, side="legacy"))]

    def legacy_after(self, it: It[RuleFacts]) -> Mapping[str, Json]:
        return {"state": "DISABLED"}


class Listen(Action[RuleFacts]):
    """Enable a rule on events in the target, before anything there may send one: what no rule matches is lost."""

    name = "listen"
    title = "Enable the rule on events in the target"
    phase = "cutover"
    undo_class = "R2"
    downtime = "D1"
    after_kinds = ("sns.subscription.create",)

    def applies(self, it: It[RuleFacts]) -> bool:
        return it.facts.fires and it.facts.listens

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        return [_enable(it, place.name, undo=_disable(it, place.name))]


class Start(Action[RuleFacts]):
    """Enable a rule on a schedule in the target, once what it calls runs. A `rate()` counts from this moment."""

    name = "start"
    title = "Enable the rule in the target"
    phase = "cutover"
    undo_class = "R2"
    downtime = "D1"
    after_kinds = ("ecs.service.start", *LISTENING)

    def applies(self, it: It[RuleFacts]) -> bool:
        return it.facts.fires and not it.facts.listens

    def requests(self, it: It[RuleFacts], place: Place) -> Sequence[Request]:
        return [_enable(it, place.name, undo=_disable(it, place.name))]


class Rule(Kind[RuleFacts]):
    """A rule with its targets. AWS emits a service's events in the account where the resource lives, so a pattern on
    what has moved matches nothing in legacy from then on, and the other way round before."""

    name = "events.rule"
    title = "EventBridge rule"
    facts = RuleFacts
    reads = frozenset(
        {
            "events.ListEventBuses",
            "events.ListRules",
            "events.DescribeRule",
            "events.ListTargetsByRule",
            "events.ListTagsForResource",
        }
    )
    tagging_types = ("events:rule",)
    volatile = frozenset({"managed_by"})
    part_of = ("events.event_bus",)
    actions = (Create(), Configure(), StopLegacy(), Listen(), Start())
    quiet = True
    manual = "A rule that an AWS service manages comes by itself when the service is set up in the target account."

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        if only is not None:
            bus, _, name = only.rpartition("/")
            rule = site.optional("events.DescribeRule", missing=_GONE, Name=name, EventBusName=bus or "default")
            rules = [rule] if rule else []
        else:
            buses = [one["Name"] for one in site.pages("events.ListEventBuses", "EventBuses")]
            rules = [rule for bus in buses for rule in site.pages("events.ListRules", "Rules", EventBusName=bus)]

        def more(rule: Mapping[str, Any]) -> tuple[list[dict[str, Json]], dict[str, str]]:
            own = {"Rule": rule["Name"], "EventBusName": rule["EventBusName"]}
            targets = [_target(site, one) for one in site.pages("events.ListTargetsByRule", "Targets", **own)]
            tags = site.optional("events.ListTagsForResource", missing=_GONE, ResourceARN=rule["Arn"]) or {}
            return sorted(targets, key=lambda one: str(one["Id"])), pair_tags(tags.get("Tags"))

        for rule, (targets, tags) in zip(rules, site.map(more, rules), strict=True):
            yield self.found(
                site,
                f"{rule['EventBusName']}/{rule['Name']}",
                RuleFacts(
                    bus=rule["EventBusName"],
                    schedule=rule.get("ScheduleExpression") or None,
                    pattern=json.loads(rule["EventPattern"]) if rule.get("EventPattern") else None,
                    state=rule["State"],
                    description=rule.get("Description") or None,
                    role_arn=rule.get("RoleArn") or None,
                    managed_by=rule.get("ManagedBy") or None,
                    targets=targets,
                ),
                arn=rule["Arn"],
                tags=tags,
            )

    def needs(self, it: It[RuleFacts]) -> Iterator[Need]:
        if it.facts.managed_by:
            return
        if it.facts.bus != "default":
            yield Need(same_place(it, "events.event_bus", it.facts.bus), "in", "hard", "events.ListRules EventBusName")
        for target in it.facts.targets:
            where = f"events.ListTargetsByRule Targets[{target['Id']}]"
            yield Need(target["Arn"], "triggers", "cut", f"{where}.Arn")
            if target.get("RoleArn"):
                yield Need(target["RoleArn"], "assumes", "hard", f"{where}.RoleArn")
            task = (target.get("EcsParameters") or {}).get("TaskDefinitionArn")
            if task:
                yield Need(task, "runs", "cut", f"{where}.EcsParameters.TaskDefinitionArn")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[RuleFacts]) -> dict[str, Json]:
        facts = facts | {"targets": [_ordered(target) for target in facts["targets"]]}
        return facts if done & {"listen", "start"} else facts | {"state": "DISABLED"}


def _target(site: ReadSite, raw: Mapping[str, Any]) -> dict[str, Json]:
    target = dict(raw)
    if target.get("Input"):
        target["Input"] = _sealed(site, "Input", json.loads(target["Input"]))
    return _ordered(target)


def _ordered(target: Mapping[str, Json]) -> dict[str, Json]:
    """The target with its subnets and security groups in order; renaming changes it."""
    task = target.get("EcsParameters") or {}
    network = (task.get("NetworkConfiguration") or {}).get("awsvpcConfiguration")
    if not network:
        return dict(target)
    ordered = {key: sorted(item, key=str) if isinstance(item, list) else item for key, item in network.items()}
    return dict(target) | {"EcsParameters": task | {"NetworkConfiguration": {"awsvpcConfiguration": ordered}}}


def _sealed(site: ReadSite, name: str, value: Json) -> Json:
    if isinstance(value, str):
        return site.seal(name, value)
    if isinstance(value, list):
        return [_sealed(site, name, item) for item in value]
    if isinstance(value, dict):
        return {key: _sealed(site, key, item) for key, item in value.items()}
    return value


KINDS = (Rule(),)
