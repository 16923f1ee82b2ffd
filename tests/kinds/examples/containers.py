"""A cluster and its machines, the definition of a task with everything in it, a balanced service."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import LEGACY, REGION, TwoSides

TAGS = [{"key": key, "value": value} for key, value in needed.TAGS.items()]
OTHER_TAGS = [{"key": "team", "value": "someone else"}]


def a_capacity_provider(world: TwoSides) -> Resource:
    ecs = world.client("legacy", "ecs")
    ecs.create_capacity_provider(
        name="machines",
        autoScalingGroupProvider={
            "autoScalingGroupArn": f"arn:aws:autoscaling:{REGION}:{LEGACY}:autoScalingGroup:elsewhere",
            "managedScaling": {
                "status": "ENABLED",
                "targetCapacity": 80,
                "minimumScalingStepSize": 2,
                "maximumScalingStepSize": 4,
                "instanceWarmupPeriod": 60,
            },
            "managedTerminationProtection": "ENABLED",
            "managedDraining": "ENABLED",
        },
        tags=TAGS,
    )
    ecs.create_cluster(clusterName="machines", capacityProviders=["machines"])
    # Only those that a cluster uses are seen: the target's cluster is made by hand.
    world.client("target", "ecs").create_cluster(clusterName="machines", capacityProviders=["machines"])
    return needed.scanned(world, "ecs.capacity_provider", "machines")


def provider_says(**params: Any) -> Change:
    return needed.changed("ecs", "update_capacity_provider", "name", autoScalingGroupProvider=params)


def a_cluster(world: TwoSides) -> Resource:
    a_capacity_provider(world)
    needed.moved(world, "ecs.capacity_provider", "machines")
    logs = {"cloudWatchLogGroupName": "/ecs/exec", "cloudWatchEncryptionEnabled": True}
    world.client("legacy", "ecs").create_cluster(
        clusterName="shop",
        settings=[{"name": "containerInsights", "value": "enhanced"}],
        configuration={"executeCommandConfiguration": {"logging": "OVERRIDE", "logConfiguration": logs}},
        capacityProviders=["FARGATE", "FARGATE_SPOT", "machines"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 1}],
        serviceConnectDefaults={"namespace": "shop"},
        tags=TAGS,
    )
    return needed.scanned(world, "ecs.cluster", "shop")


def cluster_says(operation: str = "update_cluster", **params: Any) -> Change:
    return needed.changed("ecs", operation, "cluster", **params)


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "ecs").tag_resource(resourceArn=it.arn, tags=OTHER_TAGS)


def registered(world: TwoSides, **more: Any) -> str:
    """A task definition on two roles; its ARN."""
    roles = {f"{sort}RoleArn": needed.a_role(world, sort) for sort in ("task", "execution")}
    made = world.client("legacy", "ecs").register_task_definition(
        family="web", tags=TAGS, **roles, **({"containerDefinitions": [CONTAINER]} | more)
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


CONTAINER: dict[str, Any] = {
    "name": "web",
    "image": "public.ecr.aws/nginx/nginx:1.27",
    "cpu": 128,
    "memoryReservation": 64,
    "essential": True,
    "entryPoint": ["/bin/sh", "-c"],
    "command": ["run --serve"],
    "user": "1000",
    "workingDirectory": "/srv",
    "readonlyRootFilesystem": True,
    "startTimeout": 30,
    "stopTimeout": 90,
    "portMappings": [
        {"containerPort": 8080, "hostPort": 8080, "protocol": "tcp", "name": "http", "appProtocol": "http2"}
    ],
    "environment": [
        {"name": "QUEUE", "value": f"https://sqs.{REGION}.amazonaws.com/{LEGACY}/jobs"},
    ],
    "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::elsewhere/web.env"}],
    "secrets": [{"name": "KEY", "valueFrom": "/shop/key"}],
    "mountPoints": [{"sourceVolume": "files", "containerPath": "/files", "readOnly": True}],
    "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}],
    "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 10, "timeout": 3, "retries": 5, "startPeriod": 20},
    "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
    "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["NET_RAW"]}},
    "dockerLabels": {"com.example.team": "shop"},
    "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
    "logConfiguration": {
        "logDriver": "awslogs",
        "options": {"awslogs-group": "/ecs/web", "awslogs-region": REGION, "awslogs-stream-prefix": "web"},
    },
    "restartPolicy": {"enabled": True, "ignoredExitCodes": [3], "restartAttemptPeriod": 60},
    "versionConsistency": "disabled",
}
PROXY: dict[str, Any] = {
    "name": "proxy",
    "image": "public.ecr.aws/appmesh/envoy:v1",
    "memory": 64,
    "essential": False,
    "firelensConfiguration": {"type": "fluentbit", "options": {"enable-ecs-log-metadata": "true"}},
}


def a_task_definition(world: TwoSides) -> Resource:
    needed.a_queue(world, "jobs")
    shared = {"rootDirectory": "/files", "transitEncryption": "ENABLED", "transitEncryptionPort": 2999}
    access = {"accessPointId": "fsap-elsewhere", "iam": "ENABLED"}
    registered(
        world,
        containerDefinitions=[CONTAINER, PROXY],
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE", "EC2"],
        cpu="512",
        memory="1024",
        volumes=[
            {
                "name": "files",
                "efsVolumeConfiguration": {"fileSystemId": "elsewhere", "authorizationConfig": access, **shared},
            },
            {"name": "work", "host": {"sourcePath": "/work"}},
        ],
        placementConstraints=[{"type": "memberOf", "expression": "attribute:ecs.instance-type =~ t4g.*"}],
        pidMode="task",
        ipcMode="none",
        proxyConfiguration={
            "type": "APPMESH",
            "containerName": "proxy",
            "properties": [{"name": "ProxyIngressPort", "value": "15000"}],
        },
        inferenceAccelerators=[{"deviceName": "device_1", "deviceType": "eia2.medium"}],
        ephemeralStorage={"sizeInGiB": 60},
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    )
    return needed.scanned(world, "ecs.task_definition", "web:1")


IMMUTABLE = "a revision is never changed: another one is registered, which is another thing"
TASK_FACTS = (
    "family", "container_definitions", "task_role_arn", "execution_role_arn", "network_mode",
    "requires_compatibilities", "cpu", "memory", "volumes", "placement_constraints", "pid_mode", "ipc_mode",
    "proxy_configuration", "inference_accelerators", "ephemeral_storage", "runtime_platform", "enable_fault_injection",
    "trusted_execution_configuration",
)  # fmt: skip


def a_service(world: TwoSides) -> Resource:
    network = ground.a_network(world)
    a_cluster(world)
    needed.moved(world, "ecs.cluster", "shop")
    task = registered(world, networkMode="awsvpc")
    needed.moved(world, "ecs.task_definition", "web:1")
    role = needed.a_role(world, "balancing", "ecs.amazonaws.com")
    balanced = world.client("legacy", "elbv2").create_target_group(
        Name="web", Protocol="HTTP", Port=8080, VpcId=network.vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]
    needed.moved(world, "elbv2.target_group", "web")
    awsvpc = {"subnets": list(network.subnets), "securityGroups": [network.group], "assignPublicIp": "ENABLED"}
    world.client("legacy", "ecs").create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition=task,
        desiredCount=3,
        launchType="FARGATE",
        platformVersion="1.4.0",
        role=role,
        loadBalancers=[{"targetGroupArn": balanced, "containerName": "web", "containerPort": 8080}],
        networkConfiguration={"awsvpcConfiguration": awsvpc},
        serviceRegistries=[
            {"registryArn": "arn:aws:servicediscovery:eu-west-1:999988887777:service/srv-elsewhere", "port": 8080}
        ],
        propagateTags="SERVICE",
        tags=TAGS,
    )
    return needed.scanned(world, "ecs.service", "shop/web")


def service_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        world.client("target", "ecs").update_service(cluster="shop", service="web", **params)

    return change


def service_moved_to_other_subnets(world: TwoSides, it: Resource) -> None:
    awsvpc = it.facts["network"]["awsvpcConfiguration"] | {"subnets": [ground.another_subnet(world)]}
    service_says(networkConfiguration={"awsvpcConfiguration": awsvpc})(world, it)


def another_revision(world: TwoSides, it: Resource) -> None:
    ecs = world.client("target", "ecs")
    made = ecs.register_task_definition(family="web", containerDefinitions=[CONTAINER | {"cpu": 256}])
    service_says(taskDefinition=made["taskDefinition"]["taskDefinitionArn"])(world, it)


AT_CREATION = "ECS takes it when the service is created only"
SERVICE_CHANGES: dict[str, Change] = {
    "task_definition": another_revision,
    "desired_count": service_says(desiredCount=4),
    "capacity_provider_strategy": service_says(
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]
    ),
    "platform_version": service_says(platformVersion="LATEST"),
    "deployment": service_says(
        deploymentConfiguration={
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "maximumPercent": 150,
            "minimumHealthyPercent": 50,
        }
    ),
    "load_balancers": service_says(loadBalancers=[]),
    "network": service_moved_to_other_subnets,
    "service_registries": service_says(serviceRegistries=[]),
    "placement_constraints": service_says(placementConstraints=[{"type": "distinctInstance"}]),
    "placement_strategy": service_says(placementStrategy=[{"type": "spread", "field": "instanceId"}]),
    "health_check_grace_s": service_says(healthCheckGracePeriodSeconds=60),
    "execute_command": service_says(enableExecuteCommand=True),
    "managed_tags": service_says(enableECSManagedTags=True),
    "propagate_tags": service_says(propagateTags="TASK_DEFINITION"),
    "zone_rebalancing": service_says(availabilityZoneRebalancing="ENABLED"),
    "tags": tagged,
}


EXAMPLES = (
    Example(
        "ecs.capacity_provider",
        a_capacity_provider,
        {
            "managed_scaling": provider_says(managedScaling={"status": "DISABLED"}),
            "termination_protection": provider_says(managedTerminationProtection="DISABLED"),
            "tags": tagged,
        },
        fixed={
            "group_arn": "ECS changes it at creation only",
            "draining": "the emulator does not know managedDraining of UpdateCapacityProvider",
        },
    ),
    Example(
        "ecs.cluster",
        a_cluster,
        {
            "settings": cluster_says(settings=[{"name": "containerInsights", "value": "disabled"}]),
            "configuration": cluster_says(configuration={"executeCommandConfiguration": {"logging": "NONE"}}),
            "capacity_providers": cluster_says(
                "put_cluster_capacity_providers",
                capacityProviders=["FARGATE", "machines"],
                defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 3, "base": 1}],
            ),
            "default_strategy": cluster_says(
                "put_cluster_capacity_providers",
                capacityProviders=["FARGATE", "machines"],
                defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1, "base": 1}],
            ),
            "scaled_providers": cluster_says(
                "put_cluster_capacity_providers", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
            ),
            "service_connect_namespace": cluster_says(serviceConnectDefaults={"namespace": "other"}),
            "tags": tagged,
        },
    ),
    Example("ecs.task_definition", a_task_definition, {"tags": tagged}, fixed=dict.fromkeys(TASK_FACTS, IMMUTABLE)),
    Example(
        "ecs.service",
        a_service,
        SERVICE_CHANGES,
        fixed={
            "cluster_arn": "what a service is: one in another cluster is another service",
            "launch_type": AT_CREATION,
            "scheduling": AT_CREATION,
            "controller": AT_CREATION,
            "role_arn": AT_CREATION,
            "service_connect": "it is in the service's deployments, which the emulator does not make anew",
            "volumes": "they are in the service's deployments, which the emulator does not make anew",
            "lattice": "it is in the service's deployments, which the emulator does not make anew",
        },
    ),
)
