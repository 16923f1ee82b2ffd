"""How an ECS service scales. The rule: what it acts on is suspended until cut-over, so it is made as it stands."""

from collections.abc import Iterator, Sequence

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Name, Need, Place, ReadSite, Request, after, same_place
from migrate.kinds._resource_labels import joined, labels, parted

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
        configuration = {_CONFIGURATIONS[facts.policy_type]: joined(facts.configuration)}
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
    part_of = ("applicationautoscaling.target",)
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
                    configuration=parted(configuration),
                ),
                arn=policy["PolicyARN"],
            )

    def names(self, it: It[PolicyFacts], place: Place) -> Iterator[Name]:
        yield Name(it.arn, after("create", "arn"))  # AWS puts a new uuid into it

    def needs(self, it: It[PolicyFacts]) -> Iterator[Need]:
        where = "application-autoscaling.DescribeScalingPolicies ScalingPolicies[].ResourceId"
        yield Need(same_place(it, "applicationautoscaling.target", it.facts.resource), "scales", "hard", where)
        for label in labels(it.facts.configuration):
            # AWS refuses a label whose parts it does not know, and both change with the suffixes that it invents.
            yield Need(label, "scales", "hard", f"{where.rpartition('.')[0]}.…ResourceLabel")


KINDS = (Policy(),)
