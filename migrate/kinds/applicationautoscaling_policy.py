"""How an ECS service scales. The rule: what it acts on is suspended until cut-over, so it is made as it stands."""

from collections.abc import Iterator, Mapping, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after, same_place

_CONFIGURATIONS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}


class PolicyFacts(Facts):
    """Source: application-autoscaling.DescribeScalingPolicies. The alarms of target tracking are AWS's to make."""

    resource: str
    policy: str
    dimension: str
    policy_type: str
    configuration: dict[str, Json]
    """A ResourceLabel is here as its two parts, load balancer and target group: each is renamed for itself."""


class Create(Action[PolicyFacts]):
    """Put the policy; the alarms of target tracking come with it."""

    name = "create"
    title = "Create the scaling policy"

    def requests(self, it: It[PolicyFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        resource, _, policy = place.name.rpartition("/")
        key: dict[str, Json] = {
            "PolicyName": policy,
            "ServiceNamespace": "ecs",
            "ResourceId": resource,
            "ScalableDimension": facts.dimension,
        }
        configuration = {_CONFIGURATIONS[facts.policy_type]: _joined(facts.configuration)}
        return [
            Request(
                "application-autoscaling.PutScalingPolicy",
                key | {"PolicyType": facts.policy_type} | configuration,
                once="named",
                creates=True,
                outputs={"arn": "PolicyARN"},
                retry=("ConcurrentUpdateException",),
                undo=Request("application-autoscaling.DeleteScalingPolicy", key, done=("ObjectNotFoundException",)),
            )
        ]


class Policy(Kind[PolicyFacts]):
    """A scaling policy of the ecs namespace. A step policy is called by alarms that people made: those have to name
    the new policy's ARN."""

    name = "applicationautoscaling.policy"
    title = "ECS scaling policy"
    facts = PolicyFacts
    stamped = False
    reads = frozenset({"application-autoscaling.DescribeScalingPolicies"})
    actions = (Create(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        one = {"ResourceId": only.rpartition("/")[0]} if only else {}
        for policy in site.pages(
            "application-autoscaling.DescribeScalingPolicies", "ScalingPolicies", ServiceNamespace="ecs", **one
        ):
            name = f"{policy['ResourceId']}/{policy['PolicyName']}"
            if only not in (None, name):
                continue
            configuration = policy.get(_CONFIGURATIONS[policy["PolicyType"]]) or {}
            yield self.found(
                site,
                name,
                PolicyFacts(
                    resource=policy["ResourceId"],
                    policy=policy["PolicyName"],
                    dimension=policy["ScalableDimension"],
                    policy_type=policy["PolicyType"],
                    configuration=_parted(configuration),
                ),
                arn=policy["PolicyARN"],
            )

    def names(self, it: It[PolicyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))  # AWS puts a new uuid into it

    def needs(self, it: It[PolicyFacts]) -> Iterator[Need]:
        where = "application-autoscaling.DescribeScalingPolicies ScalingPolicies[].ResourceId"
        yield Need(same_place(it, "applicationautoscaling.target", it.facts.resource), "scales", "hard", where)
        for label in _labels(it.facts.configuration):
            # AWS refuses a label whose parts it does not know, and both change with the suffixes that it invents.
            yield Need(label, "scales", "hard", f"{where.rpartition('.')[0]}.…ResourceLabel")


def _parted(value: Json) -> Json:
    """`app/<name>/<suffix>/targetgroup/<name>/<suffix>` as its two parts.

    Source: application-autoscaling.PutScalingPolicy ResourceLabel, botocore 1.44.5.
    """
    if isinstance(value, list):
        return [_parted(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    parted = {key: _parted(item) for key, item in value.items()}
    label = parted.get("ResourceLabel")
    if isinstance(label, str) and "/targetgroup/" in label:
        balancer, _, group = label.partition("/targetgroup/")
        parted["ResourceLabel"] = [balancer, f"targetgroup/{group}"]
    return parted


def _labels(value: Json) -> Iterator[str]:
    """Every part of every label."""
    if isinstance(value, list):
        for item in value:
            yield from _labels(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "ResourceLabel" and isinstance(item, list):
                yield from item
            else:
                yield from _labels(item)


def _joined(value: Json) -> Json:
    if isinstance(value, list):
        return [_joined(item) for item in value]
    if not isinstance(value, dict):
        return value
    joined = {key: _joined(item) for key, item in value.items()}
    if isinstance(joined.get("ResourceLabel"), list):
        balancer, group = joined["ResourceLabel"]
        # Not values.join, which would make one text of them and hide both names.
        joined["ResourceLabel"] = {"$join": [balancer, "/", group]}
    return joined


KINDS = (Policy(),)
