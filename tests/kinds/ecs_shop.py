"""A legacy shop on ECS: a cluster with one balanced, scaled service."""

from typing import Any

from migrate.inventory import Resource
from migrate.kinds.applicationautoscaling_policy import Policy
from migrate.kinds.applicationautoscaling_target import Target
from migrate.kinds.ecs_cluster import Cluster
from migrate.kinds.ecs_service import Service
from migrate.kinds.ecs_task_definition import TaskDefinition
from tests.kinds.by_hand import LEGACY, REGION, TwoAccounts

REGISTRY = f"{LEGACY}.dkr.ecr.{REGION}.amazonaws.com"
SCALED = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/shop/web",
    "ScalableDimension": "ecs:service:DesiredCount",
}


def a_network(accounts: TwoAccounts) -> tuple[str, str, str]:
    """A subnet, a group and a target group on each side; the names of legacy's."""
    sides = []
    for session in (accounts.legacy, accounts.target):
        ec2 = session.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
        balanced = session.client("elbv2").create_target_group(
            Name="web", Protocol="HTTP", Port=8080, VpcId=vpc, TargetType="ip"
        )
        sides.append((subnet, group, balanced["TargetGroups"][0]["TargetGroupArn"]))
    accounts.renames |= dict(zip(*sides, strict=True))
    return sides[0]


def register(session: Any, family: str = "web", **more: Any) -> str:
    container = {
        "name": family,
        "image": f"{REGISTRY}/shop/{family}:1.5.0",
        "command": ["/app/run", f"--role={family}"],
        "environment": [
            {"name": "QUEUE", "value": f"arn:aws:sqs:{REGION}:{LEGACY}:jobs"},
            {"name": "ENV", "value": "p"},
        ],
        "secrets": [
            {"name": "PARAMETER", "valueFrom": "/shop/key"},
            {"name": "DB", "valueFrom": f"arn:aws:secretsmanager:{REGION}:{LEGACY}:secret:db-AbCdEf:password::"},
        ],
        "portMappings": [{"containerPort": 8080, "protocol": "tcp"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/web"}},
    }
    answer = session.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=f"arn:aws:iam::{LEGACY}:role/execution",
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        containerDefinitions=[container | more],
        tags=[{"key": "env", "value": "prod"}],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def legacy_shop(accounts: TwoAccounts, count: int = 3) -> None:
    """A cluster with one balanced, scaled service."""
    subnet, group, balanced = a_network(accounts)
    ecs = accounts.legacy.client("ecs")
    ecs.create_cluster(
        clusterName="shop",
        settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE_SPOT", "FARGATE"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1, "base": 0}],
        tags=[{"key": "env", "value": "prod"}],
    )
    ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition=register(accounts.legacy),
        desiredCount=count,
        launchType="FARGATE",
        platformVersion="1.4.0",
        loadBalancers=[{"targetGroupArn": balanced, "containerName": "web", "containerPort": 8080}],
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}},
        propagateTags="SERVICE",
        tags=[{"key": "team", "value": "platform"}],
    )
    scaling = accounts.legacy.client("application-autoscaling")
    scaling.register_scalable_target(**SCALED, MinCapacity=1, MaxCapacity=10)
    scaling.put_scaling_policy(
        **SCALED,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ALBRequestCountPerTarget",
                "ResourceLabel": "app/shop/0123456789abcdef/targetgroup/web/fedcba9876543210",
            },
        },
    )


def moved_shop(accounts: TwoAccounts) -> dict[str, Resource]:
    """The legacy shop with everything that its build phase makes in the target; legacy resources by kind."""
    legacy_shop(accounts)
    found = {}
    for kind in (Cluster(), TaskDefinition(), Service(), Target(), Policy()):
        (found[kind.name],) = accounts.scan(kind).values()
        accounts.do(kind, found[kind.name], "create")
    return found


def service_of(session: Any) -> dict[str, Any]:
    found: dict[str, Any] = session.client("ecs").describe_services(cluster="shop", services=["web"])["services"][0]
    return found
