"""The foreign account's compute: functions, containers, machines, load balancers, and services without a kind.

Rule: as in foreign_account; nothing here is tuned to what the product handles.
"""

from __future__ import annotations

import json
from typing import Any

from .foreign_account import LEGACY, REGIONS, Builder, code, spec


def build(it: Builder) -> None:
    """Everything that computes."""
    for region in it.size.regions:
        functions(it, region)
    balancers(it)
    containers(it)
    machines(it)
    others(it)


def functions(it: Builder, region: str) -> None:
    """Equal names in both regions; images, aliases, versions, URLs, destinations, odd runtimes."""
    client = it.client("lambda", region)
    role, net = it.made["role"], it.made[f"net {region}"][0]

    def function(name: str, **more: Any) -> str:
        made = client.create_function(
            FunctionName=name, Role=role, **{"Code": {"ZipFile": code(f"# {name} {region}\n")}, **more}
        )
        return str(made["FunctionArn"])

    plain: dict[str, Any] = {"Runtime": "python3.12", "Handler": "main.handler"}
    turner = function("rotator", **plain)
    it.maybe(
        "rotation",
        lambda: it.client("secretsmanager", region).rotate_secret(
            SecretId="turned", RotateImmediately=False, RotationRules={"AutomaticallyAfterDays": 30},
            RotationLambdaARN=turner,
        ),
    )  # fmt: skip
    failing = function(
        f"{it.word}_worker", Runtime="provided.al2023", Handler="boot", Architectures=["arm64"], MemorySize=10240,
        Timeout=900, Description="does \"things\" & 'more'", EphemeralStorage={"Size": 1024},
        DeadLetterConfig={"TargetArn": it.made[f"dead {region}"]}, TracingConfig={"Mode": "Active"},
        Environment={"Variables": {
            "BUCKET": f"{it.word.lower()}.assets.example", "QUEUE": it.made[f"queue {region}"],
            "TABLE": "Orders.v2", "API_TOKEN": "tok-" + "9" * 24, "EMPTY": "", "UNICODE": "žluťoučký",
        }},
        VpcConfig={"SubnetIds": net["subnets"], "SecurityGroupIds": net["groups"]}, Tags=it.tags("worker"),
    )  # fmt: skip
    version = client.publish_version(FunctionName=f"{it.word}_worker")["Version"]
    client.create_alias(FunctionName=f"{it.word}_worker", Name="live", FunctionVersion=version, Description="ä")
    it.maybe(
        "destinations",
        lambda: client.put_function_event_invoke_config(
            FunctionName=f"{it.word}_worker", MaximumRetryAttempts=0,
            DestinationConfig={"OnFailure": {"Destination": it.made[f"topic {region}"]}},
        ),
    )  # fmt: skip
    it.maybe("url", lambda: client.create_function_url_config(FunctionName=f"{it.word}_worker", AuthType="NONE"))
    function("h" * 64, Runtime="nodejs22.x", Handler="a/b.c")
    it.maybe(
        "mapping",
        lambda: client.create_event_source_mapping(EventSourceArn=it.made[f"queue {region}"], FunctionName=failing),
    )
    if region == REGIONS[0]:
        it.maybe(
            "image function",
            lambda: function(
                "from_image",
                PackageType="Image",
                Code={"ImageUri": f"{LEGACY}.dkr.ecr.{region}.amazonaws.com/app/fn:v1"},
            ),
        )
        it.maybe(
            "stream mapping",
            lambda: client.create_event_source_mapping(
                EventSourceArn=it.made["stream"], FunctionName="rotator", StartingPosition="TRIM_HORIZON"
            ),
        )


def balancers(it: Builder) -> None:
    """A public ALB with HTTPS, redirects and conditions of every sort; an NLB in the default VPC."""
    elb, acm = it.client("elbv2"), it.client("acm")
    net, default = it.made[f"net {REGIONS[0]}"][0], it.made[f"default {REGIONS[0]}"]
    certificate = acm.request_certificate(DomainName="*.example.net", ValidationMethod="DNS")["CertificateArn"]
    alb = elb.create_load_balancer(
        Name="a" * 32, Subnets=net["subnets"], SecurityGroups=[net["groups"][0]], Tags=it.pairs("alb")
    )["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(
        Name="tg-1", Protocol="HTTP", Port=8080, VpcId=net["vpc"], TargetType="ip", HealthCheckPath="/healthz?x=1",
        Matcher={"HttpCode": "200-299"},
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    redirect = {
        "Protocol": "HTTPS",
        "Port": "443",
        "StatusCode": "HTTP_301",
        "Host": "#{host}",
        "Path": "/#{path}",
        "Query": "#{query}",
    }
    elb.create_listener(
        LoadBalancerArn=alb, Protocol="HTTP", Port=80, DefaultActions=[{"Type": "redirect", "RedirectConfig": redirect}]
    )
    secure = elb.create_listener(
        LoadBalancerArn=alb, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": certificate}],
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06", DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", "MessageBody": "“no”"}}
    for priority, condition in enumerate(
        (
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.net"]}},
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a*b/?"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["b*"]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24"]}},
        ),
        10,
    ):
        rule = {"ListenerArn": secure, "Priority": priority, "Conditions": [condition], "Actions": [fixed]}
        it.maybe(f"rule {condition['Field']}", elb.create_rule, **rule)
    nlb = elb.create_load_balancer(Name="nlb-1", Type="network", Scheme="internal", Subnets=default["subnets"])
    tcp = elb.create_target_group(Name="tcp-1", Protocol="TCP", Port=5432, VpcId=default["vpc"], TargetType="instance")
    elb.create_listener(
        LoadBalancerArn=nlb["LoadBalancers"][0]["LoadBalancerArn"], Protocol="TCP", Port=5432,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": tcp["TargetGroups"][0]["TargetGroupArn"]}],
    )  # fmt: skip
    it.made["group"] = group


def containers(it: Builder) -> None:
    """A cluster on machines of its own and one on Fargate; many services, most without a load balancer."""
    ecs, ecr = it.client("ecs"), it.client("ecr")
    net = it.made[f"net {REGIONS[0]}"][0]
    ecr.create_repository(repositoryName="app/fn", imageTagMutability="IMMUTABLE", tags=it.pairs("app"))
    ecr.create_repository(repositoryName="empty.repo_1")
    ecs.create_cluster(clusterName="On_Machines", tags=it.pairs("c", "key", "value"))
    ecs.create_cluster(clusterName="spare", settings=[{"name": "containerInsights", "value": "enabled"}])
    container: dict[str, Any] = {
        "name": "main", "image": "docker.io/library/nginx:1.27", "essential": True, "memory": 128,
        "environment": [{"name": "QUEUE", "value": it.made[f"queue {REGIONS[0]}"]}],
        "portMappings": [{"containerPort": 8080}], "command": ["sh", "-c", "echo \"it's\" && sleep 1"],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": f"/{it.word}/svc-001"}},
    }  # fmt: skip
    for n in range(3):
        ecs.register_task_definition(
            family="on-ec2", containerDefinitions=[container | {"cpu": n}], networkMode="bridge"
        )
    ecs.register_task_definition(
        family="Fargate_one", containerDefinitions=[container], networkMode="awsvpc", cpu="256", memory="512",
        requiresCompatibilities=["FARGATE"], executionRoleArn=it.made["role"], taskRoleArn=it.made["role"],
        runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
    )  # fmt: skip
    awsvpc = {"awsvpcConfiguration": {"subnets": net["subnets"], "securityGroups": net["groups"][:1]}}
    for n in range(it.size.services):
        if n % 3 == 0:
            balanced = {"targetGroupArn": it.made["group"], "containerName": "main", "containerPort": 8080}
            ecs.create_service(
                cluster="spare", serviceName=f"svc_{n}", taskDefinition="Fargate_one", desiredCount=1,
                launchType="FARGATE", networkConfiguration=awsvpc, loadBalancers=[balanced] if n == 0 else [],
            )  # fmt: skip
        else:
            ecs.create_service(
                cluster="On_Machines", serviceName=f"svc_{n}", taskDefinition=f"on-ec2:{1 + n % 3}", desiredCount=n % 2,
                launchType="EC2", schedulingStrategy="REPLICA",
            )  # fmt: skip


def machines(it: Builder) -> None:
    """Instances, a launch template, a group that scales, an address."""
    ec2, scaling = it.client("ec2"), it.client("autoscaling")
    default = it.made[f"default {REGIONS[0]}"]
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    ec2.run_instances(
        ImageId=image, MinCount=2, MaxCount=2, InstanceType="t3.micro", SubnetId=default["subnets"][0],
        SecurityGroupIds=default["groups"], TagSpecifications=spec("instance", it.pairs("pet 🐶")),
    )  # fmt: skip
    ec2.create_launch_template(
        LaunchTemplateName="hosts",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro", "UserData": "IyE="},
    )
    it.maybe(
        "scaling group",
        lambda: scaling.create_auto_scaling_group(
            AutoScalingGroupName="hosts group", MinSize=0, MaxSize=2, VPCZoneIdentifier=default["subnets"][0],
            LaunchTemplate={"LaunchTemplateName": "hosts", "Version": "1"},
        ),
    )  # fmt: skip
    ec2.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", it.pairs("spare address")))


def others(it: Builder) -> None:
    """Services that no kind handles."""
    machine = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    it.client("stepfunctions").create_state_machine(
        name="Flow-1", definition=json.dumps(machine), roleArn=it.made["role"], tags=it.pairs("f", "key", "value")
    )
    it.maybe("cognito", lambda: it.client("cognito-idp").create_user_pool(PoolName="people"))
    it.maybe("efs", lambda: it.client("efs").create_file_system(CreationToken="x"))
    it.maybe("api", lambda: it.client("apigateway").create_rest_api(name="API 'one'"))
    it.maybe("glue", lambda: it.client("glue").create_database(DatabaseInput={"Name": "lake"}))
    it.maybe(
        "scheduler",
        lambda: it.client("scheduler").create_schedule(
            Name="tick", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": it.made[f"queue {REGIONS[0]}"], "RoleArn": it.made["role"]},
        ),
    )  # fmt: skip
    stack = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "by-stack"}}}}
    it.client("cloudformation").create_stack(StackName="Stack-1", TemplateBody=json.dumps(stack))
