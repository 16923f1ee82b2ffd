"""The containers of one environment: load balancer, cluster, task definitions, services, scaling, log groups.

Rule: a container's environment is written as people write it: hosts, URLs and ARNs in plain text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migrate.demo.legacy.data import Database
from migrate.demo.legacy.network import Network
from migrate.demo.legacy.site import DOMAIN, PARTNER_ACCOUNT, Env, Site, named, pairs

# group name after the prefix, days kept (None: for ever)
LOG_GROUPS: tuple[tuple[str, int | None], ...] = (
    ("/ecs/shop-{env}/web", 30),
    ("/ecs/shop-{env}/worker", 30),
    ("/ecs/shop-{env}/scheduler", 14),
    ("/ecs/shop-{env}/nightly", None),
    ("/aws/lambda/shop-{env}-thumbnailer", 14),
    ("/aws/lambda/shop-{env}-order-events", 14),
    ("/aws/lambda/shop-{env}-nightly-report", 90),
    ("/aws/lambda/shop-{env}-ml-features", 14),
    ("/aws/lambda/shop-{env}-notify", None),
)


@dataclass(frozen=True)
class Balancer:
    """What others need of a load balancer."""

    dns_name: str
    zone_id: str
    target_groups: dict[str, str]


def log_groups(site: Site, env: Env) -> None:
    """Create the log groups."""
    logs = site.client("logs")
    for pattern, days in LOG_GROUPS:
        name = pattern.format(env=env)
        logs.create_log_group(logGroupName=name, **({"tags": {"env": env}} if "web" in name else {}))
        if days:
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)


def balancer(site: Site, env: Env, network: Network) -> Balancer:
    """Create the load balancer with two target groups, two listeners and a rule of each sort on both."""
    elb = site.client("elbv2")
    prefix = f"shop-{env}"
    created = elb.create_load_balancer(
        Name=prefix,
        Subnets=list(network.public),
        SecurityGroups=[network.groups["alb"]],
        Scheme="internet-facing",
        Type="application",
        Tags=pairs(named(prefix, env)),
    )["LoadBalancers"][0]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=created["LoadBalancerArn"],
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "120"}],
    )
    groups: dict[str, str] = {}
    for name, port, path in (("web", 8080, "/health"), ("admin", 8081, "/admin/health")):
        groups[name] = elb.create_target_group(
            Name=f"{prefix}-{name}",
            Protocol="HTTP",
            Port=port,
            VpcId=network.vpc,
            TargetType="ip",
            HealthCheckPath=path,
            HealthCheckIntervalSeconds=15,
            HealthyThresholdCount=2,
            Matcher={"HttpCode": "200-299"},
            Tags=pairs(named(f"{prefix}-{name}")),
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.modify_target_group_attributes(
            TargetGroupArn=groups[name],
            Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
        )
    to_web: dict[str, Any] = {"Type": "forward", "TargetGroupArn": groups["web"]}
    to_admin: dict[str, Any] = {"Type": "forward", "TargetGroupArn": groups["admin"]}
    refuse: dict[str, Any] = {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": "404",
            "ContentType": "text/plain",
            "MessageBody": "nothing here",
        },
    }
    for port, default in ((80, to_web), (8080, refuse)):
        listener = elb.create_listener(
            LoadBalancerArn=created["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=[default]
        )["Listeners"][0]["ListenerArn"]
        for priority, condition, action in (
            (10, {"Field": "host-header", "HostHeaderConfig": {"Values": [f"api.{env}.{DOMAIN}"]}}, to_web),
            (20, {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/admin/*"]}}, to_admin),
        ):
            elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[action])
    return Balancer(
        dns_name=str(created["DNSName"]), zone_id=str(created["CanonicalHostedZoneId"]), target_groups=groups
    )


def cluster(
    site: Site,
    env: Env,
    *,
    network: Network,
    db: Database,
    secrets: dict[str, str],
    digests: dict[str, str],
    groups: dict[str, str],
) -> None:
    """Create the cluster, its task definitions, services and scaling."""
    ecs = site.client("ecs")
    prefix = f"shop-{env}"
    ecs.create_cluster(
        clusterName=prefix,
        settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE"],
        tags=[{"key": "Name", "value": prefix}, {"key": "env", "value": env}],
    )
    _task_definitions(site, env, db, secrets, digests)
    for name, count, balanced in (
        ("web", 3 if env == "prod" else 1, True),
        ("worker", 2, False),
        ("scheduler", 1, False),
    ):
        more: dict[str, Any] = {}
        if balanced:
            more["loadBalancers"] = [
                {"targetGroupArn": groups["web"], "containerName": "web", "containerPort": 8080},
                {"targetGroupArn": groups["admin"], "containerName": "web", "containerPort": 8081},
            ]
            more["healthCheckGracePeriodSeconds"] = 60
        ecs.create_service(
            cluster=prefix,
            serviceName=name,
            taskDefinition=f"{prefix}-{name}",
            desiredCount=count,
            launchType="FARGATE",
            platformVersion="1.4.0",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": list(network.private),
                    "securityGroups": [network.groups["web" if name == "web" else "worker"]],
                    "assignPublicIp": "DISABLED",
                }
            },
            deploymentConfiguration={
                "maximumPercent": 200,
                "minimumHealthyPercent": 50,
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            },
            enableECSManagedTags=True,
            propagateTags="SERVICE",
            tags=[{"key": "team", "value": "platform"}],
            **more,
        )
    scaling = site.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{prefix}/web",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=10 if env == "prod" else 3)
    scaling.put_scaling_policy(
        **target,
        PolicyName=f"{prefix}-web-cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "ScaleInCooldown": 120,
            "ScaleOutCooldown": 30,
        },
    )


def _task_definitions(site: Site, env: Env, db: Database, secrets: dict[str, str], digests: dict[str, str]) -> None:
    ecs = site.client("ecs")
    prefix = f"shop-{env}"
    environment = {
        "ENV": env,
        "DB_HOST": db.host,
        "BUCKET": f"shop-uploads-{env}",
        "ASSETS_BUCKET": "shop-assets-shared",
        "QUEUE_URL": site.queue_url(f"{prefix}-jobs"),
        "TOPIC_ARN": site.arn("sns", f"{prefix}-orders"),
        "PARTNER_QUEUE_ARN": f"arn:aws:sqs:{site.region}:{PARTNER_ACCOUNT}:partner-orders",
    }
    from_secrets = {
        "DB_PASSWORD": f"{secrets['db']}:password::",
        "STRIPE_KEY": secrets["stripe"],
        "SIGNING_KEY": f"/shop/{env}/session/signing-key",
        "DB_HOST_PARAMETER": site.arn("ssm", f"parameter/shop/{env}/db/host"),
    }
    images = {
        "web": f"{site.registry}/shop/web:1.5.0",
        "worker": f"{site.registry}/shop/worker@{digests['shop/worker:2.1.0']}",
        "scheduler": f"{site.registry}/shop/worker:2.0.1",
        "nightly": f"{site.registry}/shop/tools:2024-11",
    }
    previous_web = f"{site.registry}/shop/web:1.4.0"
    for name, image in (("web", previous_web), *images.items()):
        ecs.register_task_definition(
            family=f"{prefix}-{name}",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="512" if name == "web" else "256",
            memory="1024" if name == "web" else "512",
            executionRoleArn=site.role(f"{prefix}-ecs-execution"),
            taskRoleArn=site.role(f"{prefix}-ecs-task"),
            runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            containerDefinitions=[
                {
                    "name": name,
                    "image": image,
                    "essential": True,
                    "command": ["/app/run", f"--role={name}"],
                    "environment": [{"name": key, "value": value} for key, value in environment.items()],
                    "secrets": [{"name": key, "valueFrom": value} for key, value in from_secrets.items()],
                    "portMappings": (
                        [{"containerPort": port, "protocol": "tcp"} for port in (8080, 8081)] if name == "web" else []
                    ),
                    "logConfiguration": {
                        "logDriver": "awslogs",
                        "options": {
                            "awslogs-group": f"/ecs/{prefix}/{name}",
                            "awslogs-region": site.region,
                            "awslogs-stream-prefix": "c",
                        },
                    },
                }
            ],
            tags=[{"key": "env", "value": env}] if name in ("web", "nightly") else [],
        )
