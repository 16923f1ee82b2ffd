"""What scales a service: its range with the times of day, and a policy by the requests of a load balancer."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.examples.containers import a_service
from tests.kinds.two_sides import TwoSides

SCALED: dict[str, Any] = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/shop/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def scaled(world: TwoSides) -> None:
    a_service(world)
    needed.moved(world, "ecs.service", "shop/web", "create")


def a_scaling_target(world: TwoSides) -> Resource:
    scaled(world)
    scaling = world.client("legacy", "application-autoscaling")
    scaling.register_scalable_target(
        **SCALED,
        MinCapacity=2,
        MaxCapacity=20,
        RoleARN=needed.a_role(world, "scaling", "application-autoscaling.amazonaws.com"),
        SuspendedState={
            "DynamicScalingInSuspended": True,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    )
    for name, least in (("evening", 1), ("morning", 8)):
        scaling.put_scheduled_action(
            **SCALED,
            ScheduledActionName=name,
            Schedule="cron(0 20 * * ? *)",
            Timezone="Europe/Berlin",
            StartTime="2026-01-01T00:00:00Z",
            EndTime="2030-01-01T00:00:00Z",
            ScalableTargetAction={"MinCapacity": least, "MaxCapacity": 9},
        )
    return needed.scanned(world, "applicationautoscaling.target", "service/shop/web")


def scaling_says(operation: str, **params: Any) -> Change:
    return needed.changed("application-autoscaling", operation, **SCALED, **params)


def a_policy(world: TwoSides) -> Resource:
    scaled(world)
    elb = world.client("legacy", "elbv2")
    network = world.client("legacy", "ec2").describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["10.8.*"]}])
    subnets = [subnet["SubnetId"] for subnet in network["Subnets"]]
    balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.describe_target_groups(Names=["web"])["TargetGroups"][0]["TargetGroupArn"]
    needed.moved(world, "elbv2.load_balancer", "shop")
    ground.looked_at(world, "elbv2.load_balancer", "shop")
    ground.looked_at(world, "elbv2.target_group", "web")
    scaling = world.client("legacy", "application-autoscaling")
    scaling.register_scalable_target(**SCALED, MinCapacity=1, MaxCapacity=10)
    needed.moved(world, "applicationautoscaling.target", "service/shop/web", "create")
    scaling.put_scaling_policy(
        **SCALED,
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking(
            60.0, f"{balancer.partition(':loadbalancer/')[2]}/{group.rpartition(':')[2]}"
        ),
    )
    return needed.scanned(world, "applicationautoscaling.policy", "service/shop/web/requests")


def tracking(value: float, label: str) -> dict[str, Any]:
    return {
        "TargetValue": value,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "ALBRequestCountPerTarget",
            "ResourceLabel": label,
        },
        "ScaleInCooldown": 120,
        "ScaleOutCooldown": 30,
        "DisableScaleIn": True,
    }


def other_balancer(world: TwoSides, it: Resource) -> None:
    label = "app/other/0123456789abcdef/targetgroup/web/0123456789abcdef"
    configuration = tracking(60.0, label)
    scaling_says(
        "put_scaling_policy",
        PolicyName="requests",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )(world, it)


EXAMPLES = (
    Example(
        "applicationautoscaling.target",
        a_scaling_target,
        {
            "min_capacity": scaling_says("register_scalable_target", MinCapacity=3),
            "max_capacity": scaling_says("register_scalable_target", MaxCapacity=30),
            "suspended": scaling_says("register_scalable_target", SuspendedState={"DynamicScalingOutSuspended": True}),
            "scheduled": scaling_says("delete_scheduled_action", ScheduledActionName="evening"),
        },
        fixed={
            "dimension": "ECS services have this one only",
            "role_arn": "the emulator keeps the first role; AWS takes another with RegisterScalableTarget",
        },
    ),
    Example(
        "applicationautoscaling.policy",
        a_policy,
        {"configuration": other_balancer},
        fixed={
            "resource": "what a policy is: another service's policy is another one",
            "policy": "what a policy is: its name",
            "dimension": "ECS services have this one only",
            "policy_type": "the emulator keeps the first type; AWS takes another with PutScalingPolicy",
        },
    ),
)
